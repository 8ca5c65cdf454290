//! Splits a request's head from its body as the bytes arrive, and drops the cookies.
//!
//! Browsers send every cookie of `localhost` to every port, so other local apps decide how many
//! arrive here. The listener reads none of them: they have a separate limit.

use zeroize::Zeroizing;

use super::limits::{COOKIE_LIMIT, HEAD_LIMIT, MALFORMED};
use crate::entra::redirect::refusal::{Refusal, Refused};

const COOKIE: &[u8] = b"cookie:";

/// A head that is not complete yet. Its target may contain a code.
pub(super) struct Head {
    kept: Zeroizing<Vec<u8>>,
    /// The start of the current line in `kept`.
    line: usize,
    last: u8,
    is_cookie: bool,
    /// The length of all cookie lines so far, in bytes.
    cookies: usize,
}

impl Head {
    pub(super) fn new() -> Self {
        Head {
            // Allocated once, so that no outgrown copy of a code is left behind in freed memory.
            kept: Zeroizing::new(Vec::with_capacity(HEAD_LIMIT)),
            line: 0,
            last: 0,
            is_cookie: false,
            cookies: 0,
        }
    }

    /// Takes the next byte. Returns `true` if it ends the head. Readers disagree about NUL, and
    /// about CR and LF outside a line's end: such a head is malformed.
    pub(super) fn push(&mut self, byte: u8) -> Result<bool, Refusal> {
        let last = std::mem::replace(&mut self.last, byte);
        if byte == 0 || (byte == b'\n') != (last == b'\r') {
            return Err(MALFORMED);
        }
        if self.is_cookie {
            self.skip(1)?;
            self.is_cookie = byte != b'\n';
            return Ok(false);
        }
        if self.kept.len() == HEAD_LIMIT {
            return Err(Refusal::new(
                431,
                "This request's head is too large",
                Refused::Request("its head is larger than 16 KiB"),
            ));
        }
        self.kept.push(byte);
        let line = &self.kept[self.line..];
        // The first line is the request line.
        if self.line > 0 && line.eq_ignore_ascii_case(COOKIE) {
            self.kept.truncate(self.line);
            self.is_cookie = true;
            self.skip(COOKIE.len())?;
        } else if byte == b'\n' {
            let is_end = line == b"\r\n";
            self.line = self.kept.len();
            return Ok(is_end);
        }
        Ok(false)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.cookies += bytes;
        match self.cookies > COOKIE_LIMIT {
            true => Err(Refusal::new(
                431,
                "This request's cookies are too large",
                Refused::Request(
                    "its cookies are larger than 128 KiB: delete the browser's cookies for \
                     localhost",
                ),
            )),
            false => Ok(()),
        }
    }

    /// The request line and all headers but `Cookie`.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.kept
    }
}

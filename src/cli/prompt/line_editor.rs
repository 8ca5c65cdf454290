//! Reads one line key by key from a terminal without echo.
//!
//! In canonical mode a terminal cuts lines after 1024 bytes on macOS, after 4095 on Linux. An address
//! with Entra's code has about that length. So this module handles the keys that edit a line. Keys
//! that send signals never arrive.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// Reads a line of at most `longest` bytes, without its end. Returns `None` at the end of the input,
/// or if Ctrl-D is the first key.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if the line is longer, or is not UTF-8; an error of the terminal.
pub(super) fn read_line(
    source: &mut impl Read,
    longest: usize,
) -> io::Result<Option<Zeroizing<String>>> {
    // It never grows, so that no copy of it stays in memory.
    let mut line = Zeroizing::new(Vec::with_capacity(longest));
    let mut is_too_long = false;
    loop {
        let Some(key) = next(source)? else {
            match line.is_empty() {
                true => return Ok(None),
                false => break,
            }
        };
        match key {
            b'\n' | b'\r' => break,
            // Backspace.
            0x08 | 0x7f => drop_char(&mut line),
            // Ctrl-D.
            0x04 if line.is_empty() => return Ok(None),
            // Ctrl-U.
            0x15 => line.clear(),
            // Ctrl-W.
            0x17 => drop_word(&mut line),
            0x1b => skip_sequence(source)?,
            0x00..=0x1f => {}
            _ if line.len() == longest => is_too_long = true,
            key => line.push(key),
        }
    }
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
    if is_too_long {
        return Err(wrong("the line is too long"));
    }
    match std::str::from_utf8(&line) {
        Ok(line) => Ok(Some(Zeroizing::new(line.to_owned()))),
        Err(_) => Err(wrong("the line is not UTF-8")),
    }
}

/// Reads the next byte; `None` at the end of the input.
fn next(source: &mut impl Read) -> io::Result<Option<u8>> {
    let mut key = [0];
    loop {
        match source.read(&mut key) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(key[0])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes the last character with all its bytes.
fn drop_char(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

fn drop_word(line: &mut Vec<u8>) {
    let ends_with = |line: &[u8], is_space: bool| {
        line.last()
            .is_some_and(|byte| byte.is_ascii_whitespace() == is_space)
    };
    while ends_with(line, true) {
        line.pop();
    }
    while ends_with(line, false) {
        line.pop();
    }
}

/// Skips the rest of an escape sequence, as of an arrow key (ECMA-48: `ESC [`, parameters, one final
/// byte; `ESC O` and one byte). The Escape key also skips the next key.
fn skip_sequence(source: &mut impl Read) -> io::Result<()> {
    match next(source)? {
        Some(b'[') => while next(source)?.is_some_and(|byte| !(0x40..=0x7e).contains(&byte)) {},
        Some(b'O') => drop(next(source)?),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> io::Result<Option<String>> {
        let line = read_line(&mut &keys[..], 16)?;
        Ok(line.map(|line| line.to_string()))
    }

    #[test]
    fn line_is_edited_by_the_usual_keys() {
        for (keys, line) in [
            (&b"secret\n"[..], Some("secret")),
            (b"secret\r", Some("secret")),
            (b"secret", Some("secret")),
            (b"\n", Some("")),
            (b"", None),
            (b"\x04", None),
            (b"ab\x04c\n", Some("abc")),
            (b"abx\x7fc\n", Some("abc")),
            (b"abx\x08c\n", Some("abc")),
            (b"\x7fa\n", Some("a")),
            ("aç€\x7f\x7fb\n".as_bytes(), Some("ab")),
            (b"wrong\x15right\n", Some("right")),
            (b"one two \x17three\n", Some("one three")),
            (b"a\x1b[Db\x1b[3~c\x1bOPd\n", Some("abcd")),
            (b"a\x1b[200~b\x1b[201~c\n", Some("abc")),
            (b"a\x01\tb\n", Some("ab")),
            (b"0123456789abcdef\n", Some("0123456789abcdef")),
        ] {
            let read = typed(keys).expect("a line");
            assert_eq!(read.as_deref(), line, "{keys:?}");
        }
    }

    #[test]
    fn line_that_is_too_long_or_no_text_is_an_error_and_is_read_to_its_end() {
        let mut source = &b"0123456789abcdefg\nnext\n"[..];
        let error = read_line(&mut source, 16).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let next = read_line(&mut source, 16).expect("a line").expect("a line");
        assert_eq!(next.as_str(), "next");
        assert!(typed(b"\xff\n").is_err());
    }
}

//! The form of an index line, checked without parsing it.
//!
//! [`LineParts::scan`] accepts exactly the lines that [`contents::write`](super::contents::write) writes: these
//! members, in this order, without white space and with the shortest escapes. Equal values then have
//! equal bytes, so that sessions are compared without parsing. A line in another form needs the
//! reader of the whole file.

use memchr::memchr2;

/// The parts of a line that identify its session, each as JSON.
pub(super) struct LineParts<'l> {
    pub(super) application: &'l [u8],
    pub(super) account: &'l [u8],
    pub(super) home_account_id: &'l [u8],
    pub(super) store: &'l [u8],
    pub(super) login: Option<&'l [u8]>,
}

const HOME_ACCOUNT_ID: &str = "{\"home_account_id\":";

impl LineParts<'_> {
    /// Splits a line, without the comma at its end. `None` if the writer would not write this line in its
    /// list.
    pub(super) fn scan(line: &[u8], is_active: bool) -> Option<LineParts<'_>> {
        std::str::from_utf8(line).ok()?;
        let mut scan = Scanner(line);
        scan.expect("{\"tenancy\":")?;
        let application =
            scan.object(&["{\"authority_host\":", ",\"tenant\":", ",\"client_id\":"])?;
        scan.expect(",\"account\":")?;
        let account = scan.object(&[
            HOME_ACCOUNT_ID,
            ",\"username\":",
            ",\"tenant_id\":",
            ",\"object_id\":",
        ])?;
        let home_account_id = Scanner(&account[HOME_ACCOUNT_ID.len()..]).string()?;
        let store = scan.expect(",\"store\":")?.string()?;
        let login = match scan.consume_if(",\"login\":") {
            true => Some(scan.string()?),
            false => None,
        };
        scan.expect(",\"can_renew\":")?;
        ["true", "false"]
            .iter()
            .find(|flag| scan.consume_if(flag))?;
        scan.expect(",\"entra_tokens\":")?.list(|scan| {
            scan.expect("{\"scopes\":")?.strings()?;
            scan.expiry()
        })?;
        scan.expect(",\"communication_tokens\":")?
            .communication_tokens(&["\"key\"", "\"entra\"", "\"teams-extension\""])?;
        if scan.consume_if(",\"further_communication_tokens\":") {
            // An empty list is not written.
            let is_empty = scan.0.starts_with(b"[]");
            (!is_empty).then_some(())?;
            scan.communication_tokens(&["\"service\""])?;
        }
        if scan.consume_if(",\"short_tokens\":{\"redeemed_at_seconds\":") {
            scan.number()?;
            scan.expect(",\"life_seconds\":")?.natural()?;
            scan.expect("}")?;
        }
        scan.expect(",\"clock\":")?.clock()?;
        let end = if is_active { ",\"active\":true}" } else { "}" };
        scan.expect(end)?;
        scan.0.is_empty().then_some(LineParts {
            application,
            account,
            home_account_id,
            store,
            login,
        })
    }
}

/// The rest of a line.
struct Scanner<'l>(&'l [u8]);

impl<'l> Scanner<'l> {
    fn consume_if(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text.as_bytes());
        rest.is_some_and(|rest| {
            self.0 = rest;
            true
        })
    }

    fn expect(&mut self, text: &str) -> Option<&mut Self> {
        self.consume_if(text).then_some(self)
    }

    /// Returns an object of strings, each after one of these texts.
    fn object(&mut self, members: &[&str]) -> Option<&'l [u8]> {
        let before = self.0;
        for member in members {
            self.expect(member)?.string()?;
        }
        self.expect("}")?;
        Some(&before[..before.len() - self.0.len()])
    }

    /// Returns a string, with its quotes and the escapes of `serde_json`.
    fn string(&mut self) -> Option<&'l [u8]> {
        let text = self.0;
        let mut at = text.starts_with(b"\"").then_some(1)?;
        loop {
            let end = at + memchr2(b'"', b'\\', &text[at..])?;
            if text[at..end].iter().any(|byte| *byte < 0x20) {
                return None;
            }
            if text[end] == b'"' {
                self.0 = &text[end + 1..];
                return Some(&text[..=end]);
            }
            at = end + escape(&text[end + 1..])? + 1;
        }
    }

    /// Reads a whole number of at most 18 digits. Larger ones need the reader of the whole file.
    fn number(&mut self) -> Option<()> {
        match self.consume_if("-") {
            true if self.0.starts_with(b"0") => None,
            _ => self.natural(),
        }
    }

    fn natural(&mut self) -> Option<()> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        let is_plain = count == 1 || (count > 1 && self.0[0] != b'0');
        self.0 = &self.0[count..];
        (is_plain && count <= 18).then_some(())
    }

    /// Reads a list of Communication tokens by these kinds of exchange.
    fn communication_tokens(&mut self, kinds: &[&str]) -> Option<()> {
        self.list(|scan| {
            scan.expect("{\"source\":{\"endpoint\":")?.string()?;
            scan.expect(",\"exchange\":")?;
            kinds.iter().find(|kind| scan.consume_if(kind))?;
            scan.expect(",\"scopes\":")?.strings()?;
            scan.expect("}")?.expiry()
        })
    }

    fn expiry(&mut self) -> Option<()> {
        self.expect(",\"expires_on_seconds\":")?.number()?;
        self.expect("}").map(drop)
    }

    fn clock(&mut self) -> Option<()> {
        if self.consume_if("null") {
            return Some(());
        }
        self.expect("{\"wall_seconds\":")?.number()?;
        self.expect(",\"service_seconds\":")?.number()?;
        self.expect(",\"boot\":")?;
        if !self.consume_if("null") {
            self.expect("{\"id\":")?;
            if !self.consume_if("null") {
                self.string()?;
            }
            self.expect(",\"uptime_seconds\":")?.natural()?;
            self.expect("}")?;
        }
        self.expect("}").map(drop)
    }

    fn strings(&mut self) -> Option<()> {
        self.list(|scan| scan.string().map(drop))
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect("[")?;
        if self.consume_if("]") {
            return Some(());
        }
        loop {
            item(self)?;
            if !self.consume_if(",") {
                return self.expect("]").map(drop);
            }
        }
    }
}

/// Returns the length of an escape without its backslash, if it is the shortest for its character.
fn escape(text: &[u8]) -> Option<usize> {
    match text {
        [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(1),
        [b'u', b'0', b'0', high @ b'0'..=b'1', low, ..] => {
            let is_hex = matches!(low, b'0'..=b'9' | b'a'..=b'f');
            let has_letter = *high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd');
            (is_hex && !has_letter).then_some(5)
        }
        _ => None,
    }
}

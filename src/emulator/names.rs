//! The names that the emulator answers to beside the loopback ones.

use std::net::IpAddr;

use crate::error::{Error, Kind, Result};
use crate::loopback;

/// The names in lower case, each a host's name or address.
///
/// # Errors
/// [`Kind::Usage`] where one is not.
pub(super) fn checked(names: &[String]) -> Result<Vec<String>> {
    names.iter().map(|name| checked_one(name)).collect()
}

fn checked_one(name: &str) -> Result<String> {
    let is_name = name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
    match is_name || name.parse::<IpAddr>().is_ok() {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(Error::new(
            Kind::Usage,
            "a host name of the emulator is not one",
            "give a name or an address without scheme and port, such as login.example.test",
        )),
    }
}

/// Whether a `Host` header names this listener: by a loopback name or one of these, with exactly
/// this port.
pub(super) fn is_ours(header: &str, port: u16, names: &[String]) -> bool {
    loopback::is_our_host(header, port)
        || names.iter().any(|name| {
            let bracketed = match name.contains(':') {
                true => format!("[{name}]"),
                false => name.clone(),
            };
            header.eq_ignore_ascii_case(&format!("{bracketed}:{port}"))
                || (matches!(port, 80 | 443) && header.eq_ignore_ascii_case(&bracketed))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_ours_with_our_port_only() {
        let names = ["Login.example.test", "127.0.0.2", "fd00::1"].map(str::to_owned);
        let names = checked(&names).expect("names");
        for ours in [
            "localhost:8443",
            "LOGIN.example.test:8443",
            "127.0.0.2:8443",
            "[fd00::1]:8443",
        ] {
            assert!(is_ours(ours, 8443, &names), "{ours}");
        }
        for theirs in [
            "login.example.test",
            "login.example.test:443",
            "login.example.test.evil.test:8443",
            "evil.test:8443",
            "fd00::1:8443",
            "",
        ] {
            assert!(!is_ours(theirs, 8443, &names), "{theirs}");
        }
        assert!(is_ours("login.example.test", 443, &names));
        assert!(!is_ours("login.example.test:8443", 8443, &[]));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for wrong in ["", "https://a.test", "a.test:1", "a..test", "*.test", "a b"] {
            assert!(checked(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}

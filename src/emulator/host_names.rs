//! The host names of an emulator.

use std::net::IpAddr;

use crate::error::{Error, Kind, Result};

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Returns the loopback names, then these in lower case.
///
/// # Errors
/// [`Kind::Usage`] if one is neither a host name nor an address.
pub(crate) fn own_names(names: &[String]) -> Result<Vec<String>> {
    let is_of_label = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let is_label = |label: &str| matches!(label.len(), 1..=63) && label.bytes().all(is_of_label);
    let is_name = |name: &str| name.len() <= 253 && name.split('.').all(is_label);
    let is_valid = |name: &str| is_name(name) || name.parse::<IpAddr>().is_ok();
    // Other characters may be those of a secret, as in `TOKEN=…`.
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || ".-:/[]".contains(c);
    if let Some(wrong) = names.iter().find(|name| !is_valid(name)) {
        return Err(Error::new(
            Kind::Usage,
            match wrong.chars().all(is_harmless) {
                true => format!("invalid host name `{wrong}` for the emulator"),
                false => "invalid host name for the emulator".to_owned(),
            },
            "Use a name or an address without scheme and port, such as `login.example.test`.",
        ));
    }
    let all = LOOPBACK.into_iter().chain(names.iter().map(String::as_str));
    Ok(all.map(str::to_ascii_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::own_names;

    #[test]
    fn error_about_a_host_name_hides_what_may_be_a_secret() {
        let error = own_names(&["MY_TOKEN=abc".to_owned()]).expect_err("no host name");
        assert!(!error.to_string().contains("abc"), "{error}");
    }

    #[test]
    fn an_invalid_host_name_is_refused() {
        for wrong in ["", "https://a.test", "a.test:1", "a..test", "*.test", "a b"] {
            assert!(own_names(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}

//! The host names of an emulator.

use std::net::IpAddr;

use crate::emulator::real_hosts::names::Site;
use crate::error::{Error, Kind, Result};

/// Hosts of Entra in further clouds, which the emulator never answers as.
const FURTHER_CLOUDS: [&str; 3] = [
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.microsoftonline.de",
];
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Returns the loopback names, then these in lower case.
///
/// # Errors
/// [`Kind::Usage`] if one is neither a host name nor an address, or is a host of the real services: a
/// certificate for it would let the emulator pass for them.
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
    if let Some(real) = names.iter().find(|name| is_real(name)) {
        return Err(Error::new(
            Kind::Usage,
            format!("`{real}` is a host of the real services"),
            "Use another name, or run the program with `acspass emulator exec --real-hosts -- CMD`.",
        ));
    }
    let all = LOOPBACK.into_iter().chain(names.iter().map(String::as_str));
    Ok(all.map(str::to_ascii_lowercase).collect())
}

fn is_real(name: &str) -> bool {
    let mut further = FURTHER_CLOUDS.iter();
    Site::of(name).is_some() || further.any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::own_names;

    #[test]
    fn a_host_of_the_real_services_is_refused() {
        for real in [
            "login.microsoftonline.com",
            "STS.windows.net",
            "login.microsoftonline.us",
            "login.partner.microsoftonline.cn",
            "graph.microsoft.com",
            "contoso.communication.azure.com",
        ] {
            let error = own_names(&[real.to_owned()]).expect_err("a real host");
            assert!(error.to_string().contains(real), "{error}");
        }
        let own = [
            "login.example.test",
            "emulator.westeurope.cloudapp.azure.com",
        ];
        assert!(own_names(&own.map(str::to_owned)).is_ok());
    }

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

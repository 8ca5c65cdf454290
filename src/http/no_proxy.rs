//! Reads `NO_PROXY`: the hosts that are reached without a proxy.
//!
//! There is no standard. Entries that the common tools write are accepted: separated by commas,
//! semicolons or spaces; `contoso.example`, `.contoso.example` and `*.contoso.example` for a name
//! and the names below it; `host:443` for one port; addresses, CIDR blocks and `10.*`; `*` for
//! every host.

use std::net::Ipv4Addr;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// The hosts that are reached without a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoProxy {
    /// Names, addresses and blocks, as the matcher takes them, each with its port if it has one.
    entries: Vec<(String, Option<u16>)>,
}

impl NoProxy {
    /// Reads a list. The second value holds the entries that have no meaning.
    pub fn parse(list: &str) -> (NoProxy, Vec<String>) {
        let (mut entries, mut ignored) = (Vec::new(), Vec::new());
        let separators = |c: char| c == ',' || c == ';' || c.is_whitespace();
        for word in list.split(separators).filter(|word| !word.is_empty()) {
            match entry(word) {
                Some(entry) => entries.push(entry),
                None => ignored.push(word.to_owned()),
            }
        }
        (NoProxy { entries }, ignored)
    }

    /// Returns whether this address is reached without a proxy.
    pub(super) fn contains(&self, address: &Url) -> bool {
        let entries = self.entries.iter();
        let patterns: Vec<&str> = entries
            .filter(|(_, port)| port.is_none() || *port == address.port_or_known_default())
            .map(|(pattern, _)| pattern.as_str())
            .collect();
        if patterns.is_empty() {
            return false;
        }
        // A matcher with a proxy for everything intercepts what the list does not contain.
        let matcher = Matcher::builder()
            .all("http://proxy.invalid")
            .no(patterns.join(","))
            .build();
        let address = address.as_str().parse::<hyper::Uri>();
        address.is_ok_and(|address| matcher.intercept(&address).is_none())
    }
}

fn entry(word: &str) -> Option<(String, Option<u16>)> {
    let word = word
        .strip_prefix("https://")
        .or_else(|| word.strip_prefix("http://"))
        .unwrap_or(word);
    let word = word.trim_matches(['"', '\'']).trim_end_matches('/');
    // An IPv6 address has a port only behind brackets.
    let (host, port) = match word.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None if word.matches(':').count() == 1 => word.split_at(word.find(':')?),
        None => (word, ""),
    };
    let port = match port {
        "" => None,
        port => Some(port.strip_prefix(':')?.parse().ok()?),
    };
    Some((pattern(host)?, port))
}

fn pattern(host: &str) -> Option<String> {
    if host == "*" {
        return Some("*".to_owned());
    }
    if let Some(block) = ipv4_block(host) {
        return Some(block);
    }
    let name = match host.strip_prefix('*') {
        Some(below) => below.starts_with('.').then_some(below)?,
        None => host,
    };
    let name = name.trim_end_matches('.');
    let is_readable = !name.trim_start_matches('.').is_empty() && !name.contains('*');
    is_readable.then(|| name.to_ascii_lowercase())
}

/// `10.*` and `192.168.*.*` as CIDR blocks.
fn ipv4_block(host: &str) -> Option<String> {
    let known = host.trim_end_matches(".*");
    let octets = known.split('.').map(|octet| octet.parse::<u8>().ok());
    let mut octets: Vec<u8> = octets.collect::<Option<_>>()?;
    let bits = octets.len() * 8;
    let is_block = known.len() < host.len() && host.split('.').count() <= 4;
    octets.resize(4, 0);
    let address = Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?);
    is_block.then(|| format!("{address}/{bits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(list: &str, address: &str) -> bool {
        let address = Url::parse(address).expect("an address");
        NoProxy::parse(list).0.contains(&address)
    }

    #[test]
    fn every_common_way_to_write_an_exception_is_understood() {
        for (list, address, expected) in [
            ("contoso.example", "https://contoso.example", true),
            ("contoso.example", "https://login.contoso.example", true),
            ("contoso.example", "https://notcontoso.example", false),
            (".contoso.example", "https://login.contoso.example", true),
            ("*.contoso.example", "https://login.contoso.example", true),
            ("*.Contoso.Example", "https://login.contoso.example", true),
            ("*.contoso.example", "https://evil.example", false),
            ("contoso.example.", "https://contoso.example", true),
            ("contoso.example:443", "https://contoso.example", true),
            ("contoso.example:8443", "https://contoso.example", false),
            ("contoso.example:8443", "https://contoso.example:8443", true),
            ("*.contoso.example:443", "https://a.contoso.example", true),
            ("https://contoso.example/", "https://contoso.example", true),
            ("a.example contoso.example", "https://contoso.example", true),
            ("a.example;contoso.example", "https://contoso.example", true),
            (
                " a.example ,\tcontoso.example ",
                "https://contoso.example",
                true,
            ),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.*", "https://10.1.2.3", true),
            ("192.168.*.*", "https://192.168.7.7", true),
            ("192.168.*", "https://192.169.7.7", false),
            ("10.1.2.3:8443", "https://10.1.2.3:8443", true),
            ("10.1.2.3:8443", "https://10.1.2.3", false),
            ("fd00::/8", "https://[fd00::1]", true),
            ("fd00::1", "https://[fd00::1]", true),
            ("[fd00::1]:8443", "https://[fd00::1]:8443", true),
            ("[fd00::1]:8443", "https://[fd00::1]", false),
            ("*", "https://contoso.example", true),
            ("", "https://contoso.example", false),
            (",; ,", "https://contoso.example", false),
        ] {
            assert_eq!(contains(list, address), expected, "{list} and {address}");
            assert_eq!(NoProxy::parse(list).1, Vec::<String>::new(), "{list}");
        }
    }

    #[test]
    fn entry_without_a_meaning_is_returned_and_changes_nothing() {
        for word in [
            "con*toso.example",
            "*contoso.example",
            "contoso.example:port",
            "contoso.example:99999",
            "[fd00::1",
            "[fd00::1]8443",
            "1.*.3",
            "*.",
        ] {
            let list = format!("{word},contoso.example");
            let (except, ignored) = NoProxy::parse(&list);
            assert_eq!(ignored, [word]);
            let address = Url::parse("https://contoso.example").expect("an address");
            assert!(except.contains(&address), "{word}");
        }
    }
}

//! Which proxy the environment names.

use std::collections::BTreeMap;

use tracing::warn;

use crate::http::{NoProxy, Proxies};
use crate::secret::ProxyAddress;
use crate::text::quoted;

/// The proxy for https, by the first of these that is set and not empty: `HTTPS_PROXY`, `ALL_PROXY`,
/// each in lower case too; else the system's, where the system is one that has such settings. Plain
/// http is used for loopback only, without a proxy, so `HTTP_PROXY` is ignored.
pub fn proxies(environment: &BTreeMap<String, String>) -> Proxies {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let text = environment.get(*name).map(|text| text.trim())?;
            (!text.is_empty()).then_some((*name, text))
        })
    };
    if let Some((by, address)) = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
        let except = match first(&["NO_PROXY", "no_proxy"]) {
            None => NoProxy::default(),
            Some((name, list)) => {
                let (except, ignored) = NoProxy::parse(list);
                for word in ignored {
                    warn!("{name} has an entry without a meaning: {}", quoted(&word));
                }
                except
            }
        };
        return Proxies::Named {
            by,
            address: ProxyAddress::new(address),
            except,
        };
    }
    if cfg!(any(target_os = "macos", windows)) {
        return Proxies::System;
    }
    let why = match first(&["HTTP_PROXY", "http_proxy"]) {
        Some((name, _)) => {
            format!("{name} is for plain http only; where you need a proxy, name it in HTTPS_PROXY")
        }
        None => "no variable names a proxy".to_owned(),
    };
    Proxies::None { why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(variables: &[(&str, &str)]) -> Option<(&'static str, String, NoProxy)> {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        match proxies(&environment) {
            Proxies::Named {
                by,
                address,
                except,
            } => Some((by, address.expose().to_owned(), except)),
            Proxies::None { .. } | Proxies::System => None,
        }
    }

    #[test]
    fn first_variable_with_a_value_names_the_proxy() {
        for (name, other) in [
            ("HTTPS_PROXY", "https_proxy"),
            ("https_proxy", "ALL_PROXY"),
            ("ALL_PROXY", "all_proxy"),
            ("all_proxy", "HTTP_PROXY"),
        ] {
            let variables = [
                (name, " http://a:1 "),
                (other, "http://b:2"),
                ("no_proxy", "x"),
            ];
            let (by, address, except) = named(&variables).expect("a proxy");
            assert_eq!((by, address.as_str()), (name, "http://a:1"));
            assert_eq!(except, NoProxy::parse("x").0);
        }
        let empty = [("HTTPS_PROXY", ""), ("https_proxy", "http://b:2")];
        assert_eq!(named(&empty).expect("a proxy").0, "https_proxy");
        assert_eq!(named(&[("HTTP_PROXY", "http://a:1")]), None);
    }
}

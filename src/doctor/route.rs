//! Which proxy a request goes through, read from the variables as the HTTP client reads them.

use std::collections::BTreeMap;

use url::Url;

use super::Check;
use crate::error::Kind;
use crate::loopback;

const NAME: &str = "proxy";

/// The way to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// None of the variables names a proxy for it.
    Direct {
        /// Why, in words.
        why: String,
    },
    /// Through this proxy.
    Through {
        /// The variable that names it.
        variable: &'static str,
        /// The proxy, without credentials.
        proxy: Url,
        /// Whether it was given with credentials.
        has_credentials: bool,
    },
    /// The variable names something that is no proxy.
    Unreadable {
        /// The variable.
        variable: &'static str,
    },
}

impl Route {
    /// The way to this address.
    pub fn to(address: &Url, environment: &BTreeMap<String, String>) -> Route {
        let host = address.host_str().unwrap_or_default();
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let text = environment.get(*name).map(|text| text.trim())?;
                (!text.is_empty()).then_some((*name, text))
            })
        };
        let direct = |why: String| Route::Direct { why };
        if loopback::is_loopback_host(host) {
            return direct("loopback never goes through a proxy".to_owned());
        }
        let named = match address.scheme() {
            "https" => first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            _ => first(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
        };
        let Some((variable, text)) = named else {
            return direct(
                "no variable names a proxy; the system's applies if it has one".to_owned(),
            );
        };
        if let Some((name, list)) = first(&["NO_PROXY", "no_proxy"])
            && list.split(',').any(|entry| covers(entry.trim(), host))
        {
            return direct(format!("{name} leaves {host} out"));
        }
        let whole = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("http://{text}")),
        };
        match whole {
            Ok(mut proxy) if proxy.host_str().is_some_and(|host| !host.is_empty()) => {
                let has_credentials = !proxy.username().is_empty() || proxy.password().is_some();
                let _ = proxy.set_username("");
                let _ = proxy.set_password(None);
                proxy.set_path("");
                proxy.set_query(None);
                proxy.set_fragment(None);
                Route::Through {
                    variable,
                    proxy,
                    has_credentials,
                }
            }
            _ => Route::Unreadable { variable },
        }
    }

    /// The proxy, where there is one.
    pub fn proxy(&self) -> Option<&Url> {
        match self {
            Route::Through { proxy, .. } => Some(proxy),
            Route::Direct { .. } | Route::Unreadable { .. } => None,
        }
    }
}

/// Says which proxy applies; its credentials are never shown.
pub fn proxy(route: &Route) -> Check {
    match route {
        Route::Direct { why } => Check::ok(NAME, format!("none: {why}")),
        Route::Through {
            variable,
            proxy,
            has_credentials,
        } => Check::ok(
            NAME,
            format!(
                "{} by {variable}{}",
                proxy.as_str().trim_end_matches('/'),
                match has_credentials {
                    true => ", with credentials",
                    false => "",
                }
            ),
        ),
        Route::Unreadable { variable } => Check {
            outcome: super::Outcome::Fail(Kind::Usage),
            ..Check::warn(
                NAME,
                format!("{variable} does not name a proxy"),
                format!("write {variable} like http://proxy.example:8080"),
            )
        },
    }
}

fn covers(entry: &str, host: &str) -> bool {
    let entry = entry.trim_start_matches('.');
    entry == "*"
        || (!entry.is_empty()
            && (host.eq_ignore_ascii_case(entry)
                || host
                    .to_ascii_lowercase()
                    .ends_with(&format!(".{}", entry.to_ascii_lowercase()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(address: &str, variables: &[(&str, &str)]) -> Check {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        proxy(&Route::to(
            &Url::parse(address).expect("an address"),
            &environment,
        ))
    }

    #[test]
    fn the_proxy_that_applies_is_named_without_its_credentials() {
        let entra = "https://login.microsoftonline.com";
        let named = ("HTTPS_PROXY", "http://ada:secret@proxy.example:8080/x?y");
        let finding = to(entra, &[named]).finding;
        assert_eq!(
            finding,
            "http://proxy.example:8080 by HTTPS_PROXY, with credentials"
        );
        let out = to(
            entra,
            &[named, ("NO_PROXY", "other.example, .microsoftonline.com")],
        );
        assert!(out.finding.contains("NO_PROXY leaves"), "{out:?}");
        assert!(
            to("http://localhost:1", &[named])
                .finding
                .contains("loopback")
        );
        assert!(to(entra, &[]).finding.starts_with("none: "));
        let wrong = to(entra, &[("HTTPS_PROXY", "http://")]);
        assert_eq!(wrong.failure(), Some(Kind::Usage));
    }
}

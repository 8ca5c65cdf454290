//! The proxy of a request.
//!
//! Decides the route to an address from the settings, for the client, for error messages and for
//! `doctor`. Credentials are never shown.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::HeaderValue;
use url::Url;

use super::no_proxy::NoProxy;
use crate::error::{Error, Result};
use crate::loopback;
use crate::secret::ProxyAddress;

/// The source of proxies. Requests to loopback use none.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Proxies {
    /// The proxies in this process's variables (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), else the
    /// settings of macOS or Windows.
    #[default]
    System,
    /// There is none.
    None {
        /// The reason, which follows "none: ".
        why: String,
    },
    /// This one for every https address.
    Named {
        /// The setting that names it, for messages.
        by: &'static str,
        /// Its URL.
        address: ProxyAddress,
        /// Hosts that are reached without it, from `NO_PROXY`.
        except: NoProxy,
    },
}

/// The route to an address.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Route {
    /// Without a proxy.
    Direct {
        /// The reason, which follows "none: ".
        why: String,
    },
    /// Through this proxy.
    Through(ProxyRoute),
}

/// The proxy of a route.
#[derive(Debug, Clone)]
pub struct ProxyRoute {
    /// The setting that names it.
    pub by: &'static str,
    /// Scheme, host and port, without credentials.
    pub address: Url,
    pub(super) authorization: Option<HeaderValue>,
}

impl ProxyRoute {
    /// Whether it was named with credentials.
    pub fn has_credentials(&self) -> bool {
        self.authorization.is_some()
    }

    /// The proxy for the HTTP client.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the client does not take the address.
    pub(super) fn for_client(&self) -> Result<reqwest::Proxy> {
        // The client's error would contain the address.
        let proxy = reqwest::Proxy::https(self.address.clone()).map_err(|_| wrong(self.by))?;
        Ok(match &self.authorization {
            Some(value) => proxy.custom_http_auth(value.clone()),
            None => proxy,
        })
    }
}

impl Proxies {
    /// Returns the route to this address.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the setting does not name a proxy that can be used.
    pub(crate) fn route(&self, address: &Url) -> Result<Route> {
        let host = address.host_str().unwrap_or_default();
        let direct = |why: String| Ok(Route::Direct { why });
        if loopback::is_loopback_host(host) {
            return direct("loopback uses no proxy".to_owned());
        }
        if address.scheme() != "https" {
            return direct("http uses no proxy".to_owned());
        }
        let (by, matcher) = match self {
            Proxies::None { why } => return direct(why.clone()),
            Proxies::System => ("the system's settings", Matcher::from_system()),
            // An exception counts even if the proxy that it excepts from cannot be used.
            Proxies::Named { except, .. } if except.contains(address) => {
                return direct(format!("NO_PROXY contains {host}"));
            }
            Proxies::Named { by, address, .. } => {
                let proxy = usable(by, address)?;
                (*by, Matcher::builder().https(String::from(proxy)).build())
            }
        };
        let wanted = address.as_str().parse::<hyper::Uri>();
        let Some(proxy) = wanted.ok().and_then(|wanted| matcher.intercept(&wanted)) else {
            return match self {
                Proxies::System => direct("the system has no proxy setting".to_owned()),
                _ => Err(wrong(by)),
            };
        };
        Ok(Route::Through(ProxyRoute {
            by,
            address: Url::parse(&proxy.uri().to_string()).map_err(|_| wrong(by))?,
            authorization: proxy.basic_auth().cloned(),
        }))
    }
}

/// Parses a proxy's URL. An unusable one is an error, because the user requires a proxy.
fn usable(by: &'static str, address: &ProxyAddress) -> Result<Url> {
    let text = address.expose();
    if text.contains('\\') {
        return Err(Error::usage(
            format!("{by} contains a backslash, which a URL does not allow"),
            format!(
                "Write the user as DOMAIN%5CUSER, for instance {by}=http://DOMAIN%5CUSER:\
                 PASSWORD@proxy.example:8080."
            ),
        ));
    }
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("http://{text}")),
    }
    .map_err(|_| wrong(by))?;
    if url.scheme().starts_with("socks") {
        return Err(Error::usage(
            format!("{by} is a SOCKS proxy, and only http and https proxies are supported"),
            "Set HTTPS_PROXY to an http proxy, or add the services to NO_PROXY.",
        ));
    }
    // An `@` further on belongs to credentials that were not encoded; what stands in the host's
    // place is then a part of them.
    let is_cut = url.path().contains('@') || url.query().is_some_and(|query| query.contains('@'));
    let is_one = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.fragment().is_none();
    (is_one && !is_cut).then_some(url).ok_or_else(|| wrong(by))
}

fn wrong(by: &str) -> Error {
    Error::usage(
        format!("{by} is not the address of a proxy"),
        format!(
            "Write {by} like http://proxy.example:8080 or http://USER:PASSWORD@proxy.example:8080, \
             with `@`, `/`, `:`, `#` and `%` in the password as %40, %2F, %3A, %23 and %25, and \
             DOMAIN\\USER as DOMAIN%5CUSER."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn named(address: &str, except: &str) -> Proxies {
        Proxies::Named {
            by: "HTTPS_PROXY",
            address: ProxyAddress::new(address),
            except: NoProxy::parse(except).0,
        }
    }

    fn route(proxies: &Proxies, to: &str) -> Result<Route> {
        proxies.route(&Url::parse(to).expect("an address"))
    }

    const ENTRA: &str = "https://login.microsoftonline.com/x";

    #[test]
    fn a_proxy_is_shown_without_its_credentials_and_keeps_them() {
        for (text, shown, authorization) in [
            (
                "http://proxy.example:8080",
                "http://proxy.example:8080/",
                None,
            ),
            ("proxy.example:8080/x?y", "http://proxy.example:8080/", None),
            ("https://proxy.example", "https://proxy.example/", None),
            (
                "http://ada:p%40ss@proxy.example:8080",
                "http://proxy.example:8080/",
                Some("Basic YWRhOnBAc3M="),
            ),
            (
                "http://ada@proxy.example:8080",
                "http://proxy.example:8080/",
                Some("Basic YWRhOg=="),
            ),
        ] {
            let Ok(Route::Through(route)) = route(&named(text, ""), ENTRA) else {
                panic!("no way through {text}");
            };
            assert_eq!(route.address.as_str(), shown);
            let kept = route.authorization.as_ref().map(|value| value.as_bytes());
            assert_eq!(kept, authorization.map(str::as_bytes));
            let debug = format!("{route:?} {:?}", named(text, ""));
            assert!(!debug.contains("ada") && !debug.contains("YWRh"), "{debug}");
        }
    }

    #[test]
    fn loopback_and_excluded_hosts_are_reached_directly() {
        let proxies = named(
            "http://proxy.example:8080",
            "contoso.example, .azure.com,10.0.0.0/8",
        );
        for (to, is_direct) in [
            ("https://localhost:1", true),
            ("https://127.0.0.9:1", true),
            ("https://[::1]:1", true),
            ("https://acs.communication.azure.com", true),
            ("https://contoso.example", true),
            ("https://login.contoso.example", true),
            ("https://10.1.2.3", true),
            ("https://notcontoso.example", false),
            (ENTRA, false),
        ] {
            let is = matches!(route(&proxies, to), Ok(Route::Direct { .. }));
            assert_eq!(is, is_direct, "{to}");
        }
        assert!(matches!(
            route(&named("http://proxy.example", "*"), ENTRA),
            Ok(Route::Direct { .. })
        ));
    }

    #[test]
    fn invalid_proxy_is_an_error_without_the_value() {
        for text in [
            "http://",
            "ftp://proxy.example",
            "http://ada:top/secret@proxy.example:8080",
            "http://ada:12/secret@proxy.example:8080",
            "http://ada:12?secret@proxy.example:8080",
            "http://ada:12#secret@proxy.example:8080",
            "socks5://ada:secret@proxy.example:1080",
        ] {
            let error = route(&named(text, ""), ENTRA).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage);
            let shown = format!("{error:?} {error} {}", error.hint());
            assert!(shown.contains("HTTPS_PROXY"), "{shown}");
            for hidden in ["ada", "secret"] {
                assert!(!shown.contains(hidden), "{shown}");
            }
            let excepted = route(&named(text, "login.microsoftonline.com"), ENTRA);
            assert!(matches!(excepted, Ok(Route::Direct { .. })), "{text}");
        }
    }

    #[test]
    fn backslash_in_a_user_name_is_named_with_its_escape() {
        let named = named("http://CORP\\ada:secret@proxy.example:8080", "");
        let error = route(&named, ENTRA).expect_err("a backslash");
        assert!(error.hint().contains("DOMAIN%5CUSER"), "{}", error.hint());
        let shown = format!("{error:?} {error} {}", error.hint());
        assert!(
            !shown.contains("ada") && !shown.contains("secret"),
            "{shown}"
        );
    }
}

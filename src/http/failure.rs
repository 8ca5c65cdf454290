//! Errors of a request without a usable response, as messages for the user.

use std::error::Error as StdError;
use std::io::ErrorKind;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use url::Url;

use super::message::{Response, host_of};
use super::proxies::ProxyRoute;
use super::trust::Distrust;
use crate::error::{Delivery, Error, Kind};
use crate::loopback;
use crate::text::one_line;

const THE_PROXY: &str = "the proxy ";
/// Longest name of an issuer that is shown, in characters.
const MAX_NAME_LENGTH: usize = 160;

/// The error of one try.
pub(super) struct SendError {
    pub(super) error: Error,
    pub(super) retry: Retry,
}

/// Whether another try can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Always,
    /// If there is time for a whole connection: this one was not established in time.
    IfItCanConnect,
    /// Another try would fail too, or do harm: a wrong password that is sent four times can lock an
    /// account.
    Never,
}

impl SendError {
    /// Adds how far the request, or an earlier try of it, got.
    pub(super) fn with_delivery(self, reached: Delivery) -> SendError {
        SendError {
            error: self.error.with_delivery(reached),
            ..self
        }
    }
}

impl From<Error> for SendError {
    fn from(error: Error) -> SendError {
        SendError {
            error,
            retry: Retry::Never,
        }
    }
}

/// Returns whether the certificate on the way was refused.
pub(crate) fn is_certificate_error(error: &Error) -> bool {
    Distrust::find(error).is_some()
}

/// Whether no response came because of the proxy on the way, whatever it fronts.
pub(crate) fn is_proxy_error(error: &Error) -> bool {
    error.kind() == Kind::Unreachable && error.message().starts_with(THE_PROXY)
}

pub(super) fn oversized(host: &str) -> Error {
    Error::unreachable(
        format!("{host} answered with more than 1 MiB, which is not the service's own answer"),
        "check for a proxy or a captive portal between here and the service",
    )
    .with_delivery(Delivery::MaybeSent)
}

/// A body in a coding that was not asked for, and that is not gzip.
pub(super) fn undecodable(host: &str, coding: &HeaderValue) -> Error {
    let coding = one_line(&String::from_utf8_lossy(coding.as_bytes()), 40);
    Error::unreachable(
        format!("{host} answered with a body in the coding `{coding}`, which was not asked for"),
        "check for a proxy between here and the service that changes `Accept-Encoding`",
    )
    .with_delivery(Delivery::MaybeSent)
}

pub(super) fn timed_out(host: &str, route: Option<&ProxyRoute>) -> Error {
    let through = route.map(|route| format!(" through {}", name(route)));
    Error::unreachable(
        format!(
            "{host} did not answer in time{}",
            through.unwrap_or_default()
        ),
        "check the network, then try again; `acspass -v` shows the requests",
    )
}

/// A response that is not the service's own; `what` says how that shows, `hint` what to check. Web
/// pages and redirects in place of JSON have one cause, and words of their own.
pub(crate) fn foreign(host: &str, response: &Response, what: &str, hint: &str) -> Error {
    let status = response.status;
    let page = if status == StatusCode::NETWORK_AUTHENTICATION_REQUIRED {
        "that this network wants a sign-in".to_owned()
    } else if status.is_redirection() {
        let leads_to = response.headers.get(LOCATION);
        let leads_to = leads_to.and_then(|text| Url::parse(text.to_str().ok()?).ok());
        let leads_to = leads_to.as_ref().and_then(Url::host_str);
        let leads_to = one_line(leads_to.unwrap_or("another page"), MAX_NAME_LENGTH);
        format!("with a redirect to {leads_to}")
    } else if is_web_page(response) {
        "with a web page".to_owned()
    } else {
        return Error::unreachable(format!("{host} answered with {what}"), hint);
    };
    Error::unreachable(
        format!(
            "{host} answered {page} ({}): a captive portal or a proxy's login page",
            status.as_u16()
        ),
        format!(
            "open any page that begins with http:// in a browser and do what it asks for, then try \
             again; {hint}"
        ),
    )
}

fn is_web_page(response: &Response) -> bool {
    let media = response.headers.get(CONTENT_TYPE);
    match media.and_then(|value| value.to_str().ok()) {
        None => response.body.trim_ascii_start().starts_with(b"<"),
        Some(media) => {
            let media = media.trim_start().to_ascii_lowercase();
            media.starts_with("text/html") || media.starts_with("application/xhtml")
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    loopback::is_loopback_host(name)
}

/// No response came. A proxy on the way is named where it, and not the host, is the reason.
pub(super) fn unreachable(
    host: &str,
    route: Option<&ProxyRoute>,
    error: reqwest::Error,
) -> SendError {
    let error = error.without_url();
    let chain = chain_text(&error);
    let says = |words: &str| chain.contains(words);
    let is_lookup = says("dns error") || says("failed to lookup");
    let proxy = route.filter(|_| says("tunnel error") || says("proxy connect"));
    if let Some(distrust) = Distrust::find(&error) {
        let (message, hint) = distrust.explain(&proxy.map_or_else(|| host.to_owned(), name));
        // The rest of the chain would repeat it in the words of three libraries.
        let error = Error::unreachable(message, hint).caused_by(distrust.clone());
        return error.into();
    }
    // Certain of the request: without a connection no byte of it was sent.
    let reached = match error.is_connect() || error.is_builder() {
        true => Delivery::NotSent,
        false => Delivery::MaybeSent,
    };
    let peer = route.map_or_else(|| host.to_owned(), |route| host_of(&route.address));
    // Nothing listens at a port of this machine: that does not change within seconds.
    let mut retry = match is_refused(&error) && is_this_machine(&peer) {
        true => Retry::Never,
        false => Retry::Always,
    };
    let (message, hint) = match proxy {
        Some(route) if says("proxy authorization required") => {
            retry = Retry::Never;
            wants_credentials(route)
        }
        Some(route) if says("tunnel error: unsuccessful") => (
            format!("{} lets nobody through to {host}", name(route)),
            format!(
                "ask whoever runs the proxy to allow {host}, or leave it out by NO_PROXY; the \
                 proxy comes from {}",
                route.by
            ),
        ),
        Some(route) => {
            let how = match () {
                () if is_lookup => "could not be found by its name",
                () if says("failed to create underlying connection") => "could not be reached",
                () => "broke the connection",
            };
            (
                format!("{} {how}", name(route)),
                format!("check {} and the network, then try again", route.by),
            )
        }
        None if says("InvalidContentType") || says("corrupt message") => (
            format!("what answers at {host} speaks no TLS"),
            "check for a captive portal: open any page that begins with http:// in a browser"
                .to_owned(),
        ),
        None if is_lookup => (
            format!("the name {host} could not be found"),
            "check the network, the spelling of the host, and HTTPS_PROXY".to_owned(),
        ),
        None if error.is_timeout() => {
            return SendError {
                retry: match reached {
                    Delivery::NotSent => Retry::IfItCanConnect,
                    _ => Retry::Always,
                },
                error: timed_out(host, route)
                    .caused_by(error)
                    .with_delivery(reached),
            };
        }
        None if error.is_connect() => (
            format!("{host} could not be reached"),
            match is_this_machine(host) {
                true => {
                    "start what answers there, for instance `acspass emulator`, or see with \
                     `acspass config list` where the address comes from"
                }
                false => "check the network, and HTTPS_PROXY where you need a proxy",
            }
            .to_owned(),
        ),
        None => (
            format!("the connection to {host} broke"),
            "try again; `acspass -v` shows the requests".to_owned(),
        ),
    };
    let error = Error::unreachable(message, hint).caused_by(error);
    SendError {
        error: error.with_delivery(reached),
        retry,
    }
}

/// Whether the connection failed since nothing listens there, or the address does not exist.
fn is_refused(error: &reqwest::Error) -> bool {
    let io = chain(error).find_map(|source| source.downcast_ref::<std::io::Error>());
    error.is_connect()
        && io.is_some_and(|io| {
            matches!(
                io.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::AddrNotAvailable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::HostUnreachable
            )
        })
}

fn wants_credentials(route: &ProxyRoute) -> (String, String) {
    let what = match route.has_credentials() {
        true => format!("refuses the credentials in {}", route.by),
        false => "wants credentials".to_owned(),
    };
    let hint = format!(
        "set HTTPS_PROXY to {}://USER:PASSWORD@{}, with `@`, `/`, `:`, `#` and `%` in the password \
         as %40, %2F, %3A, %23 and %25, and DOMAIN\\USER as DOMAIN%5CUSER; a proxy that takes \
         Kerberos or NTLM only needs a helper on this machine, such as px or cntlm",
        route.address.scheme(),
        host_of(&route.address)
    );
    (format!("{} {what}", name(route)), hint)
}

/// A proxy in a message: host and port.
fn name(route: &ProxyRoute) -> String {
    format!("{THE_PROXY}{}", host_of(&route.address))
}

/// An error and its sources.
fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn chain_text(error: &reqwest::Error) -> String {
    let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    texts.join(" / ")
}

//! Errors of a request without a usable response, as messages for the user.

use std::io::ErrorKind;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use url::Url;

use super::proxies::ProxyRoute;
use super::request::host_of;
use super::response::Response;
use super::trust::Distrust;
use crate::error::{Error, Kind, RequestProgress};
use crate::loopback;
use crate::text::one_line;

const THE_PROXY: &str = "the proxy ";
/// Longest name of an issuer that is shown, in characters.
const LONGEST_NAME: usize = 160;

/// The error of one try.
pub(super) enum SendError {
    /// A transient error: another try can succeed.
    Transient(Error),
    /// As `Transient`: the connection was not established in time.
    Unconnected(Error),
    /// Another try would fail too, or do harm: a wrong password that is sent four times can lock an
    /// account.
    Final(Error),
}

impl SendError {
    /// The error, after earlier tries of which one may have reached the service.
    pub(super) fn after(self, repeated: bool) -> SendError {
        let reached = match repeated {
            true => RequestProgress::Perhaps,
            false => RequestProgress::No,
        };
        match self {
            SendError::Transient(error) => SendError::Transient(error.with_reached(reached)),
            SendError::Unconnected(error) => SendError::Unconnected(error.with_reached(reached)),
            SendError::Final(error) => SendError::Final(error.with_reached(reached)),
        }
    }

    /// The error of a connection that broke after the response had begun with this status.
    pub(super) fn answered(self, status: StatusCode) -> SendError {
        let reached = RequestProgress::Answered(status.as_u16());
        match self {
            SendError::Transient(error) => SendError::Transient(error.with_reached(reached)),
            other => other,
        }
    }

    /// The error, where no other try follows.
    pub(super) fn into_error(self) -> Error {
        match self {
            SendError::Transient(error)
            | SendError::Unconnected(error)
            | SendError::Final(error) => error,
        }
    }
}

impl From<Error> for SendError {
    fn from(error: Error) -> SendError {
        SendError::Final(error)
    }
}

/// Returns whether the certificate on the way was refused.
pub(crate) fn is_distrust(error: &Error) -> bool {
    Distrust::find(error).is_some()
}

/// Whether no answer came because of the proxy on the way, whatever it fronts.
pub(crate) fn is_proxys(error: &Error) -> bool {
    error.kind() == Kind::Unreachable && error.message().starts_with(THE_PROXY)
}

pub(super) fn oversized(host: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} answered with more than 1 MiB, which is not the service's own answer"),
        "check for a proxy or a captive portal between here and the service",
    )
    .with_reached(RequestProgress::Perhaps)
}

/// A body in a coding that was not asked for, and that is not gzip.
pub(super) fn undecodable(host: &str, coding: &HeaderValue) -> Error {
    let coding = one_line(&String::from_utf8_lossy(coding.as_bytes()), 40);
    Error::new(
        Kind::Unreachable,
        format!("{host} answered with a body in the coding `{coding}`, which was not asked for"),
        "check for a proxy between here and the service that changes `Accept-Encoding`",
    )
    .with_reached(RequestProgress::Perhaps)
}

pub(super) fn too_late(host: &str, route: Option<&ProxyRoute>) -> Error {
    let through = match route {
        Some(route) => format!(" through {THE_PROXY}{}", name(route)),
        None => String::new(),
    };
    Error::new(
        Kind::Unreachable,
        format!("{host} did not answer in time{through}"),
        "check the network, then try again; `acspass -v` shows the requests",
    )
}

/// An answer that is not the service's own; `what` says how that shows, `hint` what to check. Web
/// pages and redirects in place of JSON have one cause, and words of their own.
pub(crate) fn foreign(host: &str, response: &Response, what: &str, hint: &str) -> Error {
    let page = match response.status {
        StatusCode::NETWORK_AUTHENTICATION_REQUIRED => {
            Some("that this network wants a sign-in".to_owned())
        }
        status if status.is_redirection() => {
            let leads_to = response.headers.get(LOCATION);
            let leads_to = leads_to.and_then(|text| Url::parse(text.to_str().ok()?).ok());
            let leads_to = leads_to.as_ref().and_then(Url::host_str);
            let leads_to = leads_to.unwrap_or("another page");
            Some(format!(
                "with a redirect to {}",
                one_line(leads_to, LONGEST_NAME)
            ))
        }
        _ if is_web_page(response) => Some("with a web page".to_owned()),
        _ => None,
    };
    match page {
        None => Error::new(
            Kind::Unreachable,
            format!("{host} answered with {what}"),
            hint.to_owned(),
        ),
        Some(page) => Error::new(
            Kind::Unreachable,
            format!(
                "{host} answered {page} ({}): a captive portal or a proxy's login page",
                response.status.as_u16()
            ),
            format!(
                "open any page that begins with http:// in a browser and do what it asks for, then \
                 try again; {hint}"
            ),
        ),
    }
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

/// No answer came. A proxy on the way is named where it, and not the host, is the reason.
pub(super) fn unreachable(
    host: &str,
    route: Option<&ProxyRoute>,
    error: reqwest::Error,
) -> SendError {
    let error = error.without_url();
    // Certain of the request: without a connection no byte of it was sent.
    let reached = match error.is_connect() || error.is_builder() {
        true => RequestProgress::No,
        false => RequestProgress::Perhaps,
    };
    let peer = route.map_or_else(|| host.to_owned(), name);
    let is_refused_here = is_refused(&error) && is_this_machine(&peer);
    let chain = chain_text(&error);
    let says = |words: &str| chain.contains(words);
    let proxy = route.filter(|_| says("tunnel error") || says("proxy connect"));
    if let Some(distrust) = Distrust::find(&error) {
        let refused = match proxy {
            Some(route) => format!("{THE_PROXY}{}", name(route)),
            None => host.to_owned(),
        };
        let (message, hint) = (distrust.message(&refused), distrust.hint(&refused));
        // The rest of the chain would repeat it in the words of three libraries.
        let error = Error::new(Kind::Unreachable, message, hint).caused_by(distrust.clone());
        return SendError::Final(error.with_reached(RequestProgress::No));
    }
    let mut is_final = false;
    let (message, hint) = match proxy {
        Some(route) if says("proxy authorization required") => {
            is_final = true;
            wants_credentials(route)
        }
        Some(route) if says("tunnel error: unsuccessful") => (
            format!("{THE_PROXY}{} lets nobody through to {host}", name(route)),
            format!(
                "ask whoever runs the proxy to allow {host}, or leave it out by NO_PROXY; the \
                 proxy comes from {}",
                route.by
            ),
        ),
        Some(route) => {
            let how = match () {
                () if is_lookup(&chain) => "could not be found by its name",
                () if says("failed to create underlying connection") => "could not be reached",
                () => "broke the connection",
            };
            (
                format!("{THE_PROXY}{} {how}", name(route)),
                format!("check {} and the network, then try again", route.by),
            )
        }
        None if says("InvalidContentType") || says("corrupt message") => (
            format!("what answers at {host} speaks no TLS"),
            "check for a captive portal: open any page that begins with http:// in a browser"
                .to_owned(),
        ),
        None if is_lookup(&chain) => (
            format!("the name {host} could not be found"),
            "check the network, the spelling of the host, and HTTPS_PROXY".to_owned(),
        ),
        None if error.is_timeout() => {
            let late = too_late(host, route).caused_by(error);
            return match reached {
                RequestProgress::No => SendError::Unconnected(late),
                _ => SendError::Transient(late.with_reached(reached)),
            };
        }
        None if error.is_connect() && is_this_machine(host) => (
            format!("{host} could not be reached"),
            "start what answers there, for instance `acspass emulator`, or see with `acspass config \
             list` where the address comes from"
                .to_owned(),
        ),
        None if error.is_connect() => (
            format!("{host} could not be reached"),
            "check the network, and HTTPS_PROXY where you need a proxy".to_owned(),
        ),
        None => (
            format!("the connection to {host} broke"),
            "try again; `acspass -v` shows the requests".to_owned(),
        ),
    };
    let error = Error::new(Kind::Unreachable, message, hint)
        .caused_by(error)
        .with_reached(reached);
    // Nothing listens at a port of this machine: that does not change within seconds.
    match is_final || is_refused_here {
        true => SendError::Final(error),
        false => SendError::Transient(error),
    }
}

/// Whether the connection failed since nothing listens there, or the address does not exist.
fn is_refused(error: &reqwest::Error) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        let io = source.downcast_ref::<std::io::Error>();
        if let Some(kind) = io.map(std::io::Error::kind) {
            return error.is_connect()
                && matches!(
                    kind,
                    ErrorKind::ConnectionRefused
                        | ErrorKind::AddrNotAvailable
                        | ErrorKind::NetworkUnreachable
                        | ErrorKind::HostUnreachable
                );
        }
        next = source.source();
    }
    false
}

fn wants_credentials(route: &ProxyRoute) -> (String, String) {
    let by = route.by;
    let message = match route.has_credentials() {
        true => format!("{THE_PROXY}{} refuses the credentials in {by}", name(route)),
        false => format!("{THE_PROXY}{} wants credentials", name(route)),
    };
    let hint = format!(
        "set HTTPS_PROXY to {}://USER:PASSWORD@{}, with `@`, `/`, `:`, `#` and `%` in the password \
         as %40, %2F, %3A, %23 and %25, and DOMAIN\\USER as DOMAIN%5CUSER; a proxy that takes Kerberos or NTLM only needs a helper on \
         this machine, such as px or cntlm",
        route.address.scheme(),
        name(route)
    );
    (message, hint)
}

/// Host and port of a proxy.
fn name(route: &ProxyRoute) -> String {
    host_of(&route.address)
}

fn is_lookup(chain: &str) -> bool {
    chain.contains("dns error") || chain.contains("failed to lookup")
}

fn chain_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(" / ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

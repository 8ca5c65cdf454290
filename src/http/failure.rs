//! Errors of a request without a usable response, as messages for the user.

use std::error::Error as StdError;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use url::Url;

use super::message::{Response, host_of};
use super::proxies::ProxyRoute;
use super::trust::Distrust;
use crate::error::{Delivery, Error, Kind};
use crate::loopback;
use crate::text::one_line;
use crate::time::in_words;

const THE_PROXY: &str = "the proxy ";
const NO_CONNECTION: &str = "could not connect to ";
const UNRESOLVED: &str = "the host name does not resolve";
const NO_LISTENER: &str = "connection refused";
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
    let message = error.message();
    let message = message.strip_prefix(NO_CONNECTION).unwrap_or(message);
    error.kind() == Kind::Unreachable && message.starts_with(THE_PROXY)
}

/// Whether the name of the host, and not that of a proxy, does not resolve.
pub(crate) fn is_unresolved_host(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &Cause| cause.words == UNRESOLVED) && !is_proxy_error(error)
}

/// Whether nothing listens at the address, and not at that of a proxy.
pub(crate) fn is_refused_connection(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &Cause| cause.words == NO_LISTENER) && !is_proxy_error(error)
}

pub(super) fn oversized(host: &str) -> Error {
    Error::unreachable(
        format!("the response of {host} is larger than 1 MiB, so it is not the service's own"),
        "Check for a proxy or a captive portal between this machine and the service.",
    )
    .with_delivery(Delivery::MaybeSent)
}

/// Returns the error for a body in a coding that was not requested, and that is not gzip.
pub(super) fn undecodable(host: &str, coding: &HeaderValue) -> Error {
    let coding = one_line(&String::from_utf8_lossy(coding.as_bytes()), 40);
    Error::unreachable(
        format!("the response of {host} has the coding `{coding}`, which was not requested"),
        "Check for a proxy that changes `Accept-Encoding`.",
    )
    .with_delivery(Delivery::MaybeSent)
}

/// Returns the error for tries that ended without a response, after this time in total.
pub(super) fn timed_out(host: &str, route: Option<&ProxyRoute>, elapsed: Duration) -> Error {
    let (message, hint) = no_response(host, route);
    Error::unreachable(message, hint).caused_by(format!("timed out after {}", in_words(elapsed)))
}

fn no_response(host: &str, route: Option<&ProxyRoute>) -> (String, String) {
    (
        format!("no response from {host}{}", through(route)),
        "Check the network, then run the command again. `acspass -vv` shows the requests."
            .to_owned(),
    )
}

/// Returns the error for a response that is not the service's own. `what` describes the response, and
/// `hint` names the check. Web pages and redirects in place of JSON have one cause and one text.
pub(crate) fn foreign(host: &str, response: &Response, what: &str, hint: &str) -> Error {
    let status = response.status;
    let page = if status == StatusCode::NETWORK_AUTHENTICATION_REQUIRED {
        "the network's demand to sign in".to_owned()
    } else if status.is_redirection() {
        let leads_to = response.headers.get(LOCATION);
        let leads_to = leads_to.and_then(|text| Url::parse(text.to_str().ok()?).ok());
        let leads_to = leads_to.as_ref().and_then(Url::host_str);
        let leads_to = one_line(leads_to.unwrap_or("another page"), MAX_NAME_LENGTH);
        format!("a redirect to {leads_to}")
    } else if is_web_page(response) {
        "a web page".to_owned()
    } else {
        return Error::unreachable(format!("{host} returned {what}"), hint);
    };
    Error::unreachable(
        format!(
            "{host} returned {page} ({}): a captive portal or a proxy's login page",
            status.as_u16()
        ),
        format!(
            "For a captive portal, open a page that begins with http:// in a browser and follow it, \
             then run the command again. {hint}"
        ),
    )
}

/// Returns whether the response is a page for a browser, which no service sends to a client.
pub(crate) fn is_web_page(response: &Response) -> bool {
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

/// Returns the hint for an address of this machine at which nothing listens.
fn start_server(host: &str, is_https: bool) -> String {
    let (of_address, other) = match is_https {
        true => ("https", "http"),
        false => ("http", "https"),
    };
    let port = host.rsplit_once(':').map(|(_, port)| port);
    let port = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    format!(
        "Start the server, for example with `acspass emulator --{of_address}-port {} --{other}-port 0`. \
         `acspass config list` shows the source of the address.",
        port.unwrap_or(if is_https { "443" } else { "80" }),
    )
}

/// Returns the error for a request without a response. It names the proxy if the proxy, and not the
/// host, is the reason.
pub(super) fn unreachable(
    host: &str,
    route: Option<&ProxyRoute>,
    error: reqwest::Error,
) -> SendError {
    let is_https = error.url().is_some_and(|url| url.scheme() == "https");
    let error = error.without_url();
    let chain = chain_text(&error);
    let says = |words: &str| chain.contains(words);
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
    let mut retry = match error.is_timeout() && proxy.is_none() {
        true if reached == Delivery::NotSent => Retry::IfItCanConnect,
        // Nothing listens at a port of this machine: that does not change within seconds.
        false if is_refused(&error) && is_this_machine(&peer) => Retry::Never,
        _ => Retry::Always,
    };
    let (message, hint) = match proxy {
        Some(route) if says("proxy authorization required") => {
            retry = Retry::Never;
            wants_credentials(route)
        }
        Some(route) if says("tunnel error: unsuccessful") => (
            format!("{} refused to connect to {host}", name(route)),
            format!(
                "Ask the operator of the proxy to allow {host}, or add the host to NO_PROXY. The \
                 proxy comes from {}.",
                route.by
            ),
        ),
        Some(route) => {
            let broke = !is_lookup(&chain) && !says("failed to create underlying connection");
            let message = match broke {
                true => format!("{} closed the connection", name(route)),
                false => format!("{NO_CONNECTION}{}", name(route)),
            };
            let hint = format!(
                "Check {} and the network, then run the command again.",
                route.by
            );
            (message, hint)
        }
        None if says("InvalidContentType") || says("corrupt message") => (
            format!("the server at {host} does not use TLS"),
            match is_this_machine(host) {
                true => "Use an address that begins with http://, or another port.".to_owned(),
                false => {
                    "Check for a captive portal: open a page that begins with http:// in a browser."
                        .to_owned()
                }
            },
        ),
        None if is_lookup(&chain) => (
            format!("{NO_CONNECTION}{host}"),
            "Run `acspass config list` to find the setting with this host, such as authority-host or \
             endpoint, and correct it. If it is correct, check the network. If the network needs a \
             proxy, set HTTPS_PROXY."
                .to_owned(),
        ),
        None if error.is_timeout() && reached != Delivery::NotSent => no_response(host, route),
        None if error.is_connect() => (
            format!("{NO_CONNECTION}{host}{}", through(route)),
            match is_this_machine(host) {
                true => start_server(host, is_https),
                false => "Check the network. If it needs a proxy, set HTTPS_PROXY. `acspass config list` shows \
                     the source of the host."
                    .to_owned(),
            },
        ),
        None => (
            format!("the connection to {host} broke"),
            "Run the command again. `acspass -vv` shows the requests.".to_owned(),
        ),
    };
    let error = Error::unreachable(message, hint).caused_by(Cause {
        words: plain_cause(&error, &chain),
        source: error,
    });
    SendError {
        error: error.with_delivery(reached),
        retry,
    }
}

/// The cause of a failed request in plain words, above the chain of the libraries.
#[derive(Debug)]
struct Cause {
    words: &'static str,
    source: reqwest::Error,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

fn plain_cause(error: &reqwest::Error, chain: &str) -> &'static str {
    let says = |words: &str| chain.contains(words);
    if is_lookup(chain) {
        return UNRESOLVED;
    }
    if error.is_timeout() {
        return match error.is_connect() {
            true => "the connection timed out",
            false => "the response timed out",
        };
    }
    match io_cause(error) {
        Some(ErrorKind::ConnectionRefused) => NO_LISTENER,
        Some(ErrorKind::ConnectionReset) => "connection reset by the other side",
        Some(ErrorKind::ConnectionAborted) => "connection aborted",
        Some(ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown) => "no route to the network",
        Some(ErrorKind::HostUnreachable) => "no route to the host",
        Some(ErrorKind::AddrNotAvailable) => "the address is not available on this machine",
        Some(ErrorKind::PermissionDenied) => "this system does not permit the connection",
        Some(ErrorKind::TimedOut) => "the connection timed out",
        Some(ErrorKind::UnexpectedEof) => "the connection ended early",
        _ if says("proxy authorization required") => "HTTP status 407 from the proxy",
        _ if says("tunnel error: unsuccessful") => "the proxy refused the tunnel (CONNECT)",
        _ if says("InvalidContentType") || says("corrupt message") => "not a TLS response",
        _ if says("connection closed") || says("IncompleteMessage") || says("end of file") => {
            "the connection ended before the response was complete"
        }
        _ => "the HTTP exchange failed",
    }
}

fn is_lookup(chain: &str) -> bool {
    chain.contains("dns error") || chain.contains("failed to lookup")
}

fn io_cause(error: &reqwest::Error) -> Option<ErrorKind> {
    let io = chain(error).find_map(|source| source.downcast_ref::<std::io::Error>());
    io.map(std::io::Error::kind)
}

/// Whether the connection failed since nothing listens there, or the address does not exist.
fn is_refused(error: &reqwest::Error) -> bool {
    let kind = io_cause(error).filter(|_| error.is_connect());
    matches!(
        kind,
        Some(
            ErrorKind::ConnectionRefused
                | ErrorKind::AddrNotAvailable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::HostUnreachable
        )
    )
}

fn wants_credentials(route: &ProxyRoute) -> (String, String) {
    let what = match route.has_credentials() {
        true => format!("rejected the credentials in {}", route.by),
        false => "requires credentials".to_owned(),
    };
    let hint = format!(
        "Set HTTPS_PROXY to {}://USER:PASSWORD@{}. In the password, write `@`, `/`, `:`, `#` and \
         `%` as %40, %2F, %3A, %23 and %25, and DOMAIN\\USER as DOMAIN%5CUSER. A proxy that \
         accepts only Kerberos or NTLM needs a helper on this machine, such as px or cntlm.",
        route.address.scheme(),
        host_of(&route.address)
    );
    (format!("{} {what}", name(route)), hint)
}

fn through(route: Option<&ProxyRoute>) -> String {
    let through = route.map(|route| format!(" through {}", name(route)));
    through.unwrap_or_default()
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

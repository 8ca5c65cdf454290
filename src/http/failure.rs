//! What kept an answer from coming, in the user's words.

use crate::error::{Error, Kind};

const NOT_TRUSTED: &str = "is not trusted";

/// Whether no answer came because the certificate on the way is not trusted.
pub(crate) fn is_distrust(error: &Error) -> bool {
    error.kind() == Kind::Unreachable && error.message().ends_with(NOT_TRUSTED)
}

pub(super) fn oversized(host: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} answered with more than 1 MiB, which is not the service's own answer"),
        "check for a proxy or a captive portal between here and the service",
    )
}

pub(super) fn unreachable(host: &str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let chain = chain_text(&error);
    let (message, hint) = if chain.contains("certificate") || chain.contains("UnknownIssuer") {
        (
            format!("the certificate of {host} {NOT_TRUSTED}"),
            "behind a proxy that inspects TLS, name its CA certificate (PEM) in ACSPASS_CA_FILE",
        )
    } else if chain.contains("dns error") || chain.contains("failed to lookup") {
        (
            format!("the name {host} could not be found"),
            "check the network, the spelling of the host, and HTTPS_PROXY",
        )
    } else if error.is_timeout() {
        (
            format!("{host} did not answer in time"),
            "check the network, then try again",
        )
    } else if error.is_connect() {
        (
            format!("{host} could not be reached"),
            "check the network, and HTTPS_PROXY where you need a proxy",
        )
    } else {
        (
            format!("the connection to {host} broke"),
            "try again; `acspass -v` shows the requests",
        )
    };
    Error::new(Kind::Unreachable, message, hint).caused_by(error)
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

//! Reads addresses among the settings: the redirect address and its port, hosts and web origins.

use super::setting::Setting;
use super::sources::Sources;
use crate::acs::Endpoint;
use crate::entra::redirect::{PasteUri, RedirectUri};
use crate::error::{Error, Kind, Result};
use crate::loopback::WebOrigin;
use crate::text::quoted;

/// Reads the address that the listener serves. The hint names the other use of an address.
pub(super) fn listened_at(text: &str) -> Result<RedirectUri> {
    RedirectUri::parse(text).map_err(|error| match PasteUri::parse(text) {
        Ok(_) => {
            let hint = format!(
                "{}; another address needs `--paste`, or `sign-in = \"paste\"` in the profile",
                error.hint()
            );
            Error::new(error.kind(), error.message(), hint)
        }
        Err(_) => error,
    })
}

/// The hosts of `allow-endpoint`. The environment never adds one.
pub(super) fn allowed_hosts(sources: &Sources<'_>) -> Option<String> {
    let flag = sources.flags.get(&Setting::AllowEndpoint).cloned();
    flag.or_else(|| sources.profile.value(Setting::AllowEndpoint))
}

/// Reads hosts; an address stands for its host.
pub(super) fn parse_hosts(text: &str) -> Result<Vec<String>> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    words
        .map(|word| match word.contains("://") {
            true => Endpoint::parse(word),
            false => Endpoint::parse(&format!("https://{word}")),
        })
        .map(|endpoint| endpoint.map(|endpoint| endpoint.host().to_owned()))
        .collect::<Result<_>>()
        .map_err(|_| {
            Error::new(
                Kind::Usage,
                format!("{} is not a list of hosts", quoted(text)),
                "name hosts like proxy.contoso.com",
            )
        })
}

pub(super) fn parse_port(text: &str) -> Result<u16> {
    text.trim().parse().map_err(|_| {
        Error::new(
            Kind::Usage,
            format!("{} is not a port", quoted(text)),
            "ports are numbers from 1 to 65535; 0 takes a free one",
        )
    })
}

/// Reads web origins.
pub(super) fn parse_origins(text: &str) -> Result<Vec<WebOrigin>> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(WebOrigin::parse)
        .collect()
}

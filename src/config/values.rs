//! Parses the values of single settings: words, addresses and ports.

use crate::acs::Endpoint;
use crate::entra::redirect::{PasteUri, RedirectUri};
use crate::error::{Error, Result};
use crate::exchange::ExchangeKind;
use crate::loopback::WebOrigin;
use crate::text::quoted;

/// The store of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreChoice {
    /// The operating system's keyring.
    Keyring,
    /// The Linux kernel's keyring, gone at logout.
    Keyutils,
    /// Sealed files.
    File,
    /// This process's memory.
    Memory,
}

/// The sign-in method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInChoice {
    /// In a browser on this machine.
    Browser,
    /// With a code on another device.
    DeviceCode,
    /// In a browser on any machine, with a pasted address.
    Paste,
}

impl SignInChoice {
    /// The word for it in the setting `sign-in`.
    pub fn as_str(self) -> &'static str {
        match self {
            SignInChoice::Browser => "browser",
            SignInChoice::DeviceCode => "device-code",
            SignInChoice::Paste => "paste",
        }
    }
}

/// Reads a store's name.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) naming the stores.
pub fn parse_store(text: &str) -> Result<StoreChoice> {
    match text.to_ascii_lowercase().as_str() {
        "keyring" => Ok(StoreChoice::Keyring),
        "keyutils" if cfg!(target_os = "linux") => Ok(StoreChoice::Keyutils),
        "keyutils" => Err(Error::usage(
            "the store `keyutils` is the Linux kernel's, and this is not Linux",
            "choose keyring, file or memory",
        )),
        "file" => Ok(StoreChoice::File),
        "memory" => Ok(StoreChoice::Memory),
        _ => Err(Error::usage(
            format!("{} is not a store", quoted(text)),
            "the stores are keyring, keyutils (on Linux), file and memory",
        )),
    }
}

pub(super) fn parse_sign_in(text: &str) -> Result<SignInChoice> {
    match text.to_ascii_lowercase().as_str() {
        "browser" => Ok(SignInChoice::Browser),
        "device-code" => Ok(SignInChoice::DeviceCode),
        "paste" => Ok(SignInChoice::Paste),
        _ => Err(Error::usage(
            format!("{} is not a way to sign in", quoted(text)),
            "the ways are browser, device-code, paste",
        )),
    }
}

/// Parses a kind of exchange.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) with the list of kinds.
pub fn parse_exchange(text: &str) -> Result<ExchangeKind> {
    match text.to_ascii_lowercase().as_str() {
        "key" => Ok(ExchangeKind::Key),
        "entra" => Ok(ExchangeKind::Entra),
        "teams-extension" => Ok(ExchangeKind::TeamsExtension),
        _ => Err(Error::usage(
            format!("{} is not a kind of exchange", quoted(text)),
            "the kinds are key, entra and teams-extension",
        )),
    }
}

pub(super) fn parse_switch(text: &str) -> Result<bool> {
    text.to_ascii_lowercase().parse().map_err(|_| {
        Error::usage(
            format!("{} is neither true nor false", quoted(text)),
            "write true or false",
        )
    })
}

pub(super) fn parse_port(text: &str) -> Result<u16> {
    text.trim().parse().map_err(|_| {
        Error::usage(
            format!("{} is not a port", quoted(text)),
            "ports are numbers from 1 to 65535; 0 takes a free one",
        )
    })
}

/// Parses the address that the listener serves. The hint names the other use of an address.
pub(super) fn parse_redirect_uri(text: &str) -> Result<RedirectUri> {
    RedirectUri::parse(text).map_err(|error| match PasteUri::parse(text) {
        Ok(_) => {
            let hint = format!(
                "{}; another address needs `--paste`, or `sign-in = \"paste\"` in the profile",
                error.hint()
            );
            error.with_hint(hint)
        }
        Err(_) => error,
    })
}

/// Parses hosts; an address stands for its host.
pub(super) fn parse_hosts(text: &str) -> Result<Vec<String>> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let hosts = words.map(|word| {
        let endpoint = match word.contains("://") {
            true => Endpoint::parse(word)?,
            false => Endpoint::parse(&format!("https://{word}"))?,
        };
        Ok(endpoint.host().to_owned())
    });
    hosts.collect::<Result<_>>().map_err(|_| {
        Error::usage(
            format!("{} is not a list of hosts", quoted(text)),
            "name hosts like proxy.contoso.com",
        )
    })
}

pub(super) fn parse_origins(text: &str) -> Result<Vec<WebOrigin>> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(WebOrigin::parse)
        .collect()
}

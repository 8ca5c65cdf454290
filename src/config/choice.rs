//! Settings that are one word of a few.

use crate::error::{Error, Kind, Result};

/// Where sessions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreChoice {
    /// The operating system's keyring.
    Keyring,
    /// This process's memory.
    Memory,
}

impl StoreChoice {
    /// The word for it in the setting `store`.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreChoice::Keyring => "keyring",
            StoreChoice::Memory => "memory",
        }
    }
}

/// How a person signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInChoice {
    /// In the browser, which brings the answer.
    Browser,
    /// With a code on another device.
    DeviceCode,
    /// In a browser anywhere, whose last address is pasted.
    Paste,
}

impl SignInChoice {
    const ALL: [SignInChoice; 3] = [
        SignInChoice::Browser,
        SignInChoice::DeviceCode,
        SignInChoice::Paste,
    ];

    /// The word for it in the setting `sign-in`.
    pub fn as_str(self) -> &'static str {
        match self {
            SignInChoice::Browser => "browser",
            SignInChoice::DeviceCode => "device-code",
            SignInChoice::Paste => "paste",
        }
    }
}

pub(super) fn parse_store(text: &str) -> Result<StoreChoice> {
    match text {
        "keyring" => Ok(StoreChoice::Keyring),
        "memory" => Ok(StoreChoice::Memory),
        _ => Err(Error::new(
            Kind::Usage,
            format!("`{}` is not a store", text.escape_debug()),
            "the stores are keyring and memory",
        )),
    }
}

pub(super) fn parse_sign_in(text: &str) -> Result<SignInChoice> {
    let choices = SignInChoice::ALL;
    let chosen = choices.into_iter().find(|choice| choice.as_str() == text);
    chosen.ok_or_else(|| {
        let known = choices.map(SignInChoice::as_str).join(", ");
        Error::new(
            Kind::Usage,
            format!("`{}` is not a way to sign in", text.escape_debug()),
            format!("the ways are {known}"),
        )
    })
}

//! Settings that are one word of a few.

use crate::error::{Error, Kind, Result};
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

impl StoreChoice {
    /// The word for it in the setting `store`.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreChoice::Keyring => "keyring",
            StoreChoice::Keyutils => "keyutils",
            StoreChoice::File => "file",
            StoreChoice::Memory => "memory",
        }
    }
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

/// Reads a store's name.
///
/// # Errors
/// [`Kind::Usage`] naming the stores.
pub fn parse_store(text: &str) -> Result<StoreChoice> {
    match text.to_ascii_lowercase().as_str() {
        "keyring" => Ok(StoreChoice::Keyring),
        "keyutils" if cfg!(target_os = "linux") => Ok(StoreChoice::Keyutils),
        "keyutils" => Err(Error::new(
            Kind::Usage,
            "the store `keyutils` is the Linux kernel's, and this is not Linux",
            "choose keyring, file or memory",
        )),
        "file" => Ok(StoreChoice::File),
        "memory" => Ok(StoreChoice::Memory),
        _ => Err(Error::new(
            Kind::Usage,
            format!("{} is not a store", quoted(text)),
            "the stores are keyring, keyutils (on Linux), file and memory",
        )),
    }
}

pub(super) fn parse_sign_in(text: &str) -> Result<SignInChoice> {
    let choices = SignInChoice::ALL;
    let chosen = choices
        .into_iter()
        .find(|choice| choice.as_str().eq_ignore_ascii_case(text));
    chosen.ok_or_else(|| {
        let known = choices.map(SignInChoice::as_str).join(", ");
        Error::new(
            Kind::Usage,
            format!("{} is not a way to sign in", quoted(text)),
            format!("the ways are {known}"),
        )
    })
}

/// Parses a switch.
pub(super) fn parse_switch(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::new(
            Kind::Usage,
            format!("{} is neither true nor false", quoted(text)),
            "write true or false",
        )),
    }
}

//! Talks to Microsoft Entra ID as a public client (RFC 6749, 7636, 8252).

pub mod browser;
pub mod redirect;

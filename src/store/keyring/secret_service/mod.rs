//! The Secret Service of Linux desktops, over D-Bus, with few round trips.
//!
//! The session is `plain`: the session bus transfers an item's bytes unencrypted. Only the user's
//! processes can read that bus, and they can read the keyring too; see `docs/architecture.md`. For a
//! service that refuses a plain session, the `keyring` crate encrypts. Both use the same attributes,
//! label and content type, so each finds the other's items.

mod bus;
pub(super) mod connect_error;
mod service;

pub(super) use service::SecretService;

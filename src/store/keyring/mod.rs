//! The operating system's keyring: the Secret Service, or the one of macOS or Windows.
//!
//! Items are bytes under `service=acspass`, `username=<item>`. All calls run in order on one thread,
//! with a deadline: the keyring may be a stopped daemon or wait for a dialog. Errors are translated
//! here, since the errors of the platform's crates may contain an item's bytes.

mod entry;
mod failure;
mod store;

#[cfg(any(target_os = "macos", windows))]
mod native;
#[cfg(not(any(target_os = "macos", windows)))]
mod secret_service;
#[cfg(not(any(target_os = "macos", windows)))]
pub(crate) mod session_bus;

pub use store::KeyringStore;

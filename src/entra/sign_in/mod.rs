//! Signs a user in: in a browser, with a device code, or with a pasted address.
//!
//! Inputs are scopes and [`SignInOptions`]. Outputs are tokens and the account. Messages for the
//! user are [`Notice`]s: this module prints nothing.

mod browser;
mod code;
mod device;
mod device_code;
mod flow;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod options;
mod paste;

pub use flow::SignedIn;
pub use options::{Confirm, NewAccount, Notice, Prompt, Reader, SignInMethod, SignInOptions};

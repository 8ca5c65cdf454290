//! Signs a user in: in a browser, with a device code, or with a pasted address.
//!
//! Inputs are scopes and [`SignInOptions`]. Outputs are tokens and the account. Messages for the
//! user are [`Notice`]s: this module prints nothing.

mod browser_launch;
mod code;
mod device;
mod device_prompt;
mod flow;
mod notice;
mod options;
mod paste;
mod pasted;
mod polling;
mod request;
mod timeout;

pub use notice::Notice;
pub use options::{Confirm, NewAccount, Prompt, Reader, SignInMethod, SignInOptions};
pub use request::SignedIn;

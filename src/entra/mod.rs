//! Talks to Microsoft Entra ID as a public client (RFC 6749, 7636, 8252).
//!
//! In come an authority, an application and what to ask for; out come tokens and who signed in,
//! or a refusal in words. It keeps nothing, and opens a browser only through the one it is handed.

mod adapter;
mod authority;
pub mod browser;
mod denial;
mod id_token;
pub mod redirect;
mod refusal;
mod sign_in;
mod tokens;

pub(crate) use authority::guid;
pub use authority::{Authority, check_client_id};
pub use sign_in::{
    Confirm, NewAccount, Notice, Prompt, Reader, SignInMethod, SignInOptions, SignedIn,
};
pub use tokens::{Entra, RefreshError, Tokens};

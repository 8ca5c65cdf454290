//! Talks to Microsoft Entra ID as a public client (RFC 6749, 7636, 8252).
//!
//! Inputs are an authority, an application and scopes. Outputs are tokens and the account, or an
//! error. The module stores nothing, and opens pages only through a [`browser::Browser`].

mod authority;
pub mod browser;
mod client;
mod id_token;
mod metadata_cache;
mod missing_api;
pub mod redirect;
mod refusal;
#[cfg(not(fuzzing))]
mod sign_in;
#[cfg(fuzzing)]
pub(crate) mod sign_in;
mod token_endpoint;

pub use authority::{Authority, check_client_id};
pub use client::Entra;
pub use metadata_cache::MetadataCache;
#[cfg(feature = "cli")]
pub(crate) use refusal::from_page as refused_on_page;
pub use sign_in::{
    Confirm, NewAccount, Notice, Prompt, Reader, SignInMethod, SignInOptions, SignedIn,
};
pub use token_endpoint::{RefreshError, Tokens};

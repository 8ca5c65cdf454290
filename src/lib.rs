//! Sign in as a Teams user and get Azure Communication Services tokens.
//!
//! [`TeamsSession`] returns a token in one call: the cached one, or one from a refresh, or one from
//! a sign-in. [`IdentityClient`](acs::IdentityClient) covers the ACS Identity API.
//! [`CommunicationTokenCredential`](credential::CommunicationTokenCredential) keeps a token fresh.
//! [`Emulator`](emulator::Emulator) stands for Entra ID and ACS Identity in tests.
//!
//! # Examples
#![cfg_attr(
    all(feature = "session", feature = "emulator"),
    doc = include_str!("../docs/library_example.md")
)]
//!
//! Create an identity with a token, as the owner of a resource:
//!
//! ```no_run
//! # async fn example() -> acspass::Result<()> {
//! use acspass::acs::{IdentityClient, TokenScope};
//!
//! let client = IdentityClient::from_connection_string("endpoint=https://…/;accesskey=…")?;
//! let created = client.create_user_with_token(&[TokenScope::Chat], None).await?;
//! println!("created {}", created.id);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `identity` (the client of ACS Identity), `session` (sign-in, token store, refresh), `emulator`,
//! `serve` (the token service) and `cli` (the command) each build alone. The default is all of them.
//! `azure-identity` adds Entra credentials of the resource; `session` includes it. With `identity`
//! alone, the HTTP client speaks HTTP/1.1 and decodes no gzip.
//!
//! # Modules
//! From the lowest layer up; `docs/architecture.md` has the complete map.
//!
//! - [`error`], [`secret`], [`time`], [`account`], [`exchange`], [`claims`], [`jwt`], [`text`]: values.
//! - [`http`]: the HTTP client. [`store`]: token stores. [`entra`]: Entra ID as a public client.
//!   [`acs`]: ACS Identity. [`graph`]: a look-up in Microsoft Graph.
//! - [`session`]: the freshness rule and the renewal of a session. [`teams_session`]: its builder.
//!   [`credential`], [`serve`], [`config`], [`doctor`], [`emulator`].
//!
//! Functions of [`store`] and [`session`] call the token store, which can block for seconds: an
//! operating system may ask the user to unlock it. Call them on a thread that may block.
//! [`TeamsSession`] does so by itself.

// With one feature alone, some functions that modules share have no caller, and links lead nowhere.
#![cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, rustdoc::broken_intra_doc_links)
)]

pub mod account;
#[cfg(feature = "identity")]
pub mod acs;
#[cfg(feature = "identity")]
mod advice;
pub mod claims;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "session")]
pub mod config;
#[cfg(feature = "session")]
pub mod credential;
#[cfg(feature = "cli")]
pub mod doctor;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(feature = "session")]
pub mod entra;
pub mod error;
pub mod exchange;
#[cfg(feature = "session")]
pub mod exchange_client;
#[cfg(feature = "exchange-service")]
pub mod exchange_service;
#[cfg(any(feature = "identity", feature = "emulator"))]
pub mod files;
#[cfg(all(fuzzing, feature = "session"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "session")]
pub mod graph;
#[cfg(feature = "session")]
pub mod hardening;
#[cfg(feature = "identity")]
pub mod http;
#[cfg(feature = "identity")]
pub mod input;
#[cfg(feature = "serve")]
mod json;
#[cfg(feature = "identity")]
pub mod jwt;
#[cfg(any(feature = "identity", feature = "emulator"))]
pub mod loopback;
#[cfg(feature = "identity")]
mod progress;
#[cfg(any(feature = "identity", feature = "emulator"))]
pub mod secret;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "session")]
pub mod store;
#[cfg(feature = "session")]
pub mod teams_session;
#[cfg(any(feature = "identity", feature = "emulator"))]
pub mod text;
#[cfg(any(feature = "identity", feature = "emulator"))]
pub mod time;
#[cfg(feature = "identity")]
mod wire;

pub use error::{Error, Kind, Result};
#[cfg(feature = "session")]
pub use teams_session::TeamsSession;

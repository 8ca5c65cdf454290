//! Sign in as a Teams user, get Azure Communication Services tokens.
//!
//! The command is [`cli::run`] with the real world around it; what it can do, these rooms do
//! without a terminal, an environment or a wall clock. From the ground up (the whole map is in
//! `docs/architecture.md`, and a test holds every import against it):
//!
//! - [`error`]: one [`Error`] with kind, message and next step. [`secret`]: secrets as types.
//!   [`time`]: timestamps, durations and the clock that everything is handed. [`account`]: the
//!   names a session goes by. [`exchange`]: how an Entra token becomes a Communication token. [`jwt`]: what a token says of itself.
//!   [`hardening`]: what protects the process's memory. [`loopback`]: listeners that
//!   only this machine reaches.
//! - [`http`]: the one HTTP client. [`store`]: where sessions are kept. [`entra`]: Entra ID as a
//!   public client. [`acs`]: the client of ACS Identity. The last three do not know each other.
//!   [`IdentityClient`](acs::IdentityClient) creates identities and issues, revokes and exchanges
//!   their tokens; [`DirectExchange`](acs::DirectExchange) exchanges without an access key.
//! - [`session`]: the main job, one fresh token for one user. [`config`]: settings.
//!   [`doctor`]: checks as data. [`emulator`]: Entra ID and ACS Identity for tests, on this machine's loopback.
//! - [`cli`]: the command.
//!
//! A look at what is kept, [`Session::cached_token`](session::Session::cached_token), costs one read of the store
//! and no network. What it finds stale is renewed by [`Renewal::run`](session::Renewal::run):
//! refresh, sign-in, exchange, save, under the session's lock. How a person signs in is a value;
//! without one nobody is asked to.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use acspass::account::Tenancy;
//! use acspass::acs::{ConnectionString, IdentityClient};
//! use acspass::config::parse_scopes;
//! use acspass::emulator::{Emulator, Options, UserAgent};
//! use acspass::entra::{Authority, Entra};
//! use acspass::entra::browser::{Browser, Link, Opened};
//! use acspass::exchange::{ExchangeKind, TokenSource};
//! use acspass::http::{self, Http};
//! use acspass::session::{Exchange, Net, Peek, Session, Target, Way, Wish};
//! use acspass::store::{MemoryStore, Vault};
//! use acspass::time::SystemClock;
//!
//! /// A browser that nobody has to look at: it walks the emulator's pages by itself.
//! struct Unattended(UserAgent);
//!
//! impl Browser for Unattended {
//!     fn open(&self, link: &Link) -> acspass::Result<Opened> {
//!         self.0.clone().start(link.target())?;
//!         Ok(Opened::by("the emulator's user agent"))
//!     }
//! }
//!
//! # fn main() -> acspass::Result<()> {
//! let emulator = Emulator::start(Options::default())?;
//! let authority = Authority::new(&emulator.http_url(), emulator.tenant_id())?;
//! let resource = ConnectionString::parse(&emulator.connection_string())?;
//! let tenancy = Tenancy {
//!     authority_host: authority.host(),
//!     tenant: emulator.tenant_id().to_owned(),
//!     client_id: emulator.client_id().to_owned(),
//! };
//! let scopes = parse_scopes("Teams.ManageCalls Teams.ManageChats")?;
//! let wish = Wish {
//!     target: Target::Communication(TokenSource {
//!         endpoint: resource.endpoint.as_str().to_owned(),
//!         exchange: ExchangeKind::Key,
//!         scopes: scopes.clone(),
//!     }),
//!     scopes,
//!     min_validity: Duration::from_secs(600),
//!     force: false,
//! };
//! let clock = Arc::new(SystemClock);
//! let vault = Arc::new(Vault::new(Box::new(MemoryStore::new()), None));
//! let session = Session::new(vault, clock.clone(), tenancy);
//! // Nobody is signed in yet, so there is nothing fresh.
//! let Peek::Stale(renewal) = session.peek(None, wish.clone())? else {
//!     panic!("a token from nowhere");
//! };
//! let browser = Unattended(UserAgent::new(None));
//! let way = Way::in_browser(&browser, Duration::from_secs(60));
//! let net = || {
//!     let http = Arc::new(Http::new(http::Options::default()));
//!     let client_id = emulator.client_id().to_owned();
//!     let acs = IdentityClient::from_access_key(resource.endpoint, resource.access_key)
//!         .with_http(http.clone());
//!     Ok(Net {
//!         entra: Entra::new(http, clock.clone(), authority, client_id),
//!         exchange: Some(Exchange::AsOwner(acs)),
//!     })
//! };
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # let expires_on = runtime.block_on(async {
//! let token = renewal.run(net, Some(&way)).await?;
//! assert_eq!(token.account.username, "ada@contoso.example");
//! # acspass::Result::Ok(token.expires_on)
//! # })?;
//!
//! // From now on it is kept, and the second look costs nothing but one read.
//! let Peek::Fresh(again) = session.peek(None, wish)? else {
//!     panic!("it was just renewed");
//! };
//! assert_eq!(again.account.username, "ada@contoso.example");
//! # assert_eq!(again.expires_on, expires_on);
//! # Ok(())
//! # }
//! ```

// With one feature alone, some functions that modules share have no caller.
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))]

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
#[cfg(feature = "identity")]
pub mod files;
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
#[cfg(any(feature = "identity", feature = "emulator"))]
pub mod secret;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "session")]
pub mod store;
#[cfg(any(feature = "identity", feature = "emulator"))]
pub mod text;
#[cfg(any(feature = "identity", feature = "emulator"))]
pub mod time;
#[cfg(feature = "identity")]
mod wire;

pub use error::{Error, Kind, Result};

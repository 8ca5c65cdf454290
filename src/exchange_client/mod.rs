//! The client of an organisation's exchange service (`acspass-exchange`), which holds the credential
//! for the ACS resource in place of the user's machine.
//!
//! Inputs are the service's address and the user's Entra tokens, the output is a Communication token
//! (RFC 8693). The client caches nothing, and does not sign users in.

mod client;
mod refusal;
mod response;
mod url;

pub use client::{ExchangeClient, ServiceToken, UserTokens};
pub use url::ServiceUrl;

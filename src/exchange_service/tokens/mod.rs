//! The validation of tokens: signature, issuer, audience, application, scope and time.
//!
//! Input is the text of a token and its purpose. Output is the user, or the one reason for a refusal.
//! The signing keys are fetched once for all callers.

mod keys;
mod refresh;
mod rejection;
mod rs256;
mod signing_keys;
mod user_token;
mod validator;

pub(super) use rejection::Rejection;
pub(super) use signing_keys::SigningKeys;
pub(super) use user_token::{Purpose, UserToken};
pub(super) use validator::Validator;

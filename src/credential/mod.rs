//! A Communication token that stays valid: [`CommunicationTokenCredential`].
//!
//! Input: a source of tokens (a [`Refresher`]) and a clock. Output: tokens with the requested
//! validity, and a notification of every change. The credential refreshes ahead of time, once for any
//! number of callers. The refresher decides how to get a token and where to store it.

mod cached_token;
mod communication;
mod refresher;
#[cfg(test)]
mod tests;

pub(crate) use cached_token::pause_after;
pub use cached_token::{AHEAD, CachedToken};
pub use communication::{CommunicationTokenCredential, Options};
pub use refresher::{RefreshedToken, Refresher, Refreshing};

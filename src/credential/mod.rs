//! A Communication token that is always good: [`CommunicationTokenCredential`].
//!
//! In goes whatever can get a token (a [`Refresher`]) and a clock; out come tokens with as much
//! left as is asked for, and news of every change. It refreshes before anybody needs it, once for
//! any number of callers. How a token is got, and where it is kept, is the refresher's business.

mod cached_token;
mod communication;
mod refresh_task;
mod refresher;
mod schedule;
#[cfg(test)]
mod tests;

pub use cached_token::{AHEAD, CachedToken};
pub use communication::{CommunicationTokenCredential, Options};
pub use refresher::{RefreshedToken, Refresher, Refreshing};
pub(crate) use schedule::pause_after;

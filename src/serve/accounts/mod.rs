//! The accounts that the service returns tokens for, each with a credential.
//!
//! Input: the index of the store. Output: tokens from memory, which a credential per account
//! refreshes. The service reads the index again at most once a second, and if no account matches,
//! so that a login, a logout or a switch in another process takes effect at once.

mod cache;
mod refresh;
#[cfg(test)]
mod tests;

pub(super) use cache::{AccountCredential, Accounts, AccountsState};

//! The state of the handlers.

use std::sync::Arc;

use super::accounts::Accounts;
use super::context::Context;

/// The context, and the accounts.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) context: Arc<Context>,
    pub(super) accounts: Arc<Accounts>,
}

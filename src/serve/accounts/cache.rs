//! The latest index, and the credentials of its accounts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::credential::{CommunicationTokenCredential, Options};
use crate::serve::context::Context;
use crate::session::Target;
use crate::store::{Index, IndexEntry};

use super::refresher::{AccountRefresher, RefresherState};

/// How long an index is used before it is read again.
const CACHE_TTL: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct AccountCache {
    index: Option<Index>,
    /// How often the index was read.
    pub(super) reads: u64,
    /// The running time of the clock at the last read; `None` if the index must be read again.
    pub(super) read_at: Option<Duration>,
    pub(super) credentials: HashMap<String, Arc<AccountCredential>>,
}

/// The credential of one account.
pub(in crate::serve) struct AccountCredential {
    pub(in crate::serve) account: Account,
    pub(super) credential: CommunicationTokenCredential,
    pub(super) state: Arc<RefresherState>,
}

impl AccountCredential {
    /// Whether the token in memory is still the one in the store.
    fn is_current(&self, entry: &IndexEntry, context: &Context) -> bool {
        let target = &context.options.token_request.target;
        let (Some(cached), Target::Communication(source)) = (self.credential.cached(), target)
        else {
            return true;
        };
        let mut stored = entry.communication_tokens.iter();
        stored.any(|stored| stored.source == *source && stored.expires_on == cached.expires_on)
    }
}

impl AccountCache {
    pub(super) fn is_current(&self, context: &Context) -> bool {
        match (self.read_at, context.clock().running()) {
            (Some(read_at), Some(now)) => now.saturating_sub(read_at) < CACHE_TTL,
            _ => false,
        }
    }

    /// Replaces the index. Drops the credentials of accounts that were signed out, signed in again
    /// or renewed by another process.
    pub(super) fn replace(&mut self, index: Index, context: &Context) {
        self.credentials.retain(|_, credential| {
            let mut entries = index.in_tenancy(context.session().tenancy());
            entries.any(|entry| {
                entry.account == credential.account && credential.is_current(entry, context)
            })
        });
        self.index = Some(index);
        self.reads += 1;
        self.read_at = context.clock().running();
    }

    /// Returns the credential of this user, or of the active account, and makes it if it is missing.
    pub(super) fn credential(
        &mut self,
        context: &Arc<Context>,
        user: Option<&str>,
    ) -> Option<Arc<AccountCredential>> {
        let entry = context.entry(self.index.as_ref()?, user)?;
        let id = &entry.account.home_account_id;
        if let Some(credential) = self.credentials.get(id) {
            return Some(credential.clone());
        }
        let state = Arc::<RefresherState>::default();
        let refresher = AccountRefresher {
            context: context.clone(),
            user: id.clone(),
            state: state.clone(),
        };
        let options = Options {
            clock: context.options.clock.clone(),
            ..Options::default()
        };
        let credential = Arc::new(AccountCredential {
            account: entry.account.clone(),
            credential: CommunicationTokenCredential::new(refresher, options),
            state,
        });
        self.credentials.insert(id.clone(), credential.clone());
        Some(credential)
    }
}

//! The contents of the index, and the note of a loss.

use serde::{Deserialize, Serialize};

use super::entry::IndexEntry;
use super::login_scope::LoginScope;
use crate::account::Tenancy;

/// The most tenancies that the note lists as restored. The oldest are dropped, and restored again.
const MOST_RESTORED: usize = 100;

/// The contents of the index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    pub(super) entries: Vec<IndexEntry>,
    pub(super) lost: Option<Lost>,
}

/// The note that the file was damaged, so that entries may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lost {
    /// Whether an active session may be missing.
    pub(super) active: bool,
    /// The tenancies that were restored from their store since.
    restored: Vec<Restored>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Restored {
    tenancy: Tenancy,
    store: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<String>,
}

impl Lost {
    /// Returns whether this tenancy was restored in this scope.
    pub(super) fn is_restored(&self, tenancy: &Tenancy, scope: &LoginScope) -> bool {
        self.restored.contains(&Restored::of(tenancy, scope))
    }

    /// Notes that this tenancy was restored in this scope.
    pub(super) fn set_restored(&mut self, tenancy: &Tenancy, scope: &LoginScope) {
        self.restored.push(Restored::of(tenancy, scope));
        if self.restored.len() > MOST_RESTORED {
            self.restored.remove(0);
        }
    }

    pub(super) fn and(mut self, other: Lost) -> Self {
        self.active |= other.active;
        // The new loss has not been restored yet.
        self.restored.clear();
        self
    }
}

impl Restored {
    fn of(tenancy: &Tenancy, scope: &LoginScope) -> Self {
        Restored {
            tenancy: tenancy.clone(),
            store: scope.store.to_owned(),
            login: scope.login().map(str::to_owned),
        }
    }
}

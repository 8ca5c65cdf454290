//! The state of refresh tokens.

use std::collections::BTreeSet;

/// The token families that were opened, revoked or used. A token of an earlier run of the emulator
/// is valid until its family or every session is revoked.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// All sessions were revoked at least once, so only the families in `open` are valid.
    all_revoked: bool,
    open: BTreeSet<String>,
    reused: BTreeSet<String>,
    used_tokens: BTreeSet<String>,
}

impl Sessions {
    pub(crate) fn open(&mut self, family: &str) {
        self.open.insert(family.to_owned());
    }

    pub(crate) fn is_revoked(&self, family: &str) -> bool {
        self.all_revoked && !self.open.contains(family)
    }

    /// Returns whether a token of this family was used twice.
    pub(crate) fn is_reused(&self, family: &str) -> bool {
        self.reused.contains(family)
    }

    /// Revokes a family because a token of it was used twice.
    pub(crate) fn mark_reused(&mut self, family: &str) {
        self.reused.insert(family.to_owned());
    }

    /// Records the use of a token. Returns whether it was the first.
    pub(crate) fn use_once(&mut self, token_id: &str) -> bool {
        self.used_tokens.insert(token_id.to_owned())
    }

    pub(crate) fn revoke_all(&mut self) {
        self.all_revoked = true;
        self.open.clear();
    }
}

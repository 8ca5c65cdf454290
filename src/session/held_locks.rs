//! The locks of a sign-in or a renewal.

use std::time::Duration;

use super::lock_wait;
use crate::account::SessionKey;
use crate::error::Result;
use crate::store::{Activity, Guard, LockName, SessionStore};

/// The locks of a sign-in or a renewal. A sign-in of an unknown user starts with the tenancy's lock,
/// and adds the session's lock when the account is known.
pub(super) struct HeldLocks {
    first: Guard,
    /// The session's lock, if the first one is the tenancy's or another session's.
    session: Option<Guard>,
}

impl HeldLocks {
    pub(super) fn new(first: Guard) -> Self {
        HeldLocks {
            first,
            session: None,
        }
    }

    /// Returns the first lock.
    pub(super) fn first(&self) -> &Guard {
        &self.first
    }

    /// Returns the session's lock, or else the first lock.
    pub(super) fn guard(&self) -> &Guard {
        self.session.as_ref().unwrap_or(&self.first)
    }

    /// Takes the lock of this session, if the first lock is another one. Waits up to `longest`,
    /// because another process may be signing the same user in.
    pub(super) async fn lock_session(
        &mut self,
        sessions: &SessionStore,
        key: SessionKey,
        longest: Duration,
    ) -> Result<()> {
        let is_first = matches!(self.first.name(), LockName::Session(first) if *first == key);
        self.session = match is_first {
            true => None,
            false => {
                let name = LockName::Session(key);
                let wait = Some(longest);
                Some(lock_wait::lock(sessions, &name, Activity::Renewing, wait).await?)
            }
        };
        Ok(())
    }
}

//! Renews a stale session under its lock.

use super::freshness::TokenRequest;
use super::lock_wait;
use super::renewal_task::RenewalTask;
use super::services::RenewalServices;
use super::sessions::Sessions;
use super::token::Token;
use crate::account::SessionKey;
use crate::entra::SignInOptions;
use crate::error::{Error, Result};
use crate::store::{Activity, Attempt, LockName};

/// A session without a fresh token. It must be renewed.
pub struct Renewal {
    pub(super) session: Sessions,
    pub(super) user: Option<String>,
    pub(super) key: Option<SessionKey>,
    /// The session's username in the index. It is kept here because the entry of a lost session is
    /// removed.
    pub(super) username: Option<String>,
    pub(super) request: TokenRequest,
}

impl Renewal {
    /// Renews the session, and signs in with `options` if there is no other way. Uses the cache if
    /// another process has renewed meanwhile. `services` is called before the lock is taken.
    /// Calls of the store block the thread, for up to 5 s each.
    ///
    /// # Errors
    /// [`Kind::SignInNeeded`](crate::Kind::SignInNeeded) if a sign-in is required and `options` is
    /// `None`; as [`Entra::sign_in`](crate::entra::Entra::sign_in),
    /// [`Entra::refresh`](crate::entra::Entra::refresh) and the exchange;
    /// [`Kind::Store`](crate::Kind::Store) if the session cannot be saved or locked.
    pub async fn run(
        self,
        services: impl FnOnce() -> Result<RenewalServices>,
        options: Option<&SignInOptions<'_>>,
    ) -> Result<Token> {
        let mut name = match &self.key {
            Some(key) => LockName::Session(key.clone()),
            None => LockName::Tenancy(self.session.tenancy.clone()),
        };
        if self.key.is_none() && options.is_none() {
            return Err(self.no_account_error(&name));
        }
        let services = &services()?;
        let sign_in_wait = options.map(|options| options.timeout);
        loop {
            let sessions = &self.session.store;
            let guard = lock_wait::lock(sessions, &name, Activity::Renewing, sign_in_wait).await?;
            let mut task = RenewalTask::new(&self.session, &self.request, services, options, guard);
            task.user = self.user.clone();
            task.known_username = self.username.clone();
            task.read_again()?;
            match (&task.record, &name) {
                // A user signed in during the wait, so that session's lock is needed.
                (Some(record), LockName::Tenancy(_)) => name = LockName::Session(record.key()),
                _ => return task.finish().await,
            }
        }
    }

    /// Returns the error for a missing account, or for a sign-in in progress.
    fn no_account_error(&self, tenancy: &LockName) -> Error {
        match self.session.store.try_lock(tenancy, Activity::Renewing) {
            Ok(Attempt::Held(Some(holder))) if holder.activity == Activity::SigningIn => {
                lock_wait::sign_in_in_progress(Some(holder))
            }
            _ => self.session.no_session_error(self.user.as_deref()),
        }
    }
}

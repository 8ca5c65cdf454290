//! Reads a session for an export.

use super::session::PortableSession;
use crate::error::Result;
use crate::session::renewal::locks;
use crate::session::sessions::Sessions;
use crate::store::{Activity, LockTarget};

impl Sessions {
    /// Returns the session of `user`, or of the active account, for an export. Waits for a process
    /// that renews the session: its previous refresh token may be worthless.
    ///
    /// # Errors
    /// As [`Sessions::require_session`]; [`Kind::Store`](crate::Kind::Store) if the store fails;
    /// [`Kind::SignInNeeded`](crate::Kind::SignInNeeded) if the session has no refresh token.
    pub async fn export(&self, user: Option<&str>) -> Result<PortableSession> {
        let entry = self.find_session_or_active(user)?;
        let entry = entry.ok_or_else(|| self.no_session_error(user))?;
        let key = entry.key();
        let target = LockTarget::Session(key.clone());
        let guard = locks::lock(&self.store, &target, Activity::Renewing, None).await?;
        let record = self.store.load_under(&key, &guard)?;
        let username = &entry.account.username;
        PortableSession::of(record.ok_or_else(|| self.no_session_error(Some(username)))?)
    }
}

//! The table of identities, and the lock of one user.

use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::types::ToSql;

use super::pool::{Database, STATEMENT_TIMEOUT, in_time, unavailable};
use crate::error::{Error, Result};

/// The columns are compared as ids. So the parameters are text that PostgreSQL converts.
const SELECT: &str = "SELECT identity FROM acspass_exchange.identities \
     WHERE tenant = $1::text::uuid AND object_id = $2::text::uuid";
const SET: &str = "INSERT INTO acspass_exchange.identities (tenant, object_id, identity) \
     VALUES ($1::text::uuid, $2::text::uuid, $3) \
     ON CONFLICT (tenant, object_id) DO UPDATE SET identity = excluded.identity, created_at = now()";
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
/// The time limit for the lock of a user. The lock can be held during a request to the resource.
const LOCK_TIMEOUT: Duration = Duration::from_secs(21);

impl Database {
    /// Returns the stored identity of a user.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if the database is unavailable.
    pub(in crate::exchange_service) async fn identity(
        &self,
        tenant: &str,
        object_id: &str,
    ) -> Result<Option<String>> {
        let connection = self.connection().await?;
        let selected = in_time(STATEMENT_TIMEOUT, select(&connection, tenant, object_id)).await;
        if selected.is_err() {
            // The next request must not wait for what this one left.
            drop(Object::take(connection));
        }
        selected
    }

    /// Takes the lock of one user, in a transaction. All replicas wait for it.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if the database is unavailable.
    pub(in crate::exchange_service) async fn lock_user(
        &self,
        tenant: &str,
        object_id: &str,
    ) -> Result<UserLock> {
        let connection = self.connection().await?;
        let lock = UserLock {
            connection: Some(connection),
            tenant: tenant.to_owned(),
            object_id: object_id.to_owned(),
        };
        let user = format!("acspass_exchange.identity {tenant}/{object_id}");
        let connection = lock.connection()?;
        let locked = async {
            let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
            let begun = connection.batch_execute(begin).await;
            begun.map_err(|error| unavailable(&error))?;
            let locked = connection.execute(LOCK, &[&user]).await;
            locked.map_err(|error| unavailable(&error)).map(drop)
        };
        in_time(LOCK_TIMEOUT, locked).await?;
        Ok(lock)
    }
}

/// The lock of one user. It ends with the transaction, or with the connection.
pub(in crate::exchange_service) struct UserLock {
    connection: Option<Object>,
    tenant: String,
    object_id: String,
}

/// A failure to store an identity.
pub(in crate::exchange_service) struct Unstored {
    pub(in crate::exchange_service) error: Error,
    /// Whether it is certain that the identity is not stored.
    pub(in crate::exchange_service) is_certain: bool,
}

impl UserLock {
    fn connection(&self) -> Result<&Object> {
        let missing = || Error::internal("the connection of a lock is gone");
        self.connection.as_ref().ok_or_else(missing)
    }

    /// Returns the identity that is stored now.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if the database is unavailable.
    pub(in crate::exchange_service) async fn identity(&self) -> Result<Option<String>> {
        let selected = select(self.connection()?, &self.tenant, &self.object_id);
        in_time(STATEMENT_TIMEOUT, selected).await
    }

    /// Stores the identity, and ends the lock.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub(in crate::exchange_service) async fn store(
        mut self,
        identity: &str,
    ) -> Result<(), Unstored> {
        let failed = |is_certain| move |error| Unstored { error, is_certain };
        let connection = self.connection().map_err(failed(true))?;
        let values: [&(dyn ToSql + Sync); 3] = [&self.tenant, &self.object_id, &identity];
        let stored = async {
            let stored = connection.execute(SET, &values).await;
            stored.map_err(|error| unavailable(&error))
        };
        let stored = in_time(STATEMENT_TIMEOUT, stored).await;
        stored.map_err(failed(true))?;
        // A commit whose response is lost may have happened.
        let committed = async {
            let committed = connection.batch_execute("COMMIT").await;
            committed.map_err(|error| unavailable(&error))
        };
        let committed = in_time(STATEMENT_TIMEOUT, committed).await;
        committed.map_err(failed(false))?;
        // The connection has no transaction any more, and can be used again.
        self.connection = None;
        Ok(())
    }
}

impl Drop for UserLock {
    fn drop(&mut self) {
        // A connection with an open transaction must not return to the pool: closing it rolls back.
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

async fn select(connection: &Object, tenant: &str, object_id: &str) -> Result<Option<String>> {
    let failed = |error: tokio_postgres::Error| unavailable(&error);
    let prepared = connection.prepare_cached(SELECT).await.map_err(failed)?;
    let row = connection
        .query_opt(&prepared, &[&tenant, &object_id])
        .await;
    let row = row.map_err(failed)?;
    row.map(|row| row.try_get(0)).transpose().map_err(failed)
}

//! The numbered migrations of the schema.

use std::time::Duration;

use deadpool_postgres::Object;

use super::pool::{Database, in_time, unavailable};
use crate::error::{Error, Result};

/// The migrations, in their order. A released one is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("sql/1_schema.sql")];

/// The time limit, with the wait for the migrations of another replica.
const TIMEOUT: Duration = Duration::from_secs(30);

const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('acspass_exchange.migrate', 0))";
/// A user without the right to create a schema can use one that exists, but cannot run this.
const PREPARE: &str = "CREATE SCHEMA IF NOT EXISTS acspass_exchange;
    CREATE TABLE IF NOT EXISTS acspass_exchange.migrations (
        number integer PRIMARY KEY,
        applied_at timestamptz NOT NULL DEFAULT now()
    );";

const APPLIED: &str = "SELECT coalesce(max(number), 0) FROM acspass_exchange.migrations";
const STATE: &str = "SELECT to_regclass('acspass_exchange.migrations') IS NOT NULL, \
     has_database_privilege(current_database(), 'CREATE')";

impl Database {
    /// Applies the missing migrations, under a lock: replicas can start at the same time.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if the database is unavailable;
    /// [`Kind::Usage`](crate::Kind::Usage) if a newer version of this program has changed the schema.
    pub(in crate::exchange_service) async fn migrate(&self) -> Result<()> {
        let mut connection = self.connection().await?;
        let applied = in_time(TIMEOUT, apply(&mut connection)).await;
        if applied.is_err() {
            // It may have an open transaction.
            drop(Object::take(connection));
        }
        applied
    }

    /// Checks that the database responds, and that its schema can be used. It changes nothing. Returns
    /// what the next start does to the schema.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if it does not respond;
    /// [`Kind::Usage`](crate::Kind::Usage) if the schema cannot be used or created.
    pub(in crate::exchange_service) async fn check(&self) -> Result<String> {
        let connection = self.connection().await?;
        in_time(TIMEOUT, state(&connection)).await
    }
}

/// Returns what the next start does to the schema.
async fn state(connection: &Object) -> Result<String> {
    let failed = |error: tokio_postgres::Error| unavailable(&error);
    let row = connection.query_one(STATE, &[]).await.map_err(failed)?;
    let has_schema: bool = row.try_get(0).map_err(failed)?;
    let may_create: bool = row.try_get(1).map_err(failed)?;
    let applied = match has_schema {
        true => {
            let row = connection.query_one(APPLIED, &[]).await.map_err(failed)?;
            usize::try_from(row.try_get::<_, i32>(0).map_err(failed)?).unwrap_or_default()
        }
        false => 0,
    };
    match MIGRATIONS.len().checked_sub(applied) {
        None => Err(newer_schema()),
        Some(0) => Ok("its schema is current".to_owned()),
        Some(_) if !has_schema && !may_create => Err(Error::usage(
            "the user of the database may not create the schema acspass_exchange",
            "Grant the user the right CREATE on the database in DATABASE_URL.",
        )),
        Some(missing) => Ok(format!(
            "the next start applies {missing} of its migrations"
        )),
    }
}

/// Applies the missing migrations in one transaction.
async fn apply(connection: &mut Object) -> Result<()> {
    let failed = |error: tokio_postgres::Error| unavailable(&error);
    let transaction = connection.transaction().await.map_err(failed)?;
    transaction.batch_execute(LOCK).await.map_err(failed)?;
    let row = transaction.query_one(STATE, &[]).await.map_err(failed)?;
    let has_schema: bool = row.try_get(0).map_err(failed)?;
    if !has_schema {
        transaction.batch_execute(PREPARE).await.map_err(failed)?;
    }
    let row = transaction.query_one(APPLIED, &[]).await.map_err(failed)?;
    let applied: i32 = row.try_get(0).map_err(failed)?;
    let applied = usize::try_from(applied).unwrap_or_default();
    if applied > MIGRATIONS.len() {
        return Err(newer_schema());
    }
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(applied) {
        transaction.batch_execute(migration).await.map_err(failed)?;
        let number = i32::try_from(number + 1).unwrap_or(i32::MAX);
        let insert = "INSERT INTO acspass_exchange.migrations (number) VALUES ($1)";
        let inserted = transaction.execute(insert, &[&number]).await;
        inserted.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

fn newer_schema() -> Error {
    Error::usage(
        "the schema of the database belongs to a newer version of acspass-exchange",
        "Run that version, or name another database in DATABASE_URL.",
    )
}

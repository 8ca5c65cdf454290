//! Moves all sessions to another store, while other processes use them.

use tracing::info;

use super::renewal::locks;
use crate::account::{Account, SessionKey};
use crate::error::{Error, Kind, Result};
use crate::store::{Activity, Guard, IndexEntry, LockTarget, Migration};

/// The most rounds. A further round is needed only if a user has signed in during the round before.
const MAX_ROUNDS: usize = 10;

/// The most locks that are held at a time. Each is an open file, of which a process has about 1000.
const MAX_HELD: usize = 256;

/// The locks of sessions that are copied and not yet moved. A refresh in between would leave an old
/// refresh token in the new store.
type HeldLocks = Vec<(SessionKey, Guard)>;

/// The result of [`migrate`].
#[derive(Debug, Default)]
pub struct Migrated {
    /// The accounts whose sessions were moved.
    pub accounts: Vec<Account>,
    /// The number of connection strings that were moved.
    pub connection_strings: usize,
}

/// Moves all sessions and connection strings. All are copied, then `switch` makes the new store the
/// one in use, then they are deleted from the old one. `switch` is `None` if that has happened in an
/// earlier, interrupted run. Reports each failure with `report`, and tries the others.
///
/// # Errors
/// [`Kind::Store`] if a store fails. Each session is then in the old store or in both, and a further run
/// continues. As `switch`.
pub async fn migrate(
    migration: Migration<'_>,
    switch: Option<impl FnOnce() -> Result<()>>,
    report: impl Fn(&str, &Error),
) -> Result<Migrated> {
    let run = Run { migration, report };
    let mut held = HeldLocks::new();
    if let Some(switch) = switch {
        held = run.copy_all().await?;
        switch()?;
    }
    run.move_all(held).await
}

struct Run<'s, R> {
    migration: Migration<'s>,
    report: R,
}

impl<R: Fn(&str, &Error)> Run<'_, R> {
    /// Copies all that the old store has, and returns the locks of the copied sessions.
    async fn copy_all(&self) -> Result<HeldLocks> {
        let mut held = HeldLocks::new();
        let mut failures = 0;
        let secrets = self.migration.secrets()?;
        for item in &secrets {
            let copied = self.migration.copy_secret(item, false);
            failures += self.failures(item, copied.err());
        }
        let sessions = self.migration.sessions()?;
        for entry in &sessions {
            let copied = async {
                let guard = self.lock(entry).await?;
                let is_copied = self.migration.copy_session(entry, &guard, false)?;
                if held.len() < MAX_HELD {
                    held.push((entry.key(), guard));
                }
                Ok(is_copied)
            };
            let outcome: Result<bool> = copied.await;
            if let Ok(true) = outcome {
                info!("Copied the session of {}.", entry.account.username);
            }
            failures += self.failures(&entry.account.username, outcome.err());
        }
        require_none(failures, secrets.len() + sessions.len(), "copied")?;
        Ok(held)
    }

    /// Moves until the old store has nothing left. A second round finds sessions of sign-ins that
    /// began before the new store was in use.
    async fn move_all(self, mut held: HeldLocks) -> Result<Migrated> {
        let mut migrated = Migrated::default();
        for _ in 0..MAX_ROUNDS {
            let (secrets, sessions) = (self.migration.secrets()?, self.migration.sessions()?);
            if secrets.is_empty() && sessions.is_empty() {
                self.migration.end()?;
                return Ok(migrated);
            }
            let mut failures = 0;
            for item in &secrets {
                let moved = self.migration.move_secret(item);
                migrated.connection_strings += usize::from(moved.is_ok());
                failures += self.failures(item, moved.err());
            }
            for entry in &sessions {
                let key = entry.key();
                let own = held.iter().position(|(held, _)| *held == key);
                let own = own.map(|at| held.swap_remove(at).1);
                let moved = async {
                    let guard = match own {
                        Some(guard) => guard,
                        None => self.lock(entry).await?,
                    };
                    self.migration.move_session(entry, &guard)
                };
                let moved = moved.await;
                if let Ok(true) = moved {
                    migrated.accounts.push(entry.account.clone());
                }
                failures += self.failures(&entry.account.username, moved.err());
            }
            require_none(failures, secrets.len() + sessions.len(), "moved")?;
        }
        Err(Error::new(
            Kind::Store,
            "the old store still has sessions after several rounds",
            "Wait for other sign-ins to end, then run the command again.",
        ))
    }

    async fn lock(&self, entry: &IndexEntry) -> Result<Guard> {
        let target = LockTarget::Session(entry.key());
        locks::lock(
            self.migration.old_store(),
            &target,
            Activity::Renewing,
            None,
        )
        .await
    }

    /// Reports a failure, and returns the number of failures.
    fn failures(&self, what: &str, failure: Option<Error>) -> usize {
        failure.map_or(0, |failure| {
            (self.report)(what, &failure);
            1
        })
    }
}

fn require_none(failures: usize, all: usize, done: &str) -> Result<()> {
    match failures {
        0 => Ok(()),
        _ => Err(Error::new(
            Kind::Store,
            format!("{failures} of {all} items could not be {done}"),
            "No session is lost. Remove the causes, then run the command again.",
        )),
    }
}

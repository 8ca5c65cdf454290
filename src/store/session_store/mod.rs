//! The store, the index and the locks as one: what the rest of the crate sees of this room.
//!
//! Sessions go in and come out whole, and what the index says follows what the store did. A save
//! writes the item first: after a power cut at any instant the store holds the old session or the
//! new one, and the index is at worst behind it. When to lock, and how long to wait, is decided
//! above.

mod findings;
mod forget;
mod restore;

use std::fmt;
use std::path::PathBuf;

pub use self::forget::{ForgottenSessions, Removal};
pub use self::restore::Reconciled;

use self::findings::read;
use super::TokenStore;
use super::holder::Activity;
use super::index::{Index, IndexEntry, IndexFile, IndexPage, LoginScope};
use super::lock::{Attempt, Guard, LockName, Locks};
use super::record::Record;
use crate::account::{SessionKey, Tenancy};
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::secret::SecretBytes;

/// Where sessions are kept.
pub struct SessionStore {
    store: Box<dyn TokenStore>,
    ledger: IndexFile,
    locks: Locks,
}

impl SessionStore {
    /// A vault over `store`. The index and the locks lie in `state_folder`, which is created when
    /// it is first needed; without one they live and die with this value, and exclude only what
    /// shares it.
    pub fn new(store: Box<dyn TokenStore>, state_folder: Option<PathBuf>) -> Self {
        SessionStore::over(store, state_folder.map(Folder::from).as_ref())
    }

    /// A vault over `store` in this state folder. See [`SessionStore::new`].
    pub fn in_folder(store: Box<dyn TokenStore>, state_folder: &Folder) -> Self {
        SessionStore::over(store, Some(state_folder))
    }

    fn over(store: Box<dyn TokenStore>, state_folder: Option<&Folder>) -> Self {
        SessionStore {
            store,
            ledger: IndexFile::new(state_folder),
            locks: Locks::new(state_folder),
        }
    }

    /// The store's name, as in the setting `store`.
    pub fn store_name(&self) -> &'static str {
        self.store.name()
    }

    /// Whether sessions outlive the process.
    pub fn is_persistent(&self) -> bool {
        self.store.is_persistent()
    }

    /// Shows that a session could be kept, by keeping a small item for a moment: before a browser
    /// opens, not after the user has signed in.
    ///
    /// # Errors
    /// [`Kind::Store`], as [`SessionStore::save`] would fail.
    pub fn probe(&self) -> Result<()> {
        self.ledger.probe()?;
        let item = format!("probe {}", uuid::Uuid::new_v4());
        // Text, because some keyrings (KDE's) take nothing else.
        let written = SecretBytes::new(uuid::Uuid::new_v4().to_string().into_bytes());
        self.store.save(&item, &written)?;
        let read = self.store.load(&item);
        // Whatever reading brought, the item is not to stay.
        self.store.delete(&item)?;
        if read?.as_ref() == Some(&written) {
            Ok(())
        } else {
            Err(Error::new(
                Kind::Store,
                "the store does not give back what was just put into it",
                "see that its service works with its own program, or choose another store",
            ))
        }
    }

    /// What is kept, without its secrets and without a call to the store. The sessions in it that
    /// other stores hold are out of this vault's sight: see [`Index::elsewhere`].
    ///
    /// A damaged index is quarantined, with a warning, and what can be read of it is kept: a damaged
    /// line costs no more than its own session, and that until [`SessionStore::restore`].
    ///
    /// # Errors
    /// [`Kind::Store`] where there is an index that cannot be opened.
    pub fn index(&self) -> Result<Index> {
        self.ledger.read(&self.scope())
    }

    /// The session that commands mean where no account is named. The same as
    /// [`Index::active`], but it costs no more where there are a thousand sessions. One that a
    /// damaged index lost is restored first.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn active(&self, tenancy: &Tenancy) -> Result<Option<IndexEntry>> {
        let active = || self.ledger.active(tenancy, &self.scope());
        match active()? {
            None if self.complete(tenancy) => active(),
            entry => Ok(entry),
        }
    }

    /// The sessions that a typed name fits best. The same as [`Index::called`], but it costs little
    /// more if there are a thousand sessions. Sessions that a damaged index lost are restored first.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn called(&self, tenancy: &Tenancy, name: &str) -> Result<Vec<IndexEntry>> {
        let mut fitting = self.ledger.called(tenancy, name, &self.scope())?;
        if fitting.is_incomplete && self.complete(tenancy) {
            fitting = self.ledger.called(tenancy, name, &self.scope())?;
        }
        let index = fitting.into_index(self.scope());
        Ok(index.called(tenancy, name).into_iter().cloned().collect())
    }

    /// The first `most` sessions of this tenancy, the active one before all others. The rest is
    /// counted, so that it costs little more where there are a thousand.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn first(&self, tenancy: &Tenancy, most: usize) -> Result<IndexPage> {
        self.ledger.first(tenancy, most, &self.scope())
    }

    /// All sessions of this tenancy, by understanding no others.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn index_of(&self, tenancy: &Tenancy) -> Result<Index> {
        let all = self.first(tenancy, usize::MAX)?;
        Ok(all.into_index(self.scope()))
    }

    /// Returns the session, by one read of the store; `None` if the store has no such item, whatever
    /// the index says: the account is signed out.
    ///
    /// A missing item loses its index entry, and an item that cannot be read as this session is
    /// quarantined under another name as well; each with a warning. Both need the session's lock:
    /// if another process holds it, that process decides, and nothing is changed here.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails, for example because it is locked or does not answer. The
    /// index entry then stays.
    pub fn load(&self, key: &SessionKey) -> Result<Option<Record>> {
        self.load_with(key, None)
    }

    /// Does the same as [`SessionStore::load`] for a caller that holds a lock. `guard` may be the session's
    /// own lock or another one.
    ///
    /// # Errors
    /// As [`SessionStore::load`].
    pub fn load_under(&self, key: &SessionKey, guard: &Guard) -> Result<Option<Record>> {
        self.load_with(key, Some(guard))
    }

    fn load_with(&self, key: &SessionKey, guard: Option<&Guard>) -> Result<Option<Record>> {
        match self.store.load(&key.item())?.map(|item| read(key, &item)) {
            Some(Some(record)) => Ok(Some(record)),
            _ => self.confirm_loss(key, guard),
        }
    }

    /// Tries to be the one that renews or signs in. Does not wait.
    ///
    /// # Errors
    /// [`Kind::Store`] where the lock's file cannot be had.
    pub fn try_lock(&self, name: &LockName, activity: Activity) -> Result<Attempt> {
        self.locks.try_lock(name, activity)
    }

    /// Keeps a session in place of what was kept for it. The first session of a tenancy without
    /// an active one becomes active. An item that cannot be read, or that a newer version wrote, is
    /// quarantined first and not overwritten.
    ///
    /// # Errors
    /// [`Kind::Store`] where it could not be kept or listed; a session that was not listed before
    /// is then taken out of the store again. [`Kind::Internal`] if `guard` is not the session's
    /// lock.
    pub fn save(&self, record: &Record, guard: &Guard) -> Result<()> {
        let key = record.key();
        if !guard.covers(&key) {
            return Err(Error::internal("a session was saved without its lock"));
        }
        self.quarantine_unreadable(&key)?;
        let record = &self.write(record)?;
        let listed = self
            .ledger
            .list(record, &self.scope(), |login| self.store.has_ended(login));
        if listed.is_err() {
            self.take_back(&key);
        }
        listed
    }

    /// Keeps a renewed session, unless it was forgotten meanwhile: a logout is not undone by a
    /// renewal that was under way.
    ///
    /// # Errors
    /// As [`SessionStore::save`]; [`Kind::SignInNeeded`] where the session is no more.
    pub fn save_renewed(&self, record: &Record, guard: &Guard) -> Result<()> {
        let key = record.key();
        if !guard.covers(&key) {
            return Err(Error::internal("a session was saved without its lock"));
        }
        let record = &self.write(record)?;
        if self.ledger.update(record, &self.scope())? {
            return Ok(());
        }
        // Whoever forgot it may have removed the item before it was written just now.
        self.remove(&key.item())?;
        Err(Error::new(
            Kind::SignInNeeded,
            "the account was signed out while its session was being renewed",
            "run `acspass login` to sign in again",
        ))
    }

    /// Makes this the account that commands mean where none is named.
    ///
    /// # Errors
    /// [`Kind::SignInNeeded`] where it is not listed (any more), [`Kind::Store`] where that could
    /// not be written.
    pub fn activate(&self, key: &SessionKey) -> Result<()> {
        if self.ledger.activate(key, &self.scope())? {
            return Ok(());
        }
        Err(Error::new(
            Kind::SignInNeeded,
            "that account is not signed in here",
            "run `acspass account list` to see who is, or `acspass login`",
        ))
    }

    /// A secret of the configuration, such as a connection string, kept in the same store.
    ///
    /// # Errors
    /// [`Kind::Store`] where the store fails.
    pub fn load_secret(&self, name: &str) -> Result<Option<SecretBytes>> {
        self.store.load(&secret_item(name))
    }

    /// Keeps a secret of the configuration.
    ///
    /// # Errors
    /// [`Kind::Store`] where the store fails.
    pub fn save_secret(&self, name: &str, secret: &SecretBytes) -> Result<()> {
        let item = secret_item(name);
        // A sealed file that cannot be read is quarantined by the store when it is read.
        self.store.load(&item)?;
        self.store.save(&item, secret)
    }

    /// Removes a secret of the configuration; `false` where there was none.
    ///
    /// # Errors
    /// [`Kind::Store`] where the store fails.
    pub fn delete_secret(&self, name: &str) -> Result<bool> {
        self.store.delete(&secret_item(name))
    }

    /// Writes the session's item and returns what was written. A store without room for all tokens
    /// keeps those that live longest: a small keyring costs renewals, and not the session.
    fn write(&self, record: &Record) -> Result<Record> {
        let mut record = record.clone();
        let item = record.key().item();
        loop {
            match self.store.save(&item, &record.to_item()?) {
                Ok(()) => return Ok(record),
                Err(error) if self.store.lacks_room(&error) && record.drop_oldest() => {
                    tracing::debug!("{error}: one cached token less is kept");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What this process reaches of the store. Asked for anew each time: nothing is cached that a
    /// long-running process could outlive.
    fn scope(&self) -> LoginScope {
        LoginScope::of(self.store.as_ref())
    }

    /// Removes an item that no index will ever name. Its saving has failed already, and that is
    /// what the user is told; what fails here as well is only warned about.
    fn take_back(&self, key: &SessionKey) {
        let listed = self.index().map(|index| index.entry(key).is_some());
        if listed.unwrap_or(true) {
            return;
        }
        if let Err(error) = self.store.delete(&key.item()) {
            tracing::warn!(
                "a session that could not be listed stays in the store ({error}): {}",
                self.store.removal_by_hand(&key.item())
            );
        }
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("store", &self.store.name())
            .finish_non_exhaustive()
    }
}

fn secret_item(name: &str) -> String {
    format!("secret {name}")
}

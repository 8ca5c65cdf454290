//! Reads and writes sessions.

use std::fmt;
use std::path::PathBuf;

use crate::account::{EntraApplication, SessionKey};
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::secret::SecretBytes;
use crate::store::index::{Index, IndexEntry, IndexPage, IndexStorage, Query, StoreAndLogin};
use crate::store::lock::{Activity, Guard, LockAttempt, LockTarget, Locks};
use crate::store::record::Record;
use crate::store::token_store::TokenStore;

/// Stores sessions.
pub struct SessionStore {
    pub(in crate::store) store: Box<dyn TokenStore>,
    pub(super) index: IndexStorage,
    locks: Locks,
}

impl SessionStore {
    /// Creates a session store over `store`. The index and the locks are in `state_folder`, which is
    /// created at its first use. Without a folder they are in this value's memory.
    pub fn new(store: Box<dyn TokenStore>, state_folder: Option<PathBuf>) -> Self {
        SessionStore::over(store, state_folder.map(Folder::from).as_ref())
    }

    /// Creates a session store with this state folder. See [`SessionStore::new`].
    pub fn in_folder(store: Box<dyn TokenStore>, state_folder: &Folder) -> Self {
        SessionStore::over(store, Some(state_folder))
    }

    fn over(store: Box<dyn TokenStore>, state_folder: Option<&Folder>) -> Self {
        SessionStore {
            store,
            index: IndexStorage::new(state_folder),
            locks: Locks::new(state_folder),
        }
    }

    /// Returns the store's name, as in the setting `store`.
    pub fn store_name(&self) -> &'static str {
        self.store.name()
    }

    /// Returns whether sessions outlive the process.
    pub fn is_persistent(&self) -> bool {
        self.store.is_persistent()
    }

    /// Checks that a session can be saved, by writing and deleting a small item. Call it before a
    /// browser opens.
    ///
    /// # Errors
    /// [`Kind::Store`], as [`SessionStore::save`] would fail.
    pub fn probe(&self) -> Result<()> {
        self.index.probe()?;
        let item = format!("probe {}", uuid::Uuid::new_v4());
        // Text, because some keyrings (KDE's) accept only text.
        let written = SecretBytes::new(uuid::Uuid::new_v4().to_string().into_bytes());
        self.store.save(&item, &written)?;
        let read = self.store.load(&item);
        // The item is deleted even if reading failed.
        self.store.delete(&item)?;
        if read?.as_ref() == Some(&written) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Store,
            "the store does not return an item that was just saved",
            "Check the store with its own program, or run `acspass config set store file` to use \
             encrypted files.",
        ))
    }

    /// Returns the index, without a call to the store. Sessions of other stores are only in
    /// [`Index::elsewhere`].
    ///
    /// A damaged index is quarantined, with a warning, and its readable entries stay. A damaged line
    /// loses only its session, until [`SessionStore::restore`].
    ///
    /// # Errors
    /// [`Kind::Store`] if the index cannot be opened.
    pub fn index(&self) -> Result<Index> {
        self.index.read(&self.store_and_login())
    }

    /// Returns the sessions of this store, the readable ones if the index is damaged. Repairs nothing
    /// and reports nothing: for completions.
    pub(crate) fn peek(&self) -> Vec<IndexEntry> {
        self.index.peek(&self.store_and_login())
    }

    /// Returns the active session, as [`Index::active`] does, without parsing the other entries. A
    /// session that a damaged index lost is restored first.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn active(&self, application: &EntraApplication) -> Result<Option<IndexEntry>> {
        let active = || {
            let page = self.search(application, Query::Active)?;
            Ok(page.entries.into_iter().next())
        };
        match active()? {
            None if self.restore_or_warn(application) => active(),
            entry => Ok(entry),
        }
    }

    /// Returns the best matches of a name, as [`Index::best_name_matches`] does, without parsing the other
    /// entries. Sessions that a damaged index lost are restored first.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn find_by_name(
        &self,
        application: &EntraApplication,
        name: &str,
    ) -> Result<Vec<IndexEntry>> {
        let mut fitting = self.search(application, Query::ByName(name))?;
        if fitting.is_incomplete && self.restore_or_warn(application) {
            fitting = self.search(application, Query::ByName(name))?;
        }
        let index = Index::of_page(fitting, self.store_and_login());
        Ok(index
            .best_name_matches(application, name)
            .into_iter()
            .cloned()
            .collect())
    }

    /// Returns the first `limit` sessions of this application, the active one first, and the number of
    /// the others, which are not parsed.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn list(&self, application: &EntraApplication, limit: usize) -> Result<IndexPage> {
        self.search(application, Query::First(limit))
    }

    fn search(&self, application: &EntraApplication, query: Query<'_>) -> Result<IndexPage> {
        self.index
            .search(application, &self.store_and_login(), query)
    }

    /// Returns all sessions of this application, without parsing others.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn list_all(&self, application: &EntraApplication) -> Result<Index> {
        let all = self.list(application, usize::MAX)?;
        Ok(Index::of_page(all, self.store_and_login()))
    }

    /// Returns the session, by one read of the store; `None` if the store has no such item, even if
    /// the index lists it: the account is signed out.
    ///
    /// A missing item loses its index entry, and an item that cannot be read as this session is
    /// quarantined under another name as well; each with a warning. Both need the session's lock:
    /// if another process has it, that process decides, and this call changes nothing.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails, for example because it is locked or does not answer. The
    /// index entry then stays.
    pub fn load(&self, key: &SessionKey) -> Result<Option<Record>> {
        self.load_with(key, None)
    }

    /// Does the same as [`SessionStore::load`] for a caller with a lock, which may be the session's
    /// or another one.
    ///
    /// # Errors
    /// As [`SessionStore::load`].
    pub fn load_under(&self, key: &SessionKey, guard: &Guard) -> Result<Option<Record>> {
        self.load_with(key, Some(guard))
    }

    fn load_with(&self, key: &SessionKey, guard: Option<&Guard>) -> Result<Option<Record>> {
        match self
            .store
            .load(&key.item_name())?
            .map(|item| decode_record(key, &item))
        {
            Some(Some(record)) => Ok(Some(record)),
            _ => self.reload_or_sign_out(key, guard),
        }
    }

    /// Tries to get a lock, without waiting for its holder. A holder file that another process has locked
    /// can take up to 5 s.
    ///
    /// # Errors
    /// [`Kind::Store`] if the lock file cannot be opened or locked.
    pub fn try_lock(&self, scope: &LockTarget, activity: Activity) -> Result<LockAttempt> {
        self.locks.try_lock(scope, activity)
    }

    /// Saves a session and lists it in the index. The first session of an application without an active
    /// one becomes active. An item that cannot be read, or is from a newer version, is quarantined
    /// and not overwritten.
    ///
    /// # Errors
    /// [`Kind::Store`] if it cannot be saved or listed; a new session is then deleted again.
    /// [`Kind::Internal`] if `guard` is not the session's lock.
    pub fn save(&self, record: &Record, guard: &Guard) -> Result<()> {
        let key = record.key();
        if !guard.covers(&key) {
            return Err(Error::internal("a session was saved without its lock"));
        }
        self.quarantine_unreadable(&key)?;
        let record = &self.write(record)?;
        let listed = self.index.upsert(record, &self.store_and_login(), |login| {
            self.store.has_ended(login)
        });
        if listed.is_err() {
            self.delete_unlisted(&key);
        }
        listed
    }

    /// Saves a renewed session, unless it was signed out meanwhile: a renewal does not undo a logout.
    ///
    /// # Errors
    /// As [`SessionStore::save`]; [`Kind::SignInNeeded`] if the session was signed out.
    pub fn save_renewed(&self, record: &Record, guard: &Guard) -> Result<()> {
        let key = record.key();
        if !guard.covers(&key) {
            return Err(Error::internal("a session was saved without its lock"));
        }
        let record = &self.write(record)?;
        if self.index.update(record, &self.store_and_login())? {
            return Ok(());
        }
        // The logout may have removed the item before this write.
        self.remove(&key.item_name())?;
        Err(Error::new(
            Kind::SignInNeeded,
            "the account was signed out while its token was refreshed",
            "Run `acspass login` to sign in again.",
        ))
    }

    /// Makes this the active account, which commands without `--account` use.
    ///
    /// # Errors
    /// [`Kind::SignInNeeded`] if it is not listed, [`Kind::Store`] if the index cannot be written.
    pub fn activate(&self, key: &SessionKey) -> Result<()> {
        if self.index.activate(key, &self.store_and_login())? {
            return Ok(());
        }
        Err(Error::new(
            Kind::SignInNeeded,
            "the account is not signed in",
            "Run `acspass account list` to see the signed-in accounts, or `acspass login`.",
        ))
    }

    /// Returns a secret of the configuration, such as a connection string, from the same store.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails.
    pub fn load_secret(&self, name: &str) -> Result<Option<SecretBytes>> {
        self.store.load(&secret_item(name))
    }

    /// Saves a secret of the configuration.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails.
    pub fn save_secret(&self, name: &str, secret: &SecretBytes) -> Result<()> {
        let item = secret_item(name);
        // Reading quarantines a sealed file that cannot be read.
        self.store.load(&item)?;
        self.store.save(&item, secret)
    }

    /// Removes a secret of the configuration; `false` if there was none.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails.
    pub fn delete_secret(&self, name: &str) -> Result<bool> {
        self.store.delete(&secret_item(name))
    }

    /// Writes the session's item and returns the written record. If the store lacks space, the tokens
    /// that expire first are dropped: a small keyring costs renewals, and not the session.
    pub(in crate::store) fn write(&self, record: &Record) -> Result<Record> {
        let mut record = record.clone();
        let item = record.key().item_name();
        loop {
            match self.store.save(&item, &record.to_bytes()?) {
                Ok(()) => return Ok(record),
                Err(error) if self.store.lacks_room(&error) && record.evict_soonest_expiring() => {
                    tracing::debug!(
                        "Removed one cached token, because the store lacks room: {error}."
                    );
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the store and the login session whose index entries this process can use. It is not cached,
    /// since a process can outlive its login session.
    pub(super) fn store_and_login(&self) -> StoreAndLogin {
        StoreAndLogin::of(self.store.as_ref())
    }

    /// Deletes an item that could not be listed. The caller reports the failed save; another failure
    /// here is only a warning.
    fn delete_unlisted(&self, key: &SessionKey) {
        let listed = self.index().map(|index| index.entry(key).is_some());
        if listed.unwrap_or(true) {
            return;
        }
        if let Err(error) = self.store.delete(&key.item_name()) {
            tracing::warn!(
                "a session without an entry in the index remains in the store ({error}); to remove \
                 it, {}",
                self.store.removal_by_hand(&key.item_name())
            );
        }
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStore")
            .field("store", &self.store.name())
            .finish_non_exhaustive()
    }
}

/// Returns the session in these bytes; `None` if it is damaged, from a newer version, or not the session
/// of this key.
pub(super) fn decode_record(key: &SessionKey, item: &SecretBytes) -> Option<Record> {
    let record = Record::from_bytes(item).ok()?;
    (record.key() == *key).then_some(record)
}

fn secret_item(name: &str) -> String {
    format!("secret {name}")
}

//! The store, the index and the locks as one: what the rest of the crate sees of this room.
//!
//! Sessions go in and come out whole, and what the index says follows what the store did. A save
//! writes the item first: after a power cut at any instant the store holds the old session or the
//! new one, and the index is at worst behind it. When to lock, and how long to wait, is decided
//! above.

use std::fmt;
use std::path::PathBuf;

use super::TokenStore;
use super::index::{Few, Index, IndexEntry, Ledger};
use super::lock::{Activity, Attempt, Guard, LockName, Locks};
use super::record::Record;
use crate::account::{SessionKey, Tenancy};
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::secret::SecretBytes;
use crate::time::{Clock, SystemClock};

/// What the name of an item that was set aside begins with.
const UNREADABLE: &str = "unreadable";

/// Where sessions are kept.
pub struct Vault {
    store: Box<dyn TokenStore>,
    ledger: Ledger,
    locks: Locks,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Whether there was an item in the store.
    pub removed: bool,
}

impl Vault {
    /// A vault over `store`. The index and the locks lie in `state_folder`, which is created when
    /// it is first needed; without one they live and die with this value, and exclude only what
    /// shares it.
    pub fn new(store: Box<dyn TokenStore>, state_folder: Option<PathBuf>) -> Self {
        Vault::over(store, state_folder.map(Folder::from).as_ref())
    }

    /// A vault over `store` in this state folder. See [`Vault::new`].
    pub fn in_folder(store: Box<dyn TokenStore>, state_folder: &Folder) -> Self {
        Vault::over(store, Some(state_folder))
    }

    fn over(store: Box<dyn TokenStore>, state_folder: Option<&Folder>) -> Self {
        Vault {
            store,
            ledger: Ledger::new(state_folder),
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
    /// [`Kind::Store`], as [`Vault::save`] would fail.
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
    /// An index that cannot be understood is set aside under a name that says so, with a warning,
    /// and everyone counts as signed out.
    ///
    /// # Errors
    /// [`Kind::Store`] where there is an index that cannot be opened.
    pub fn index(&self) -> Result<Index> {
        self.ledger.read(self.store.name())
    }

    /// The session that commands mean where no account is named. The same as
    /// [`Index::active`], but it costs no more where there are a thousand sessions.
    ///
    /// # Errors
    /// As [`Vault::index`].
    pub fn active(&self, tenancy: &Tenancy) -> Result<Option<IndexEntry>> {
        self.ledger.active(tenancy, self.store.name())
    }

    /// The sessions that a typed name fits best. The same as [`Index::called`], but it costs little
    /// more if there are a thousand sessions.
    ///
    /// # Errors
    /// As [`Vault::index`].
    pub fn called(&self, tenancy: &Tenancy, name: &str) -> Result<Vec<IndexEntry>> {
        let picked = self.ledger.called(tenancy, name, self.store.name())?;
        Ok(picked.called(tenancy, name).into_iter().cloned().collect())
    }

    /// The first `most` sessions of this tenancy, the active one before all others. The rest is
    /// counted, so that it costs little more where there are a thousand.
    ///
    /// # Errors
    /// As [`Vault::index`].
    pub fn first(&self, tenancy: &Tenancy, most: usize) -> Result<Few> {
        self.ledger.first(tenancy, most, self.store.name())
    }

    /// All sessions of this tenancy, by understanding no others.
    ///
    /// # Errors
    /// As [`Vault::index`].
    pub fn index_of(&self, tenancy: &Tenancy) -> Result<Index> {
        let all = self.first(tenancy, usize::MAX)?;
        Ok(all.into_index(self.store.name()))
    }

    /// The session, by one read of the store; `None` where the store has it no more, whatever the
    /// index says: the account is signed out.
    ///
    /// An item that cannot be read as this session is set aside under a name that says so, with a
    /// warning, and the account counts as signed out.
    ///
    /// # Errors
    /// [`Kind::Store`] where the store fails.
    pub fn load(&self, key: &SessionKey) -> Result<Option<Record>> {
        let Some(item) = self.store.load(&key.item())? else {
            return Ok(None);
        };
        let record = read(key, &item);
        if record.is_none() {
            self.set_aside(key);
        }
        Ok(record)
    }

    /// Tries to be the one that renews or signs in. Does not wait.
    ///
    /// # Errors
    /// [`Kind::Store`] where the lock's file cannot be had.
    pub fn try_lock(&self, name: &LockName, activity: Activity) -> Result<Attempt> {
        self.locks.try_lock(name, activity)
    }

    /// Keeps a session in place of what was kept for it. The first session of a tenancy without
    /// an active one becomes active.
    ///
    /// # Errors
    /// [`Kind::Store`] where it could not be kept or listed; a session that was not listed before
    /// is then taken out of the store again. [`Kind::Internal`] where `guard` is for another.
    pub fn save(&self, record: &Record, guard: &Guard) -> Result<()> {
        let key = record.key();
        if !guard.covers(&key) {
            return Err(Error::internal("a session was saved without its lock"));
        }
        self.store.save(&key.item(), &record.to_item()?)?;
        let listed = self.ledger.list(record, self.store.name());
        if listed.is_err() {
            self.take_back(&key);
        }
        listed
    }

    /// Keeps a renewed session, unless it was forgotten meanwhile: a logout is not undone by a
    /// renewal that was under way.
    ///
    /// # Errors
    /// As [`Vault::save`]; [`Kind::SignInNeeded`] where the session is no more.
    pub fn save_renewed(&self, record: &Record, guard: &Guard) -> Result<()> {
        let key = record.key();
        if !guard.covers(&key) {
            return Err(Error::internal("a session was saved without its lock"));
        }
        self.store.save(&key.item(), &record.to_item()?)?;
        if self.ledger.update(record, self.store.name())? {
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
        if self.ledger.activate(key, self.store.name())? {
            return Ok(());
        }
        Err(Error::new(
            Kind::SignInNeeded,
            "that account is not signed in here",
            "run `acspass account list` to see who is, or `acspass login`",
        ))
    }

    /// Forgets a session: the index at once, whatever state the store is in, then the store. No
    /// other account becomes active in its place.
    ///
    /// # Errors
    /// [`Kind::Store`] where the item could not be removed, with how to do that by hand.
    pub fn forget(&self, key: &SessionKey) -> Result<Forgotten> {
        let struck = self.ledger.strike(key, self.store.name());
        let removed = self.remove(&key.item());
        struck?;
        removed.map(|removed| Forgotten { removed })
    }

    /// Forgets all sessions, whatever is there: those that the index lists, those that only the
    /// store knows, and those that were set aside; not the secrets of the configuration. `whose`
    /// is asked about each session's authority host. Returns how many there were.
    ///
    /// # Errors
    /// [`Kind::Store`] where items could not be found or removed, with how to do that by hand; what
    /// could be forgotten is then forgotten, and the index lists none of them.
    pub fn forget_everything(&self, whose: impl Fn(&str) -> bool) -> Result<usize> {
        let store = self.store.name();
        let listed = self
            .ledger
            .strike_all(store, |entry| whose(&entry.tenancy.authority_host));
        let mut items: Vec<String> = listed
            .iter()
            .flatten()
            .map(|entry| entry.key().item())
            .collect();
        let found = self.store.items();
        items.extend(found.iter().flatten().cloned());
        items.retain(|item| host_in(item).is_some_and(&whose));
        items.sort();
        items.dedup();

        let mut removed = 0;
        let mut failed = None;
        for item in &items {
            match self.remove(item) {
                Ok(existed) => removed += usize::from(existed),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        found?;
        listed.map(|_| removed)
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
        self.store.save(&secret_item(name), secret)
    }

    /// Removes a secret of the configuration; `false` where there was none.
    ///
    /// # Errors
    /// [`Kind::Store`] where the store fails.
    pub fn delete_secret(&self, name: &str) -> Result<bool> {
        self.store.delete(&secret_item(name))
    }

    fn remove(&self, item: &str) -> Result<bool> {
        self.store.delete(item).map_err(|cause| {
            Error::new(
                Kind::Store,
                format!(
                    "the item `{item}` could not be removed from the {}",
                    self.store.name()
                ),
                format!(
                    "{}; to remove it by hand, {}",
                    cause.hint(),
                    self.store.removal_by_hand(item)
                ),
            )
            .caused_by(cause)
        })
    }

    /// Gives an item that cannot be read another name, so that nothing of it is lost. What fails
    /// here is only warned about: the account counts as signed out all the same, and the next
    /// sign-in replaces the item.
    fn set_aside(&self, key: &SessionKey) {
        let item = key.item();
        // The machine's own clock: this is about an item of this machine, not about a token.
        let now = SystemClock.now().unix_seconds();
        let aside = format!("{UNREADABLE} {now} {item}");
        match self.rename_unreadable(key, &aside) {
            Ok(true) => tracing::warn!(
                "the stored session could not be read: it is kept in the {} as `{aside}`, and \
                 the account counts as signed out",
                self.store.name()
            ),
            Ok(false) => tracing::warn!(
                "the stored session could not be read, so the account counts as signed out"
            ),
            Err(error) => tracing::warn!(
                "the stored session could not be read and not be set aside ({error}), and the \
                 account counts as signed out"
            ),
        }
    }

    /// `false` where somebody is replacing the session just now, or has done so.
    fn rename_unreadable(&self, key: &SessionKey, aside: &str) -> Result<bool> {
        let names = [
            LockName::Session(key.clone()),
            LockName::Tenancy(key.tenancy.clone()),
        ];
        let mut guards = Vec::new();
        for name in &names {
            match self.try_lock(name, Activity::Renewing)? {
                Attempt::Got(guard) => guards.push(guard),
                Attempt::Held(_) => return Ok(false),
            }
        }
        let item = key.item();
        let bytes = match self.store.load(&item)? {
            Some(bytes) if read(key, &bytes).is_none() => bytes,
            _ => return Ok(false),
        };
        self.store.save(aside, &bytes)?;
        self.store.delete(&item)?;
        Ok(true)
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

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("store", &self.store.name())
            .finish_non_exhaustive()
    }
}

/// The session in these bytes; `None` where it is not whole, or not the one that its name says.
fn read(key: &SessionKey, item: &SecretBytes) -> Option<Record> {
    let record = Record::from_item(item).ok()?;
    (record.key() == *key).then_some(record)
}

/// The authority host in the name of a session's item, set aside or not; `None` in other names.
fn host_in(item: &str) -> Option<&str> {
    let name = match item.strip_prefix(UNREADABLE) {
        Some(aside) => aside.trim_start().split_once(' ')?.1,
        None => item,
    };
    let (_, place) = name.strip_prefix("session ")?.split_once(" at ")?;
    place.split(' ').next()
}

fn secret_item(name: &str) -> String {
    format!("secret {name}")
}

//! The room as a whole: what a vault keeps, lists, locks and forgets.

mod damage;
mod index;
mod lock;
mod logins;
mod mended;
mod migrate;
mod properties;
mod room;
mod split;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::account::{Account, EntraApplication};
use crate::error::Result;
use crate::error::{Error, Kind};
use crate::exchange::{CommunicationTokenSource, ExchangeKind};
use crate::secret::SecretBytes;
use crate::secret::{CommunicationToken, EntraToken, RefreshToken};
use crate::time::{ServerTimeSample, SettableClock, Timestamp};

const MARKER: &str = "s3cr3t-marker";

fn application() -> EntraApplication {
    EntraApplication {
        authority_host: "login.microsoftonline.com".to_owned(),
        tenant: "organizations".to_owned(),
        client_id: "11111111-2222-3333-4444-555555555555".to_owned(),
    }
}

fn record(user: &str) -> Record {
    let account = Account {
        home_account_id: format!("{user}-uid.utid"),
        username: format!("{user}@Contoso.example"),
        tenant_id: "a-tenant".to_owned(),
        object_id: format!("{user}-oid"),
    };
    let mut record = Record::new(application(), account);
    let expires_on = Timestamp::from_unix_seconds(1_800_000_000);
    record.refresh_token = Some(RefreshToken::new(format!("{MARKER}-refresh-{user}")));
    record.keep_entra_token(CachedEntraToken {
        token: EntraToken::new(format!("{MARKER}-entra-{user}")),
        scopes: vec!["a-scope".to_owned()],
        expires_on,
    });
    record.keep_communication_token(CachedCommunicationToken {
        token: CommunicationToken::new(format!("{MARKER}-communication-{user}")),
        source: CommunicationTokenSource {
            endpoint: "https://r.communication.azure.com".to_owned(),
            exchange: ExchangeKind::Key,
            scopes: vec!["a-scope".to_owned()],
        },
        expires_on,
    });
    record.short_lifetime = Some(ShortLifetimeNote {
        redeemed_at_seconds: 1_799_999_000,
        life_seconds: 540,
    });
    let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
    record.time_sample = Some(ServerTimeSample::new(&clock, None));
    record
}

fn lock(sessions: &SessionStore, record: &Record) -> Guard {
    let name = LockTarget::Session(record.key());
    match sessions.try_lock(&name, Activity::Renewing).unwrap() {
        LockAttempt::Acquired(guard) => guard,
        LockAttempt::Held(holder) => panic!("held by {holder:?}"),
    }
}

fn save(sessions: &SessionStore, record: &Record) {
    sessions.save(record, &lock(sessions, record)).unwrap();
}

/// The damaged indexes that are kept in this folder.
fn quarantined(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().contains("index.json.unreadable-"));
    paths
}

/// A vault in this folder over a store that others can hold too.
fn over(store: &Arc<MemoryStore>, folder: &Path) -> SessionStore {
    let store = Box::new(Shared(Arc::clone(store)));
    SessionStore::new(store, Some(folder.to_owned()))
}

fn in_folder(folder: &Path) -> SessionStore {
    SessionStore::new(Box::new(MemoryStore::new()), Some(folder.to_owned()))
}

/// A store double: each call fails, as a keyring that has died would. The real one's deaths are
/// shown against a real daemon; here it is the index's part that is looked at.
struct FailingStore;

impl FailingStore {
    fn error() -> Error {
        Error::new(Kind::Store, "the store is dead", "Wake it up")
    }
}

impl TokenStore for FailingStore {
    fn name(&self) -> &'static str {
        "memory"
    }
    fn load(&self, _item: &str) -> Result<Option<SecretBytes>> {
        Err(FailingStore::error())
    }
    fn save(&self, _item: &str, _value: &SecretBytes) -> Result<()> {
        Err(FailingStore::error())
    }
    fn delete(&self, _item: &str) -> Result<bool> {
        Err(FailingStore::error())
    }
    fn items(&self) -> Result<Vec<String>> {
        Err(FailingStore::error())
    }
    fn is_persistent(&self) -> bool {
        true
    }
    fn removal_by_hand(&self, item: &str) -> String {
        format!("dig out `{item}`")
    }
}

/// A memory store that others can hold too, so that a test can look beneath a vault.
struct Shared(Arc<MemoryStore>);

impl TokenStore for Shared {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        self.0.load(item)
    }
    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        self.0.save(item, value)
    }
    fn delete(&self, item: &str) -> Result<bool> {
        self.0.delete(item)
    }
    fn items(&self) -> Result<Vec<String>> {
        self.0.items()
    }
    fn is_persistent(&self) -> bool {
        self.0.is_persistent()
    }
    fn removal_by_hand(&self, item: &str) -> String {
        self.0.removal_by_hand(item)
    }
}

#[test]
fn a_session_comes_back_as_it_was_saved() {
    let folder = TempDir::new().unwrap();
    for sessions in [
        in_folder(folder.path()),
        SessionStore::new(Box::new(MemoryStore::new()), None),
    ] {
        let ada = record("ada");
        assert_eq!(sessions.load(&ada.key()).unwrap(), None);
        save(&sessions, &ada);
        assert_eq!(sessions.load(&ada.key()).unwrap(), Some(ada));
    }
}

#[test]
fn removed_session_is_gone_from_store_and_index() {
    let sessions = SessionStore::new(Box::new(MemoryStore::new()), None);
    let ada = record("ada");
    save(&sessions, &ada);
    let removal = sessions.forget(&ada.key()).unwrap();
    assert!(removal.removed && removal.was_listed);
    assert_eq!(removal.copy_in, None);
    assert_eq!(sessions.load(&ada.key()).unwrap(), None);
    assert_eq!(sessions.index().unwrap().entries().count(), 0);
    let removal = sessions.forget(&ada.key()).unwrap();
    assert!(!removal.removed && !removal.was_listed);
}

#[test]
fn logout_updates_the_index_if_the_store_fails_and_names_the_manual_steps() {
    let folder = TempDir::new().unwrap();
    let ada = record("ada");
    save(&in_folder(folder.path()), &ada);
    let sessions = SessionStore::new(Box::new(FailingStore), Some(folder.path().to_owned()));
    let error = sessions.forget(&ada.key()).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.message().contains(&ada.key().item_name()), "{error}");
    assert!(error.hint().contains("Wake it up"), "{}", error.hint());
    assert!(error.hint().contains("dig out"), "{}", error.hint());
    assert_eq!(sessions.index().unwrap().entries().count(), 0);
}

#[test]
fn a_store_that_fails_leaves_the_index_as_it_was() {
    let folder = TempDir::new().unwrap();
    let sessions = SessionStore::new(Box::new(FailingStore), Some(folder.path().to_owned()));
    let ada = record("ada");
    let error = sessions.save(&ada, &lock(&sessions, &ada)).unwrap_err();
    assert_eq!(error.message(), "the store is dead");
    assert_eq!(sessions.index().unwrap().entries().count(), 0);
    assert_eq!(sessions.probe().unwrap_err().message(), "the store is dead");
}

#[test]
fn a_session_that_cannot_be_listed_does_not_stay_in_the_store_unseen() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(MemoryStore::new());
    let sessions = SessionStore::new(
        Box::new(Shared(Arc::clone(&store))),
        Some(folder.path().to_owned()),
    );
    let (ada, bob) = (record("ada"), record("bob"));
    save(&sessions, &ada);
    let guards = (lock(&sessions, &ada), lock(&sessions, &bob));
    // A folder in the draft's place fails the replacing, for root as well.
    fs::create_dir(folder.path().join("index.json.draft")).unwrap();
    assert_eq!(
        sessions.save(&bob, &guards.1).unwrap_err().kind(),
        Kind::Store
    );
    assert_eq!(store.load(&bob.key().item_name()).unwrap(), None);
    let mut renewed = ada.clone();
    renewed.refresh_token = None;
    assert_eq!(
        sessions.save(&renewed, &guards.0).unwrap_err().kind(),
        Kind::Store
    );
    assert_eq!(
        sessions.load(&ada.key()).unwrap(),
        Some(renewed),
        "the new one, whole"
    );
}

#[test]
fn a_probe_leaves_no_trace() {
    let folder = TempDir::new().unwrap();
    in_folder(folder.path()).probe().unwrap();
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["index.lock"]);
}

#[test]
fn a_probe_that_cannot_be_read_back_leaves_no_trace_either() {
    struct Unreadable(Arc<MemoryStore>);
    impl TokenStore for Unreadable {
        fn name(&self) -> &'static str {
            self.0.name()
        }
        fn load(&self, _item: &str) -> Result<Option<SecretBytes>> {
            FailingStore.load("")
        }
        fn save(&self, item: &str, bytes: &SecretBytes) -> Result<()> {
            self.0.save(item, bytes)
        }
        fn delete(&self, item: &str) -> Result<bool> {
            self.0.delete(item)
        }
        fn items(&self) -> Result<Vec<String>> {
            self.0.items()
        }
        fn is_persistent(&self) -> bool {
            self.0.is_persistent()
        }
        fn removal_by_hand(&self, item: &str) -> String {
            self.0.removal_by_hand(item)
        }
    }
    let store = Arc::new(MemoryStore::new());
    let sessions = SessionStore::new(Box::new(Unreadable(Arc::clone(&store))), None);
    assert_eq!(sessions.probe().unwrap_err().message(), "the store is dead");
    assert_eq!(store.items().unwrap(), Vec::<String>::new());
}

#[test]
fn secret_of_the_configuration_is_stored_beside_the_sessions() {
    let sessions = SessionStore::new(Box::new(MemoryStore::new()), None);
    let secret = SecretBytes::new(MARKER.as_bytes().to_vec());
    assert_eq!(sessions.load_secret("connection-string").unwrap(), None);
    sessions.save_secret("connection-string", &secret).unwrap();
    assert_eq!(
        sessions.load_secret("connection-string").unwrap(),
        Some(secret)
    );
    assert_eq!(sessions.load_secret("other").unwrap(), None);
    assert!(sessions.delete_secret("connection-string").unwrap());
    assert!(!sessions.delete_secret("connection-string").unwrap());
}

#[test]
fn renewal_in_progress_does_not_undo_a_logout() {
    let sessions = SessionStore::new(Box::new(MemoryStore::new()), None);
    let ada = record("ada");
    let guard = lock(&sessions, &ada);
    sessions.save(&ada, &guard).unwrap();
    sessions.save_renewed(&ada, &guard).unwrap();
    sessions.forget(&ada.key()).unwrap();
    let error = sessions.save_renewed(&ada, &guard).unwrap_err();
    assert_eq!(error.kind(), Kind::SignInNeeded);
    assert_eq!(sessions.load(&ada.key()).unwrap(), None);
    assert!(sessions.active(&ada.application).unwrap().is_none());
}

#[test]
fn a_renewal_makes_no_other_account_active() {
    let sessions = SessionStore::new(Box::new(MemoryStore::new()), None);
    let (ada, ben) = (record("ada"), record("ben"));
    for session in [&ada, &ben] {
        sessions.save(session, &lock(&sessions, session)).unwrap();
    }
    sessions.forget(&ada.key()).unwrap();
    sessions.save_renewed(&ben, &lock(&sessions, &ben)).unwrap();
    assert!(sessions.active(&ben.application).unwrap().is_none());
}

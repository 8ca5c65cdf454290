//! The room as a whole: what a vault keeps, lists, locks and forgets.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use tempfile::TempDir;

use super::*;
use crate::error::{Error, Kind};
use crate::secret::{CommunicationToken, EntraToken, RefreshToken};
use crate::time::Timestamp;

const MARKER: &str = "s3cr3t-marker";

fn tenancy() -> Tenancy {
    Tenancy {
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
    let mut record = Record::new(tenancy(), account);
    let expires_on = Timestamp::from_unix_seconds(1_800_000_000);
    record.refresh_token = Some(RefreshToken::new(format!("{MARKER}-refresh-{user}")));
    record.keep_entra_token(CachedEntraToken {
        token: EntraToken::new(format!("{MARKER}-entra-{user}")),
        scopes: vec!["a-scope".to_owned()],
        expires_on,
    });
    record.keep_communication_token(CachedCommunicationToken {
        token: CommunicationToken::new(format!("{MARKER}-communication-{user}")),
        source: TokenSource {
            endpoint: "https://r.communication.azure.com".to_owned(),
            exchange: ExchangeKind::Key,
            scopes: vec!["a-scope".to_owned()],
        },
        expires_on,
    });
    record.short_tokens = Some(ShortTokens {
        redeemed_at_seconds: 1_799_999_000,
        life_seconds: 540,
    });
    record.clock_offset_seconds = -90;
    record
}

fn lock(vault: &Vault, record: &Record) -> Guard {
    let name = LockName::Session(record.key());
    match vault.try_lock(&name, Activity::Renewing).unwrap() {
        Attempt::Got(guard) => guard,
        Attempt::Held(holder) => panic!("held by {holder:?}"),
    }
}

fn save(vault: &Vault, record: &Record) {
    vault.save(record, &lock(vault, record)).unwrap();
}

fn in_folder(folder: &Path) -> Vault {
    Vault::new(Box::new(MemoryStore::new()), Some(folder.to_owned()))
}

/// A store double: each call fails, as a keyring that has died would. The real one's deaths are
/// shown against a real daemon; here it is the index's part that is looked at.
struct FailingStore;

impl FailingStore {
    fn error() -> Error {
        Error::new(Kind::Store, "the store is dead", "wake it up")
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
    for vault in [
        in_folder(folder.path()),
        Vault::new(Box::new(MemoryStore::new()), None),
    ] {
        let ada = record("ada");
        assert_eq!(vault.load(&ada.key()).unwrap(), None);
        save(&vault, &ada);
        assert_eq!(vault.load(&ada.key()).unwrap(), Some(ada));
    }
}

#[test]
fn the_index_says_of_a_session_all_but_its_secrets() {
    let folder = TempDir::new().unwrap();
    let vault = in_folder(folder.path());
    let ada = record("ada");
    save(&vault, &ada);
    let index = vault.index().unwrap();
    let entry = index.active(&tenancy()).unwrap();
    assert_eq!(entry.key(), ada.key());
    assert_eq!(entry.account, ada.account);
    assert_eq!(entry.store, "memory");
    assert!(entry.can_renew && entry.active);
    assert_eq!(
        entry.entra_tokens[0].expires_on,
        ada.entra_tokens[0].expires_on
    );
    assert_eq!(
        entry.communication_tokens[0].source,
        ada.communication_tokens[0].source
    );
    assert_eq!(entry.short_tokens, ada.short_tokens);
    assert_eq!(entry.clock_offset_seconds, -90);

    let text = fs::read_to_string(folder.path().join("index.json")).unwrap();
    assert!(!text.contains(MARKER), "{text}");
}

#[test]
#[cfg(unix)]
fn the_state_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = TempDir::new().unwrap();
    let folder = home.path().join("state/acspass");
    save(&in_folder(&folder), &record("ada"));
    let mut seen = 0;
    let mut folders = vec![home.path().join("state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            let expected = if meta.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(
                meta.permissions().mode() & 0o777,
                expected,
                "{:?}",
                entry.path()
            );
            seen += 1;
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert_eq!(
        seen, 5,
        "acspass, index.json, index.lock, locks and one lock"
    );
}

#[test]
fn the_first_account_is_active_until_another_is_activated() {
    let vault = Vault::new(Box::new(MemoryStore::new()), None);
    let (ada, bob) = (record("ada"), record("bob"));
    save(&vault, &ada);
    save(&vault, &bob);
    save(&vault, &ada);
    let active = || {
        vault
            .index()
            .unwrap()
            .active(&tenancy())
            .map(IndexEntry::key)
    };
    assert_eq!(active(), Some(ada.key()));
    vault.activate(&bob.key()).unwrap();
    assert_eq!(active(), Some(bob.key()));
    vault.forget(&bob.key()).unwrap();
    assert_eq!(active(), None, "nobody steps in unasked");
    let unknown = vault.activate(&bob.key()).unwrap_err();
    assert_eq!(unknown.kind(), Kind::SignInNeeded);
    assert_eq!(active(), None);
}

#[test]
fn a_user_is_found_by_name_in_any_case_or_by_home_account_id_in_that_tenancy_only() {
    let vault = Vault::new(Box::new(MemoryStore::new()), None);
    save(&vault, &record("ada"));
    save(&vault, &record("bob"));
    let index = vault.index().unwrap();
    let found = |user: &str| {
        index
            .find(&tenancy(), user)
            .map(|e| e.account.username.as_str())
    };
    assert_eq!(found("BOB@contoso.EXAMPLE"), Some("bob@Contoso.example"));
    assert_eq!(found("ada-uid.utid"), Some("ada@Contoso.example"));
    assert_eq!(found("eve@contoso.example"), None);
    let mut elsewhere = tenancy();
    elsewhere.tenant = "contoso.example".to_owned();
    assert!(index.find(&elsewhere, "ada-uid.utid").is_none());
    assert_eq!(index.in_tenancy(&tenancy()).count(), 2);
    assert_eq!(index.in_tenancy(&elsewhere).count(), 0);
}

#[test]
fn sessions_in_another_store_are_out_of_sight() {
    let folder = TempDir::new().unwrap();
    save(&in_folder(folder.path()), &record("ada"));
    let vault = Vault::new(
        Box::new(KeyringStore::new()),
        Some(folder.path().to_owned()),
    );
    let index = vault.index().unwrap();
    assert!(index.active(&tenancy()).is_none());
    assert_eq!(index.entries().count(), 0);
    assert_eq!(index.elsewhere().count(), 1);
}

#[test]
fn many_who_save_different_sessions_at_once_lose_none() {
    let folder = TempDir::new().unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let folder = folder.path();
            scope.spawn(move || {
                // A vault each, as processes have: only the files are shared.
                let vault = in_folder(folder);
                for round in 0..5 {
                    save(&vault, &record(&format!("user-{thread}-{round}")));
                    assert!(vault.index().unwrap().entries().count() > round);
                }
            });
        }
    });
    let index = in_folder(folder.path()).index().unwrap();
    assert_eq!(index.entries().count(), 40);
    assert_eq!(index.entries().filter(|entry| entry.active).count(), 1);
    assert!(!folder.path().join("index.json.draft").exists());
}

#[test]
fn a_draft_left_by_a_killed_process_does_no_harm() {
    let folder = TempDir::new().unwrap();
    let vault = in_folder(folder.path());
    save(&vault, &record("ada"));
    fs::write(folder.path().join("index.json.draft"), vec![b'x'; 100_000]).unwrap();
    assert_eq!(vault.index().unwrap().entries().count(), 1);
    save(&vault, &record("bob"));
    assert_eq!(vault.index().unwrap().entries().count(), 2);
}

#[test]
fn an_index_that_cannot_be_read_is_set_aside_and_never_lost() {
    let version = r#"{"version":2,"sessions":[]}"#;
    for damaged in ["{\"version\":1,\"sess", "\0\0\0\0", version, "[]"] {
        for save_first in [false, true] {
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("index.json");
            fs::write(&path, damaged).unwrap();
            let vault = in_folder(folder.path());
            if save_first {
                save(&vault, &record("ada"));
            }
            let listed = vault.index().unwrap().entries().count();
            assert_eq!(listed, usize::from(save_first));
            let aside: Vec<_> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.to_string_lossy().contains("index.json.unreadable-"))
                .collect();
            assert_eq!(aside.len(), 1, "{damaged}");
            assert_eq!(fs::read_to_string(&aside[0]).unwrap(), damaged);
        }
    }
}

#[test]
fn two_indexes_set_aside_in_one_second_are_both_kept() {
    let folder = TempDir::new().unwrap();
    let vault = in_folder(folder.path());
    for content in ["one", "two", "three"] {
        fs::write(folder.path().join("index.json"), content).unwrap();
        vault.index().unwrap();
    }
    let kept = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("index.json.unreadable-")
    });
    assert_eq!(kept.count(), 3);
}

#[test]
fn a_lock_excludes_and_says_who_holds_it() {
    let folder = TempDir::new().unwrap();
    let name = LockName::Session(record("ada").key());
    let (one, other) = (in_folder(folder.path()), in_folder(folder.path()));
    let in_memory = Vault::new(Box::new(MemoryStore::new()), None);
    for (holder, waiter) in [(&one, &other), (&one, &one), (&in_memory, &in_memory)] {
        let guard = lock(holder, &record("ada"));
        let named = |activity: Activity| {
            let Attempt::Held(Some(holder)) = waiter.try_lock(&name, activity).unwrap() else {
                panic!("it is held, and the holder is named");
            };
            assert_eq!(holder.pid, std::process::id());
            assert!(holder.since.unix_seconds() > 1_700_000_000);
            holder.activity
        };
        assert_eq!(named(Activity::SigningIn), Activity::Renewing);
        guard.set_activity(Activity::SigningIn);
        assert_eq!(named(Activity::Renewing), Activity::SigningIn);
        let others = lock(waiter, &record("bob"));
        drop(guard);
        drop(others);
        drop(lock(waiter, &record("ada")));
    }
}

#[test]
fn a_lock_that_was_let_go_names_nobody() {
    let folder = TempDir::new().unwrap();
    let vault = in_folder(folder.path());
    drop(lock(&vault, &record("ada")));
    for entry in fs::read_dir(folder.path().join("locks")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().len(), 0);
    }
}

#[test]
fn one_of_many_threads_gets_a_lock() {
    let folder = TempDir::new().unwrap();
    for vault in [
        in_folder(folder.path()),
        Vault::new(Box::new(MemoryStore::new()), None),
    ] {
        let name = LockName::Tenancy(tenancy());
        let guards: Vec<Attempt> = thread::scope(|scope| {
            let tries: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| vault.try_lock(&name, Activity::SigningIn).unwrap()))
                .collect();
            tries
                .into_iter()
                .map(|attempt| attempt.join().unwrap())
                .collect()
        });
        let got = guards
            .iter()
            .filter(|attempt| matches!(attempt, Attempt::Got(_)));
        assert_eq!(got.count(), 1);
    }
}

#[test]
fn a_save_needs_the_lock_of_its_session_or_of_its_tenancy() {
    let vault = Vault::new(Box::new(MemoryStore::new()), None);
    let (ada, bob) = (record("ada"), record("bob"));
    let refused = vault.save(&ada, &lock(&vault, &bob)).unwrap_err();
    assert_eq!(refused.kind(), Kind::Internal);
    assert_eq!(vault.load(&ada.key()).unwrap(), None);

    let name = LockName::Tenancy(tenancy());
    let Attempt::Got(sign_in) = vault.try_lock(&name, Activity::SigningIn).unwrap() else {
        panic!("nobody holds it");
    };
    vault.save(&ada, &sign_in).unwrap();
    let mut elsewhere = record("ada");
    elsewhere.tenancy.tenant = "contoso.example".to_owned();
    let refused = vault.save(&elsewhere, &sign_in).unwrap_err();
    assert_eq!(refused.kind(), Kind::Internal);
}

#[test]
fn what_is_forgotten_is_gone_from_store_and_index() {
    let vault = Vault::new(Box::new(MemoryStore::new()), None);
    let ada = record("ada");
    save(&vault, &ada);
    assert_eq!(
        vault.forget(&ada.key()).unwrap(),
        Forgotten { removed: true }
    );
    assert_eq!(vault.load(&ada.key()).unwrap(), None);
    assert_eq!(vault.index().unwrap().entries().count(), 0);
    assert_eq!(
        vault.forget(&ada.key()).unwrap(),
        Forgotten { removed: false }
    );
}

#[test]
fn the_index_forgets_even_where_the_store_fails_and_says_how_to_finish() {
    let folder = TempDir::new().unwrap();
    let ada = record("ada");
    save(&in_folder(folder.path()), &ada);
    let vault = Vault::new(Box::new(FailingStore), Some(folder.path().to_owned()));
    let error = vault.forget(&ada.key()).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.message().contains(&ada.key().item()), "{error}");
    assert!(error.hint().contains("wake it up"), "{}", error.hint());
    assert!(error.hint().contains("dig out"), "{}", error.hint());
    assert_eq!(vault.index().unwrap().entries().count(), 0);
}

#[test]
fn a_store_that_fails_leaves_the_index_as_it_was() {
    let folder = TempDir::new().unwrap();
    let vault = Vault::new(Box::new(FailingStore), Some(folder.path().to_owned()));
    let ada = record("ada");
    let error = vault.save(&ada, &lock(&vault, &ada)).unwrap_err();
    assert_eq!(error.message(), "the store is dead");
    assert_eq!(vault.index().unwrap().entries().count(), 0);
    assert_eq!(vault.probe().unwrap_err().message(), "the store is dead");
}

#[test]
fn a_session_that_cannot_be_listed_does_not_stay_in_the_store_unseen() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(MemoryStore::new());
    let vault = Vault::new(
        Box::new(Shared(Arc::clone(&store))),
        Some(folder.path().to_owned()),
    );
    let (ada, bob) = (record("ada"), record("bob"));
    save(&vault, &ada);
    let guards = (lock(&vault, &ada), lock(&vault, &bob));
    // A folder in the draft's place fails the replacing, for root as well.
    fs::create_dir(folder.path().join("index.json.draft")).unwrap();
    assert_eq!(vault.save(&bob, &guards.1).unwrap_err().kind(), Kind::Store);
    assert_eq!(store.load(&bob.key().item()).unwrap(), None);
    let mut renewed = ada.clone();
    renewed.refresh_token = None;
    assert_eq!(
        vault.save(&renewed, &guards.0).unwrap_err().kind(),
        Kind::Store
    );
    assert_eq!(
        vault.load(&ada.key()).unwrap(),
        Some(renewed),
        "the new one, whole"
    );
}

#[test]
fn a_damaged_item_is_a_store_error_that_shows_no_byte_of_it() {
    let store = Arc::new(MemoryStore::new());
    let vault = Vault::new(Box::new(Shared(Arc::clone(&store))), None);
    let key = record("ada").key();
    let whole = record("ada").to_item().unwrap();
    let cut = &whole.expose()[..whole.expose().len() - 9];
    let text = format!("{{\"version\":\"{MARKER}\"}}");
    for damaged in [cut, text.as_bytes(), MARKER.as_bytes(), b"", b"\xff\xfe"] {
        store
            .save(&key.item(), &SecretBytes::new(damaged.to_vec()))
            .unwrap();
        let error = vault.load(&key).unwrap_err();
        assert_eq!(error.kind(), Kind::Store);
        assert!(!format!("{error:?}").contains(MARKER), "{error:?}");
    }
}

#[test]
fn an_item_under_anothers_name_is_not_believed() {
    let store = Arc::new(MemoryStore::new());
    let vault = Vault::new(Box::new(Shared(Arc::clone(&store))), None);
    let (ada, bob) = (record("ada"), record("bob"));
    store
        .save(&bob.key().item(), &ada.to_item().unwrap())
        .unwrap();
    assert_eq!(vault.load(&bob.key()).unwrap_err().kind(), Kind::Store);
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
fn a_secret_of_the_configuration_is_kept_beside_the_sessions() {
    let vault = Vault::new(Box::new(MemoryStore::new()), None);
    let secret = SecretBytes::new(MARKER.as_bytes().to_vec());
    assert_eq!(vault.load_secret("connection-string").unwrap(), None);
    vault.save_secret("connection-string", &secret).unwrap();
    assert_eq!(
        vault.load_secret("connection-string").unwrap(),
        Some(secret)
    );
    assert_eq!(vault.load_secret("other").unwrap(), None);
    assert!(vault.delete_secret("connection-string").unwrap());
    assert!(!vault.delete_secret("connection-string").unwrap());
}

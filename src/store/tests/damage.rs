//! What cannot be read is set aside, what is to be forgotten is forgotten, whatever is there.

use super::*;
use crate::claims::Claims;

fn shared() -> (Arc<MemoryStore>, SessionStore) {
    let store = Arc::new(MemoryStore::new());
    let sessions = SessionStore::new(Box::new(Shared(Arc::clone(&store))), None);
    (store, sessions)
}

fn aside(store: &MemoryStore) -> Vec<String> {
    let mut items = store.items().unwrap();
    items.retain(|item| item.starts_with("unreadable "));
    items
}

fn clear(store: &MemoryStore) {
    for item in store.items().unwrap() {
        store.delete(&item).unwrap();
    }
}

#[test]
fn unreadable_item_is_quarantined_and_the_account_is_signed_out() {
    let (store, sessions) = shared();
    let key = record("ada").key();
    let whole = record("ada").to_bytes().unwrap();
    let cut = &whole.expose()[..whole.expose().len() - 9];
    let text = format!("{{\"version\":\"{MARKER}\"}}");
    let foreign = record("bob").to_bytes().unwrap();
    let bytes = [
        cut,
        text.as_bytes(),
        MARKER.as_bytes(),
        b"",
        b"\xff\xfe",
        foreign.expose(),
    ];
    for damaged in bytes {
        let damaged = SecretBytes::new(damaged.to_vec());
        store.save(&key.item_name(), &damaged).unwrap();
        assert_eq!(sessions.load(&key).unwrap(), None);
        assert_eq!(store.load(&key.item_name()).unwrap(), None);
        let aside = aside(&store);
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert!(aside[0].ends_with(&key.item_name()), "{aside:?}");
        assert_eq!(store.load(&aside[0]).unwrap(), Some(damaged));
        clear(&store);
    }
}

#[test]
fn item_locked_by_another_process_is_not_quarantined_or_unlisted() {
    let (store, sessions) = shared();
    let ada = record("ada");
    save(&sessions, &ada);
    let guard = lock(&sessions, &ada);
    for bytes in [None, Some(SecretBytes::new(b"x".to_vec()))] {
        store.delete(&ada.key().item_name()).unwrap();
        if let Some(bytes) = &bytes {
            store.save(&ada.key().item_name(), bytes).unwrap();
        }
        assert_eq!(sessions.load(&ada.key()).unwrap(), None);
        assert_eq!(store.load(&ada.key().item_name()).unwrap(), bytes);
        assert!(
            sessions.active(&application()).unwrap().is_some(),
            "still listed"
        );
    }
    sessions.save(&ada, &guard).unwrap();
    assert_eq!(sessions.load(&ada.key()).unwrap(), Some(ada));
    assert_eq!(aside(&store).len(), 1, "save quarantines what it replaces");
}

#[test]
fn a_missing_or_unreadable_item_loses_its_index_entry_and_no_other() {
    let newer = br#"{"version":2,"tenancy":{}}"#;
    for bytes in [None, Some(&b"x"[..]), Some(newer)] {
        let folder = TempDir::new().unwrap();
        let store = Arc::new(MemoryStore::new());
        let state = Some(folder.path().to_owned());
        let sessions = SessionStore::new(Box::new(Shared(Arc::clone(&store))), state);
        let (ada, bob) = (record("ada"), record("bob"));
        save(&sessions, &ada);
        save(&sessions, &bob);
        store.delete(&ada.key().item_name()).unwrap();
        if let Some(bytes) = bytes {
            let bytes = SecretBytes::new(bytes.to_vec());
            store.save(&ada.key().item_name(), &bytes).unwrap();
        }
        assert_eq!(sessions.load(&ada.key()).unwrap(), None);
        let index = sessions.index().unwrap();
        let listed: Vec<_> = index.entries().map(IndexEntry::key).collect();
        assert_eq!(listed, [bob.key()], "{bytes:?}");
        assert_eq!(aside(&store).len(), usize::from(bytes.is_some()));
        // Signing in again makes the account active again: no other account took its place.
        save(&sessions, &ada);
        let active = sessions.active(&application()).unwrap().unwrap();
        assert_eq!(active.key(), ada.key());
    }
}

#[test]
fn holder_of_the_tenancy_lock_or_session_lock_removes_and_quarantines() {
    let (store, sessions) = shared();
    let ada = record("ada");
    let sign_in = LockTarget::SignIn(application());
    for name in [sign_in, LockTarget::Session(ada.key())] {
        save(&sessions, &ada);
        let damaged = SecretBytes::new(b"x".to_vec());
        store.save(&ada.key().item_name(), &damaged).unwrap();
        let LockAttempt::Acquired(guard) = sessions.try_lock(&name, Activity::SigningIn).unwrap()
        else {
            panic!("the lock is free");
        };
        assert_eq!(sessions.load_under(&ada.key(), &guard).unwrap(), None);
        assert!(sessions.active(&application()).unwrap().is_none());
        assert_eq!(store.load(&ada.key().item_name()).unwrap(), None);
    }
    assert_eq!(aside(&store).len(), 2, "two quarantined in one second");
}

#[test]
fn a_store_that_fails_costs_no_index_entry() {
    let folder = TempDir::new().unwrap();
    let ada = record("ada");
    save(&in_folder(folder.path()), &ada);
    let sessions = SessionStore::new(Box::new(FailingStore), Some(folder.path().to_owned()));
    assert_eq!(sessions.load(&ada.key()).unwrap_err().kind(), Kind::Store);
    assert!(sessions.active(&application()).unwrap().is_some());
}

#[test]
fn save_quarantines_the_unreadable_item_that_it_replaces() {
    let (store, sessions) = shared();
    let ada = record("ada");
    let newer = SecretBytes::new(br#"{"version":2}"#.to_vec());
    store.save(&ada.key().item_name(), &newer).unwrap();
    save(&sessions, &ada);
    assert_eq!(sessions.load(&ada.key()).unwrap(), Some(ada));
    let aside = aside(&store);
    assert_eq!(store.load(&aside[0]).unwrap(), Some(newer));
}

#[test]
fn a_save_fails_if_the_unreadable_item_cannot_be_kept() {
    /// Keeps what is there and takes no other name, as a keyring without room does.
    struct Full(Arc<MemoryStore>);
    impl TokenStore for Full {
        fn name(&self) -> &'static str {
            self.0.name()
        }
        fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
            self.0.load(item)
        }
        fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
            match self.0.load(item)? {
                Some(_) => self.0.save(item, value),
                None => Err(FailingStore::error()),
            }
        }
        fn delete(&self, item: &str) -> Result<bool> {
            self.0.delete(item)
        }
        fn items(&self) -> Result<Vec<String>> {
            self.0.items()
        }
        fn is_persistent(&self) -> bool {
            true
        }
        fn removal_by_hand(&self, item: &str) -> String {
            format!("dig out `{item}`")
        }
    }
    let store = Arc::new(MemoryStore::new());
    let ada = record("ada");
    let damaged = SecretBytes::new(b"x".to_vec());
    store.save(&ada.key().item_name(), &damaged).unwrap();
    let sessions = SessionStore::new(Box::new(Full(Arc::clone(&store))), None);
    let error = sessions.save(&ada, &lock(&sessions, &ada)).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.hint().contains("dig out `session ada"), "{error:?}");
    assert_eq!(store.load(&ada.key().item_name()).unwrap(), Some(damaged));
}

#[test]
fn logout_all_leaves_the_configuration_and_foreign_items() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(MemoryStore::new());
    let state = Some(folder.path().to_owned());
    let sessions = SessionStore::new(Box::new(Shared(Arc::clone(&store))), state);
    let secret = SecretBytes::new(b"x".to_vec());
    sessions.save_secret("connection-string", &secret).unwrap();
    save(&sessions, &record("ada"));
    let mut foreign = record("eve");
    foreign.application.authority_host = "emulator".to_owned();
    save(&sessions, &foreign);
    // In the store alone: whole, set aside, and of another application.
    let mut bob = record("bob");
    bob.application.client_id = "another".to_owned();
    let item = bob.key().item_name();
    store.save(&item, &bob.to_bytes().unwrap()).unwrap();
    let aside = format!("unreadable 1800000000 {item}");
    store.save(&aside, &secret).unwrap();
    // In the index alone.
    save(&sessions, &record("cy"));
    store.delete(&record("cy").key().item_name()).unwrap();

    let ours = |host: &str| host != "emulator";
    let there = ForgottenSessions {
        sessions: 2,
        only_listed: 1,
        quarantined: 1,
        is_unsearched: false,
    };
    assert_eq!(sessions.forget_everything(ours).unwrap(), there);
    let left = [
        "secret connection-string".to_owned(),
        foreign.key().item_name(),
    ];
    assert_eq!(store.items().unwrap(), left);
    let listed: Vec<_> = sessions.index().unwrap().entries().cloned().collect();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].key(), foreign.key());
    let nothing = ForgottenSessions::default();
    assert_eq!(sessions.forget_everything(ours).unwrap(), nothing);
}

#[test]
fn logout_all_works_with_an_unreadable_index() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(MemoryStore::new());
    let state = Some(folder.path().to_owned());
    let sessions = SessionStore::new(Box::new(Shared(Arc::clone(&store))), state);
    save(&sessions, &record("ada"));
    fs::write(folder.path().join("index.json"), "rubbish").unwrap();
    assert_eq!(sessions.forget_everything(|_| true).unwrap().sessions, 1);
    assert_eq!(store.items().unwrap(), [""; 0]);
    assert_eq!(sessions.index().unwrap().entries().count(), 0);
}

#[test]
fn logout_all_clears_the_index_if_the_store_fails() {
    let folder = TempDir::new().unwrap();
    let state = || Some(folder.path().to_owned());
    let healthy = SessionStore::new(Box::new(MemoryStore::new()), state());
    save(&healthy, &record("ada"));
    let sessions = SessionStore::new(Box::new(FailingStore), state());
    let error = sessions.forget_everything(|_| true).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.hint().contains("dig out `session ada"), "{error:?}");
    assert_eq!(sessions.index().unwrap().entries().count(), 0);
}

/// A store that is not available here.
struct Absent;

impl TokenStore for Absent {
    fn name(&self) -> &'static str {
        "memory"
    }
    fn load(&self, _item: &str) -> Result<Option<SecretBytes>> {
        Err(Absent::error())
    }
    fn save(&self, _item: &str, _value: &SecretBytes) -> Result<()> {
        Err(Absent::error())
    }
    fn delete(&self, _item: &str) -> Result<bool> {
        Err(Absent::error())
    }
    fn items(&self) -> Result<Vec<String>> {
        Err(Absent::error())
    }
    fn items_if_available(&self) -> Result<Option<Vec<String>>> {
        Ok(None)
    }
    fn is_persistent(&self) -> bool {
        true
    }
    fn removal_by_hand(&self, item: &str) -> String {
        format!("dig out `{item}`")
    }
}

impl Absent {
    fn error() -> Error {
        let hint = "Run `acspass config set store file` to use encrypted files.";
        Error::new(Kind::Store, "there is no such store", hint)
    }
}

#[test]
fn logout_all_fails_without_a_store_only_if_it_has_sessions() {
    let folder = TempDir::new().unwrap();
    let state = || Some(folder.path().to_owned());
    let absent = SessionStore::new(Box::new(Absent), state());
    let nothing = ForgottenSessions {
        is_unsearched: true,
        ..ForgottenSessions::default()
    };
    assert_eq!(absent.forget_everything(|_| true).unwrap(), nothing);

    let healthy = SessionStore::new(Box::new(MemoryStore::new()), state());
    save(&healthy, &record("ada"));
    save(&healthy, &record("bob"));
    let error = absent.forget_everything(|_| true).unwrap_err();
    assert_eq!(
        error.message(),
        "could not remove 2 items from the store memory"
    );
    let [ada, bob] = ["ada", "bob"].map(|name| record(name).key().item_name());
    assert_eq!(
        error.hint(),
        format!(
            "Run `acspass logout --all` in a login session that has this store. To remove them \
             yourself, dig out `{ada}`, then dig out `{bob}`."
        )
    );
    // They are unlisted now, and no reason for another failure.
    assert_eq!(absent.forget_everything(|_| true).unwrap(), nothing);
}

#[test]
fn valid_challenge_is_stored_and_invalid_one_is_dropped() {
    let mut ada = record("ada");
    let without = String::from_utf8(ada.to_bytes().unwrap().expose().to_vec()).unwrap();
    assert!(
        !without.contains("challenge"),
        "as earlier versions wrote it"
    );
    ada.challenge = Claims::parse(r#"{"access_token":{"acrs":null}}"#);
    let item = ada.to_bytes().unwrap();
    assert_eq!(Record::from_bytes(&item).unwrap(), ada);
    for damaged in ["7", "[]", "{", ""] {
        let mut form: serde_json::Value = serde_json::from_slice(item.expose()).unwrap();
        form["challenge"] = damaged.into();
        let item = SecretBytes::new(serde_json::to_vec(&form).unwrap());
        let read = Record::from_bytes(&item).unwrap();
        assert_eq!(read.challenge, None, "{damaged}");
        assert_eq!(read.refresh_token, ada.refresh_token);
    }
}

#[test]
fn stored_token_that_is_no_b64token_is_left_out_alone() {
    let ada = record("ada");
    let item = ada.to_bytes().unwrap();
    for kind in ["entra_tokens", "communication_tokens"] {
        let mut form: serde_json::Value = serde_json::from_slice(item.expose()).unwrap();
        form[kind][0]["token"] = "a\r\nx: y".into();
        let item = SecretBytes::new(serde_json::to_vec(&form).unwrap());
        let read = Record::from_bytes(&item).unwrap();
        let (entra, communication) = (&read.entra_tokens, &read.communication_tokens);
        let is_entra = kind == "entra_tokens";
        assert_eq!(entra.is_empty(), is_entra, "{kind}");
        assert_eq!(communication.is_empty(), !is_entra, "{kind}");
        assert_eq!(read.refresh_token, ada.refresh_token);
    }
}

#[test]
fn earlier_programs_read_a_record_with_tokens_of_an_exchange_service() {
    let mut ada = record("ada");
    let expires_on = Timestamp::from_unix_seconds(1_800_000_000);
    let scopes = vec!["a-scope".to_owned()];
    let source = CommunicationTokenSource::new("https://x.test", ExchangeKind::Service, scopes);
    ada.keep_communication_token(CachedCommunicationToken {
        token: CommunicationToken::new("of-the-service"),
        source: source.clone(),
        expires_on,
    });
    let item = ada.to_bytes().unwrap();
    let read = Record::from_bytes(&item).unwrap();
    let kept = read.communication_token(&source).unwrap();
    assert_eq!(kept.token.expose(), "of-the-service");
    assert_eq!(read.communication_tokens.len(), 2);

    // They read every kind in this list, and know three. Other members are ignored.
    let mut form: serde_json::Value = serde_json::from_slice(item.expose()).unwrap();
    let listed = form["communication_tokens"].as_array().unwrap();
    let kinds: Vec<_> = listed
        .iter()
        .map(|one| &one["source"]["exchange"])
        .collect();
    assert_eq!(kinds, ["key"]);
    let index = fs_index(&ada);
    let lists: serde_json::Value = serde_json::from_str(&index).unwrap();
    let listed = lists["active"][0]["communication_tokens"].as_array();
    assert_eq!(listed.unwrap().len(), 1);
    assert!(index.contains("\"further_communication_tokens\":[{"));

    // The kinds of later programs are left out alone.
    form["further_communication_tokens"][0]["source"]["exchange"] = "of-a-later-day".into();
    form["communication_tokens"][0]["source"]["exchange"] = "of-a-later-day".into();
    let item = SecretBytes::new(serde_json::to_vec(&form).unwrap());
    let read = Record::from_bytes(&item).unwrap();
    assert!(read.communication_tokens.is_empty());
    assert_eq!(read.refresh_token, ada.refresh_token);
}

/// Returns the index of a store with this active session.
fn fs_index(record: &Record) -> String {
    let folder = TempDir::new().unwrap();
    let store = SessionStore::new(Box::new(MemoryStore::new()), Some(folder.path().to_owned()));
    let scope = LockTarget::Session(record.key());
    let LockAttempt::Acquired(guard) = store.try_lock(&scope, Activity::Renewing).unwrap() else {
        panic!("no other process has it");
    };
    store.save(record, &guard).unwrap();
    store.activate(&record.key()).unwrap();
    fs::read_to_string(folder.path().join("index.json")).unwrap()
}

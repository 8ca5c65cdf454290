//! What cannot be read is set aside, what is to be forgotten is forgotten, whatever is there.

use super::*;
use crate::claims::Claims;

fn shared() -> (Arc<MemoryStore>, Vault) {
    let store = Arc::new(MemoryStore::new());
    let vault = Vault::new(Box::new(Shared(Arc::clone(&store))), None);
    (store, vault)
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
fn an_item_that_cannot_be_read_is_set_aside_whole_and_the_account_is_signed_out() {
    let (store, vault) = shared();
    let key = record("ada").key();
    let whole = record("ada").to_item().unwrap();
    let cut = &whole.expose()[..whole.expose().len() - 9];
    let text = format!("{{\"version\":\"{MARKER}\"}}");
    let foreign = record("bob").to_item().unwrap();
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
        store.save(&key.item(), &damaged).unwrap();
        assert_eq!(vault.load(&key).unwrap(), None);
        assert_eq!(store.load(&key.item()).unwrap(), None);
        let aside = aside(&store);
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert!(aside[0].ends_with(&key.item()), "{aside:?}");
        assert_eq!(store.load(&aside[0]).unwrap(), Some(damaged));
        clear(&store);
    }
}

#[test]
fn what_somebody_is_replacing_is_left_to_them() {
    let (store, vault) = shared();
    let ada = record("ada");
    let damaged = SecretBytes::new(b"x".to_vec());
    store.save(&ada.key().item(), &damaged).unwrap();
    let guard = lock(&vault, &ada);
    assert_eq!(vault.load(&ada.key()).unwrap(), None);
    assert_eq!(store.items().unwrap(), [ada.key().item()]);
    vault.save(&ada, &guard).unwrap();
    assert_eq!(vault.load(&ada.key()).unwrap(), Some(ada));
}

#[test]
fn everything_is_forgotten_but_the_configuration_and_what_is_anothers() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(MemoryStore::new());
    let state = Some(folder.path().to_owned());
    let vault = Vault::new(Box::new(Shared(Arc::clone(&store))), state);
    let secret = SecretBytes::new(b"x".to_vec());
    vault.save_secret("connection-string", &secret).unwrap();
    save(&vault, &record("ada"));
    let mut foreign = record("eve");
    foreign.tenancy.authority_host = "emulator".to_owned();
    save(&vault, &foreign);
    // In the store alone: whole, set aside, and of another tenancy.
    let mut bob = record("bob");
    bob.tenancy.client_id = "another".to_owned();
    let item = bob.key().item();
    store.save(&item, &bob.to_item().unwrap()).unwrap();
    let aside = format!("unreadable 1800000000 {item}");
    store.save(&aside, &secret).unwrap();
    // In the index alone.
    save(&vault, &record("cy"));
    store.delete(&record("cy").key().item()).unwrap();

    let ours = |host: &str| host != "emulator";
    assert_eq!(vault.forget_everything(ours).unwrap(), 3);
    let left = ["secret connection-string".to_owned(), foreign.key().item()];
    assert_eq!(store.items().unwrap(), left);
    let listed: Vec<_> = vault.index().unwrap().entries().cloned().collect();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].key(), foreign.key());
    assert_eq!(vault.forget_everything(ours).unwrap(), 0);
}

#[test]
fn everything_is_forgotten_where_the_index_cannot_be_read() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(MemoryStore::new());
    let state = Some(folder.path().to_owned());
    let vault = Vault::new(Box::new(Shared(Arc::clone(&store))), state);
    save(&vault, &record("ada"));
    fs::write(folder.path().join("index.json"), "rubbish").unwrap();
    assert_eq!(vault.forget_everything(|_| true).unwrap(), 1);
    assert_eq!(store.items().unwrap(), [""; 0]);
    assert_eq!(vault.index().unwrap().entries().count(), 0);
}

#[test]
fn where_the_store_fails_the_index_forgets_everything_and_the_way_out_is_said() {
    let folder = TempDir::new().unwrap();
    let state = || Some(folder.path().to_owned());
    let healthy = Vault::new(Box::new(MemoryStore::new()), state());
    save(&healthy, &record("ada"));
    let vault = Vault::new(Box::new(FailingStore), state());
    let error = vault.forget_everything(|_| true).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.hint().contains("dig out `session ada"), "{error:?}");
    assert_eq!(vault.index().unwrap().entries().count(), 0);
}

#[test]
fn a_challenge_is_kept_and_one_that_is_none_is_dropped_alone() {
    let mut ada = record("ada");
    let without = String::from_utf8(ada.to_item().unwrap().expose().to_vec()).unwrap();
    assert!(
        !without.contains("challenge"),
        "as earlier versions wrote it"
    );
    ada.challenge = Claims::parse(r#"{"access_token":{"acrs":null}}"#);
    let item = ada.to_item().unwrap();
    assert_eq!(Record::from_item(&item).unwrap(), ada);
    for damaged in ["7", "[]", "{", ""] {
        let mut form: serde_json::Value = serde_json::from_slice(item.expose()).unwrap();
        form["challenge"] = damaged.into();
        let item = SecretBytes::new(serde_json::to_vec(&form).unwrap());
        let read = Record::from_item(&item).unwrap();
        assert_eq!(read.challenge, None, "{damaged}");
        assert_eq!(read.refresh_token, ada.refresh_token);
    }
}

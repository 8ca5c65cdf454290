//! Sealed files: right and wrong keys, and damaged files.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::format::Sealed;
use super::*;
use crate::error::{Kind, Result};
use crate::secret::{Passphrase, SecretBytes};
use crate::store::token_store::TokenStore;

const MARKER: &str = "s3cr3t-marker";

fn secret() -> SecretBytes {
    SecretBytes::new(MARKER.repeat(500).into_bytes())
}

fn key_file(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    create_key_file(&path).unwrap();
    path
}

fn with_key_file(folder: &TempDir, name: &str) -> FileStore {
    FileStore::with_key_file(folder.path(), folder.path().join(name))
}

fn with_passphrase(folder: &TempDir, passphrase: &'static str) -> FileStore {
    FileStore::with_passphrase(folder.path(), 1, move |_| Ok(Passphrase::new(passphrase)))
}

/// The names in the folder of sealed files, without the lock.
fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path().join("sealed")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lock")
        .collect();
    names.sort();
    names
}

fn only_file(folder: &TempDir) -> PathBuf {
    let names = names(folder);
    assert_eq!(names.len(), 1, "{names:?}");
    folder.path().join("sealed").join(&names[0])
}

fn assert_refused<T: fmt::Debug>(outcome: Result<T>, words: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(
        format!("{error} | {}", error.hint()).contains(words),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains(MARKER), "{error:?}");
}

#[test]
fn items_round_trip_and_files_do_not_show_them() {
    let folder = TempDir::new().unwrap();
    key_file(&folder, "key");
    let store = with_key_file(&folder, "key");
    assert_eq!(store.load("item").unwrap(), None);
    assert!(!store.delete("item").unwrap());
    assert_eq!(store.items().unwrap(), [""; 0]);
    for value in [SecretBytes::new(Vec::new()), secret()] {
        store.save("item", &value).unwrap();
        let fresh = with_key_file(&folder, "key");
        assert_eq!(fresh.load("item").unwrap(), Some(value));
    }
    let first = fs::read(only_file(&folder)).unwrap();
    assert!(!String::from_utf8_lossy(&first).contains(MARKER));
    store.save("item", &secret()).unwrap();
    let second = fs::read(only_file(&folder)).unwrap();
    let sealed = |bytes: &[u8]| Sealed::read(bytes).map(|sealed| sealed.item.to_owned());
    assert_eq!(sealed(&second), Some("item".to_owned()));
    assert_ne!(first, second, "each write is sealed with a key of its own");
    store.save("another", &secret()).unwrap();
    assert_eq!(store.items().unwrap(), ["another", "item"]);
    assert!(store.delete("item").unwrap());
    assert!(!store.delete("item").unwrap());
    assert_eq!(store.items().unwrap(), ["another"]);
}

#[cfg(unix)]
#[test]
fn files_are_private_and_the_key_file_must_be() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let key = key_file(&folder, "key");
    let store = with_key_file(&folder, "key");
    store.save("item", &secret()).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&key), 0o600);
    assert_eq!(mode(&only_file(&folder)), 0o600);
    assert_eq!(mode(&folder.path().join("sealed")), 0o700);
    for open in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&key, fs::Permissions::from_mode(open)).unwrap();
        assert_refused(with_key_file(&folder, "key").load("item"), "chmod 600");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(
        with_key_file(&folder, "key").load("item").unwrap(),
        Some(secret())
    );
}

#[test]
fn invalid_key_file_is_refused_with_the_command_to_create_one() {
    let folder = TempDir::new().unwrap();
    let save = |name| with_key_file(&folder, name).save("item", &secret());
    assert_refused(save("missing"), "head -c 32 /dev/urandom");
    let short = key_file(&folder, "short");
    fs::write(&short, [7; 31]).unwrap();
    assert_refused(save("short"), "too short");
    assert_refused(create_key_file(&short), "create the key file");
    assert_eq!(fs::read(&short).unwrap(), [7; 31], "it is left alone");
    fs::write(&short, [7; 32]).unwrap();
    save("short").unwrap();
}

#[test]
fn wrong_key_opens_and_replaces_nothing() {
    let folder = TempDir::new().unwrap();
    key_file(&folder, "key");
    key_file(&folder, "other");
    with_key_file(&folder, "key")
        .save("item", &secret())
        .unwrap();
    let before = fs::read(only_file(&folder)).unwrap();
    let others = [
        (with_key_file(&folder, "other"), "ACSPASS_STORE_KEY_FILE"),
        (
            with_passphrase(&folder, "guess"),
            "Set ACSPASS_STORE_KEY_FILE",
        ),
    ];
    for (store, words) in &others {
        assert_refused(store.load("item"), words);
        assert_refused(store.save("item", &secret()), words);
        assert_refused(store.save("another", &secret()), "logout --all");
        assert_eq!(fs::read(only_file(&folder)).unwrap(), before);
        assert_eq!(store.items().unwrap(), ["item"], "listing needs no key");
    }
    assert_eq!(
        with_key_file(&folder, "key").load("item").unwrap(),
        Some(secret())
    );
    let (other, _) = &others[0];
    assert!(other.delete("item").unwrap(), "nor does forgetting");
    other.save("item", &secret()).unwrap();
}

#[test]
fn passphrase_is_requested_once_per_run_and_only_on_demand() {
    let folder = TempDir::new().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let store = |expected: Purpose| {
        let asked = Arc::clone(&asked);
        FileStore::with_passphrase(folder.path(), 1, move |purpose| {
            assert_eq!(purpose, expected);
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(Passphrase::new(MARKER))
        })
    };
    let first = store(Purpose::Choose);
    assert_eq!(first.load("item").unwrap(), None);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    first.save("item", &secret()).unwrap();
    first.save("another", &secret()).unwrap();
    assert_eq!(first.load("item").unwrap(), Some(secret()));
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let second = store(Purpose::Open);
    assert_eq!(second.items().unwrap(), ["another", "item"]);
    assert!(second.delete("another").unwrap());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(second.load("item").unwrap(), Some(secret()));
    second.save("item", &secret()).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    let text = fs::read(only_file(&folder)).unwrap();
    let kdf = Sealed::read(&text).unwrap().kdf;
    let stated = r#"{"argon2id":{"memory_kib":65536,"passes":3,"lanes":4},"salt":""#;
    assert!(kdf.starts_with(stated), "{kdf}");
}

#[test]
fn mistyped_passphrase_changes_nothing_and_can_be_retried() {
    let folder = TempDir::new().unwrap();
    with_passphrase(&folder, "right")
        .save("item", &secret())
        .unwrap();
    let tries = AtomicUsize::new(0);
    let store = FileStore::with_passphrase(folder.path(), 1, move |_| {
        let right = tries.fetch_add(1, Ordering::SeqCst) > 1;
        Ok(Passphrase::new(if right { "right" } else { "wrong" }))
    });
    assert_refused(store.load("item"), "wrong passphrase");
    assert_refused(store.save("item", &secret()), "wrong passphrase");
    assert_eq!(store.load("item").unwrap(), Some(secret()));
}

#[test]
fn wrong_passphrase_is_requested_again_while_tries_are_left() {
    let folder = TempDir::new().unwrap();
    with_passphrase(&folder, "right")
        .save("item", &secret())
        .unwrap();
    let before = fs::read(only_file(&folder)).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let store = |right_at: usize| {
        let asked = Arc::clone(&asked);
        FileStore::with_passphrase(folder.path(), 3, move |purpose| {
            let mut asked = asked.lock().unwrap();
            asked.push(purpose);
            let is_right = asked.len() == right_at;
            Ok(Passphrase::new(if is_right { "right" } else { "wrong" }))
        })
    };
    let all = [
        Purpose::Open,
        Purpose::OpenAgain { tries_left: 2 },
        Purpose::OpenAgain { tries_left: 1 },
    ];
    assert_eq!(store(3).load("item").unwrap(), Some(secret()));
    assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), all);
    assert_refused(store(4).load("item"), "wrong passphrase");
    assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), all);
    assert_refused(store(4).save("another", &secret()), "wrong passphrase");
    assert_eq!(*asked.lock().unwrap(), all);
    assert_eq!(fs::read(only_file(&folder)).unwrap(), before);
}

#[test]
fn damaged_file_is_quarantined_and_its_item_is_gone() {
    let folder = TempDir::new().unwrap();
    key_file(&folder, "key");
    let store = with_key_file(&folder, "key");
    store.save("item", &secret()).unwrap();
    let path = only_file(&folder);
    let whole = fs::read(&path).unwrap();
    let body = whole.len() - secret().expose().len() - 16;
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damaged = [
        Vec::new(),
        MARKER.as_bytes().to_vec(),
        whole[..whole.len() - 1].to_vec(),
        whole[..body].to_vec(),
        whole[..20].to_vec(),
        [&whole[..], b"x"].concat(),
        flipped(0),
        flipped(body - 33),
        flipped(body - 1),
        flipped(body),
        flipped(whole.len() - 1),
    ];
    for (count, bytes) in damaged.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        assert_eq!(store.load("item").unwrap(), None);
        let aside: Vec<_> = names(&folder);
        assert_eq!(aside.len(), count + 1, "{aside:?}");
        assert!(aside.iter().all(|name| name.contains(".unreadable-")));
    }
    let kept = names(&folder)
        .iter()
        .map(|name| fs::read(folder.path().join("sealed").join(name)).unwrap())
        .filter(|kept| damaged.contains(kept))
        .count();
    assert_eq!(kept, damaged.len(), "not a byte is lost");
    store.save("item", &secret()).unwrap();
    assert_eq!(store.load("item").unwrap(), Some(secret()));
    assert_eq!(store.items().unwrap(), ["item"]);

    // Those with another item's name stay, if the name can be read.
    let removed = store.remove_set_aside(&|item| item == "another").unwrap();
    let rest = store.remove_set_aside(&|item| item == "item").unwrap();
    assert_eq!(removed + rest, damaged.len());
    assert!(removed > 0 && rest > 0, "{removed} and {rest}");
    assert_eq!(store.load("item").unwrap(), Some(secret()));
}

#[test]
fn an_item_under_anothers_name_does_not_open() {
    let folder = TempDir::new().unwrap();
    key_file(&folder, "key");
    let store = with_key_file(&folder, "key");
    store.save("item", &secret()).unwrap();
    fs::copy(store.path("item"), store.path("another")).unwrap();
    assert_eq!(store.load("another").unwrap(), None);
    assert_eq!(store.load("item").unwrap(), Some(secret()));
    // It also does not open if its name was changed with it.
    let bytes = fs::read(store.path("item")).unwrap();
    let at = bytes.windows(6).position(|w| w == b"\nitem\n").unwrap();
    let renamed = [&bytes[..at], b"\nanother\n", &bytes[at + 6..]].concat();
    fs::write(store.path("another"), renamed).unwrap();
    assert_eq!(store.load("another").unwrap(), None);
}

#[test]
fn failed_write_leaves_the_previous_item() {
    let folder = TempDir::new().unwrap();
    key_file(&folder, "key");
    let store = with_key_file(&folder, "key");
    store.save("item", &secret()).unwrap();
    let mut draft = store.path("item").into_os_string();
    draft.push(".draft");
    // A folder in the draft's place fails the replacing, for root as well.
    fs::create_dir(&draft).unwrap();
    let new = SecretBytes::new(b"new".to_vec());
    assert_refused(store.save("item", &new), "replace the encrypted file");
    assert_eq!(store.load("item").unwrap(), Some(secret()));
}

#[test]
fn cost_that_a_file_demands_is_bounded_before_it_is_used() {
    let folder = TempDir::new().unwrap();
    let store = with_passphrase(&folder, "right");
    store.save("item", &secret()).unwrap();
    let whole = fs::read(only_file(&folder)).unwrap();
    let cost = r#""memory_kib":65536,"passes":3,"lanes":4"#;
    let at = whole
        .windows(cost.len())
        .position(|part| part == cost.as_bytes())
        .unwrap();
    let demands = |memory: u64, passes: u64, lanes: u64| {
        let cost_now = format!(r#""memory_kib":{memory},"passes":{passes},"lanes":{lanes}"#);
        let rest = &whole[at + cost.len()..];
        [&whole[..at], cost_now.as_bytes(), rest].concat()
    };
    let most = u64::from(u32::MAX);
    for (memory, passes, lanes) in [
        (65536, most, 4),
        (65536, 1_000_000, 4),
        (65536, 3, 16_777_215),
        (65536, 3, most),
        (65536, 3, 0),
        (65536, 0, 4),
        (most, 3, 4),
        (1024 * 1024, 3, 4),
        (0, 3, 4),
        (7, 3, 1),
        (65536, most + 1, 4),
    ] {
        let bytes = demands(memory, passes, lanes);
        fs::write(store.path("item"), &bytes).unwrap();
        let fresh = with_passphrase(&folder, "right");
        assert_refused(fresh.load("item"), "another version of acspass");
        assert_refused(fresh.save("item", &secret()), "another version of acspass");
        assert_eq!(
            fs::read(store.path("item")).unwrap(),
            bytes,
            "it is left alone"
        );
    }
    fs::write(store.path("item"), demands(65536, 3, 4)).unwrap();
    let fresh = with_passphrase(&folder, "right");
    assert_eq!(fresh.load("item").unwrap(), Some(secret()));
}

//! A writer that is killed at any instant leaves the old session or the new one, whole.
//!
//! Each test starts a real process that replaces one session over and over, kills it, and reads
//! what is there, 500 times. The instants are spread over the time that a few saves take; some
//! come before the process has reached its first.

use std::path::Path;
use std::time::{Duration, Instant};

use acspass::secret::SecretBytes;
use acspass::store::{Record, create_key_file};
use tempfile::TempDir;

use crate::harness::secret_service::SecretService;
use crate::harness::store_process::{Run, generation, key, number, sessions};

const KILLS: u64 = 500;

#[test]
fn over_sealed_files() {
    let folder = TempDir::new().expect("a folder");
    create_key_file(&folder.path().join("key")).expect("a key");
    kill_writers("file", folder.path(), &[], || {
        let fresh = sessions("file", folder.path().to_str().expect("a plain path"));
        fresh.load(&key()).expect("a store that can be read")
    });
    let left = names(&folder.path().join("sealed"));
    let sealed: Vec<_> = left.iter().filter(|name| name.contains("sealed")).collect();
    assert!(
        sealed.len() <= 2,
        "the file, and at most its draft: {left:?}"
    );
}

#[test]
fn over_a_keyring() {
    let service = SecretService::start();
    let folder = TempDir::new().expect("a folder");
    let item = key().item_name();
    kill_writers("keyring", folder.path(), &service.env(), || {
        // Another program's eyes, and a session of its own.
        let bytes = service.lookup(&item);
        let record = || Record::from_bytes(&SecretBytes::new(bytes.clone()));
        (!bytes.is_empty()).then(|| record().expect("a whole session"))
    });
    assert_eq!(service.lookup_items(), [item]);
}

fn kill_writers(
    store: &str,
    folder: &Path,
    env: &[(String, String)],
    read: impl Fn() -> Option<Record>,
) {
    let state = folder.to_str().expect("a plain path");
    let (mut last, mut behind) = (0, 0);
    for round in 0..KILLS {
        let mut writer = Run::start(env, &format!("renew {store} {state}"));
        let mut told = last;
        if round % 8 != 0 {
            let said = writer.next();
            told = said
                .parse()
                .unwrap_or_else(|_| panic!("no generation, although the lock was free: {said}"));
            assert!(told > last, "generation {told} follows {last}");
        }
        // Steps that share no factor with the time of a save, up to 10 ms.
        let instant = Instant::now() + Duration::from_micros(round * 317 % 10_007);
        while Instant::now() < instant {
            std::hint::spin_loop();
        }
        writer.kill();

        let stored = read().map_or(0, |record| generation(&record));
        assert!(
            stored >= told,
            "what was saved stays saved: {stored} after {told}"
        );
        let index = sessions(store, state).index().expect("a readable index");
        let listed = index
            .entry(&key())
            .map_or(0, |entry| number(entry.short_lifetime));
        // A save that was told has been listed; each kill may cost the listing of one save.
        behind = if told > last { 1 } else { behind + 1 };
        assert!(
            (stored - behind..=stored).contains(&listed),
            "{listed} listed, {stored} stored"
        );
        behind = stored - listed;
        last = stored;
    }
    assert!(last > 0, "nothing was ever written");
    let unreadable = names(folder);
    let unreadable = unreadable.iter().filter(|name| name.contains("unreadable"));
    assert_eq!(unreadable.count(), 0);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    };
    entries.map(name).collect()
}

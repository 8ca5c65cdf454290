//! Migrations: of two sessions the newer one stays, and a logout meanwhile is not undone.

use super::*;
use crate::files::Folder;
use crate::store::{Migration, UnfinishedMigration};

/// Items in memory under the name of another store.
struct Named(&'static str, Arc<MemoryStore>);

impl TokenStore for Named {
    fn name(&self) -> &'static str {
        self.0
    }
    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        self.1.load(item)
    }
    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        self.1.save(item, value)
    }
    fn delete(&self, item: &str) -> Result<bool> {
        self.1.delete(item)
    }
    fn items(&self) -> Result<Vec<String>> {
        self.1.items()
    }
    fn is_persistent(&self) -> bool {
        true
    }
    fn removal_by_hand(&self, item: &str) -> String {
        self.1.removal_by_hand(item)
    }
}

fn stores(folder: &Path) -> [SessionStore; 2] {
    ["old", "new"].map(|name| {
        let store = Named(name, Arc::new(MemoryStore::new()));
        SessionStore::new(Box::new(store), Some(folder.to_owned()))
    })
}

fn refreshed(record: &Record, seconds: i64) -> Record {
    let mut record = record.clone();
    let token = RefreshToken::new(format!("{MARKER}-refreshed-{seconds}"));
    record.keep_refresh_token(token, Timestamp::from_unix_seconds(seconds));
    record
}

#[test]
fn newer_refresh_token_stays_before_and_after_the_switch() {
    let place = TempDir::new().unwrap();
    let folder = Folder::new(place.path());
    let [old, new] = stores(place.path());
    let first = refreshed(&record("ada"), 100);
    save(&old, &first);
    let migration = Migration::begin(&old, &new, &folder).unwrap();
    let entry = migration.sessions().unwrap().remove(0);
    let key = entry.key();
    let copy = |is_switched| {
        let guard = lock(&old, &first);
        assert!(migration.copy_session(&entry, &guard, is_switched).unwrap());
    };
    let copied = || new.load(&key).unwrap().unwrap();
    copy(false);
    assert_eq!(copied(), first);
    assert_eq!(
        old.load(&key).unwrap().as_ref(),
        Some(&first),
        "both have it"
    );

    // A process that still uses the old store refreshes within the same second.
    let second = refreshed(&first, 100);
    save(&old, &second);
    copy(true);
    assert_eq!(copied(), second);
    // Processes with the new store refresh too.
    let third = refreshed(&second, 101);
    save(&new, &third);
    for is_switched in [false, true] {
        copy(is_switched);
        assert_eq!(copied(), third);
    }
    assert!(migration.move_session(&entry, &lock(&old, &first)).unwrap());
    assert_eq!(old.load(&key).unwrap(), None);
    assert_eq!(old.index().unwrap().entries().count(), 0);
    assert_eq!(copied(), third);
    assert!(new.index().unwrap().entry(&key).unwrap().active);
    migration.end().unwrap();
    assert_eq!(UnfinishedMigration::read(&folder).unwrap(), None);
}

#[test]
fn logout_before_the_copy_is_listed_is_not_undone() {
    let place = TempDir::new().unwrap();
    let folder = Folder::new(place.path());
    let [old, new] = stores(place.path());
    let ada = record("ada");
    save(&old, &ada);
    let migration = Migration::begin(&old, &new, &folder).unwrap();
    let entry = migration.sessions().unwrap().remove(0);
    let guard = lock(&old, &ada);
    // As by a logout that has removed the entry, and not yet the item.
    old.unlist(&entry.key()).unwrap();
    assert!(!migration.copy_session(&entry, &guard, false).unwrap());
    assert_eq!(new.load(&entry.key()).unwrap(), None);
    assert_eq!(new.index().unwrap().entries().count(), 0);
}

/// The model in tests/model found both orders.
#[test]
fn logout_during_a_migration_leaves_no_copy_listed_in_either_store() {
    for uses_new in [false, true] {
        let place = TempDir::new().unwrap();
        let folder = Folder::new(place.path());
        let [old, new] = stores(place.path());
        let ada = record("ada");
        save(&old, &ada);
        let migration = Migration::begin(&old, &new, &folder).unwrap();
        let entry = migration.sessions().unwrap().remove(0);
        let guard = lock(&old, &ada);
        assert!(migration.copy_session(&entry, &guard, false).unwrap());
        let configured = if uses_new { &new } else { &old };
        let removal = configured.forget(&entry.key()).unwrap();
        let other = if uses_new { "old" } else { "new" };
        assert!(removal.removed && removal.was_listed);
        assert_eq!(removal.copy_in.as_deref(), Some(other));
        // The migration goes on before the logout removes the other item.
        migration.move_session(&entry, &guard).unwrap();
        migration.end().unwrap();
        for store in [&old, &new] {
            assert_eq!(store.index().unwrap().entries().count(), 0, "{uses_new}");
        }
        assert_eq!(configured.load(&entry.key()).unwrap(), None);
    }
}

#[test]
fn active_account_stays_and_no_other_becomes_active() {
    for active in [Some("ben"), None] {
        let place = TempDir::new().unwrap();
        let folder = Folder::new(place.path());
        let [old, new] = stores(place.path());
        for user in ["ada", "ben", "zoe"] {
            save(&old, &record(user));
        }
        match active {
            Some(user) => old.activate(&record(user).key()).unwrap(),
            None => drop(old.forget(&record("ada").key()).unwrap()),
        }
        let migration = Migration::begin(&old, &new, &folder).unwrap();
        for entry in migration.sessions().unwrap() {
            let guard = lock(
                &old,
                &record(entry.account.username.split('@').next().unwrap()),
            );
            migration.copy_session(&entry, &guard, false).unwrap();
            migration.move_session(&entry, &guard).unwrap();
        }
        let index = new.index().unwrap();
        let found = index.active(&application()).map(IndexEntry::key);
        assert_eq!(found, active.map(|user| record(user).key()));
    }
}

#[test]
fn interruption_before_the_last_step_is_not_a_lost_session() {
    let place = TempDir::new().unwrap();
    let folder = Folder::new(place.path());
    let [old, new] = stores(place.path());
    let ada = record("ada");
    save(&old, &ada);
    let migration = Migration::begin(&old, &new, &folder).unwrap();
    let entry = migration.sessions().unwrap().remove(0);
    let guard = lock(&old, &ada);
    migration.copy_session(&entry, &guard, false).unwrap();
    old.remove(&entry.key().item_name()).unwrap();
    assert!(migration.copy_session(&entry, &guard, false).unwrap());
    assert_eq!(migration.sessions().unwrap(), []);
    assert_eq!(new.load(&entry.key()).unwrap(), Some(ada));
}

#[test]
fn other_migration_waits_for_the_end_of_the_unfinished_one() {
    let place = TempDir::new().unwrap();
    let folder = Folder::new(place.path());
    let [old, new] = stores(place.path());
    drop(Migration::begin(&old, &new, &folder).unwrap());
    let unfinished = UnfinishedMigration::read(&folder).unwrap().unwrap();
    assert_eq!(unfinished.counterpart("new"), Some("old"));
    assert_eq!(unfinished.counterpart("third"), None);
    let error = Migration::begin(&new, &old, &folder).err().unwrap();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(
        error.hint().contains("acspass store migrate new"),
        "{}",
        error.hint()
    );
    Migration::begin(&old, &new, &folder)
        .unwrap()
        .end()
        .unwrap();
    drop(Migration::begin(&new, &old, &folder).unwrap());
}

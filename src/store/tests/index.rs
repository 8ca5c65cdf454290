//! What the index says, and what it survives.

use std::thread;

use super::*;

#[test]
fn index_lists_a_session_without_its_secrets() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    let ada = record("ada");
    save(&sessions, &ada);
    let index = sessions.index().unwrap();
    let entry = index.active(&application()).unwrap();
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
    assert_eq!(entry.short_lifetime, ada.short_lifetime);
    assert_eq!(entry.time_sample, ada.time_sample);
    assert!(entry.time_sample.is_some());

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
        seen, 7,
        "acspass, index.json, index.lock, locks, one lock, its holder and the gate"
    );
}

#[test]
fn the_first_account_is_active_until_another_is_activated() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    let (ada, bob) = (record("ada"), record("bob"));
    save(&sessions, &ada);
    save(&sessions, &bob);
    save(&sessions, &ada);
    let active = || {
        sessions
            .index()
            .unwrap()
            .active(&application())
            .map(IndexEntry::key)
    };
    assert_eq!(active(), Some(ada.key()));
    sessions.activate(&bob.key()).unwrap();
    assert_eq!(active(), Some(bob.key()));
    sessions.forget(&bob.key()).unwrap();
    assert_eq!(active(), None, "no other account becomes active");
    let unknown = sessions.activate(&bob.key()).unwrap_err();
    assert_eq!(unknown.kind(), Kind::SignInNeeded);
    assert_eq!(active(), None);
}

#[test]
fn user_is_found_by_name_id_or_prefix_in_that_application_only() {
    let sessions = SessionStore::new(Box::new(MemoryStore::new()), None);
    save(&sessions, &record("ada"));
    save(&sessions, &record("bob"));
    save(&sessions, &record("bobby"));
    let index = sessions.index().unwrap();
    let found = |user: &str| {
        let called = index.best_name_matches(&application(), user);
        let names = called.into_iter().map(|e| e.account.username.as_str());
        names.collect::<Vec<_>>()
    };
    assert_eq!(found("BOB@contoso.EXAMPLE"), ["bob@Contoso.example"]);
    assert_eq!(found("ada-uid.utid"), ["ada@Contoso.example"]);
    assert_eq!(found("a"), ["ada@Contoso.example"]);
    let both = ["bob@Contoso.example", "bobby@Contoso.example"];
    assert_eq!(found("bob"), both);
    assert!(found("eve@contoso.example").is_empty());
    assert!(found("").is_empty());
    let mut elsewhere = application();
    elsewhere.tenant = "contoso.example".to_owned();
    assert!(
        index
            .best_name_matches(&elsewhere, "ada-uid.utid")
            .is_empty()
    );
    assert_eq!(index.of_application(&application()).count(), 3);
    assert_eq!(index.of_application(&elsewhere).count(), 0);
}

#[test]
fn username_of_two_tenants_finds_both_accounts() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    let mut second = record("ada");
    second.account.home_account_id = "other-uid.other-utid".to_owned();
    second.account.tenant_id = "other-utid".to_owned();
    second.account.username = "ADA@contoso.example".to_owned();
    for record in [&record("ada"), &record("bob"), &second] {
        save(&sessions, record);
    }
    let ids = |name: &str| {
        let called = sessions.find_by_name(&application(), name).unwrap();
        let ids = called.into_iter().map(|e| e.account.home_account_id);
        ids.collect::<Vec<_>>()
    };
    let both = ["ada-uid.utid", "other-uid.other-utid"];
    assert_eq!(ids("ada@contoso.example"), both);
    assert_eq!(ids("ad"), both);
    assert_eq!(ids("other-uid.other-utid"), both[1..]);
}

#[test]
fn sessions_in_another_store_are_not_listed() {
    let folder = TempDir::new().unwrap();
    save(&in_folder(folder.path()), &record("ada"));
    let sessions = SessionStore::new(
        Box::new(KeyringStore::new()),
        Some(folder.path().to_owned()),
    );
    let index = sessions.index().unwrap();
    assert!(index.active(&application()).is_none());
    assert_eq!(index.entries().count(), 0);
    assert_eq!(index.elsewhere().count(), 1);
}

#[test]
fn concurrent_saves_of_different_sessions_lose_none() {
    let folder = TempDir::new().unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let folder = folder.path();
            scope.spawn(move || {
                // A vault each, as processes have: only the files are shared.
                let sessions = in_folder(folder);
                for round in 0..5 {
                    save(&sessions, &record(&format!("user-{thread}-{round}")));
                    assert!(sessions.index().unwrap().entries().count() > round);
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
fn temporary_file_of_a_killed_process_is_replaced() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    save(&sessions, &record("ada"));
    fs::write(folder.path().join("index.json.draft"), vec![b'x'; 100_000]).unwrap();
    assert_eq!(sessions.index().unwrap().entries().count(), 1);
    save(&sessions, &record("bob"));
    assert_eq!(sessions.index().unwrap().entries().count(), 2);
}

#[test]
fn unreadable_index_is_quarantined_and_not_lost() {
    let version = r#"{"version":2,"active":[],"others":[]}"#;
    for damaged in ["{\"version\":1,\"sess", "\0\0\0\0", version, "[]"] {
        for save_first in [false, true] {
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("index.json");
            fs::write(&path, damaged).unwrap();
            let sessions = in_folder(folder.path());
            if save_first {
                save(&sessions, &record("ada"));
            }
            let active = sessions.active(&application()).unwrap();
            assert_eq!(active.is_some(), save_first);
            let listed = sessions.index().unwrap().entries().count();
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
fn two_indexes_quarantined_in_one_second_both_stay() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    for content in ["one", "two", "three"] {
        fs::write(folder.path().join("index.json"), content).unwrap();
        sessions.index().unwrap();
    }
    let kept = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("index.json.unreadable-")
    });
    assert_eq!(kept.count(), 3);
}

#[test]
fn search_finds_the_same_sessions_as_reading_all() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    let mut other = record("ada");
    other.application.client_id = "another".to_owned();
    save(&sessions, &other);
    let key_file = folder.path().join("key");
    create_key_file(&key_file).unwrap();
    let elsewhere = SessionStore::new(
        Box::new(FileStore::with_key_file(folder.path(), key_file)),
        Some(folder.path().to_owned()),
    );
    save(&elsewhere, &record("ada"));
    for user in ["ada", "bob", "çelik", "d\"e\\e", "adam"] {
        save(&sessions, &record(user));
    }
    let index = sessions.index().unwrap();
    let all: Vec<_> = index.of_application(&application()).collect();
    for most in 0..=all.len() + 1 {
        let page = sessions.list(&application(), most).unwrap();
        assert!(page.entries.iter().eq(all.iter().copied().take(most)));
        assert_eq!(page.entries.len() + page.remaining, all.len());
    }
    let active = sessions.active(&application()).unwrap();
    assert_eq!(active.as_ref(), index.active(&application()));
    for name in ["ad", "ada", "ADA-", "Ç", "d\""] {
        let found = sessions.find_by_name(&application(), name).unwrap();
        assert!(
            found
                .iter()
                .eq(index.best_name_matches(&application(), name)),
            "{name}"
        );
        assert!(!found.is_empty(), "{name}");
    }
    for user in ["ada", "bob", "çelik", "d\"e\\e", "adam", "eve", "ad"] {
        let names = [
            format!("{user}@contoso.example"),
            format!("{user}@CONTOSO.example").to_uppercase(),
            format!("{user}-uid.utid"),
        ];
        for name in &names {
            let found = sessions.find_by_name(&application(), name).unwrap();
            let by_reading_all = index.best_name_matches(&application(), name);
            assert!(found.iter().eq(by_reading_all), "{name}");
            let is_known = user != "eve" && user != "ad";
            assert_eq!(found.len(), usize::from(is_known), "{name}");
        }
    }
}

#[test]
fn index_in_another_json_form_is_read() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    save(&sessions, &record("ada"));
    save(&sessions, &record("bob"));
    let path = folder.path().join("index.json");
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let index = sessions.index().unwrap();
    for text in [
        serde_json::to_string_pretty(&written).unwrap(),
        serde_json::to_string(&written).unwrap(),
    ] {
        fs::write(&path, text).unwrap();
        let page = sessions.list(&application(), 1).unwrap();
        assert!(page.entries[0].active);
        assert_eq!(page.remaining, 1);
        let found = sessions
            .find_by_name(&application(), "bob@contoso.example")
            .unwrap();
        assert_eq!(found.first(), index.entry(&record("bob").key()));
    }
}

#[test]
fn damaged_line_among_many_is_detected() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    for user in 0..100 {
        save(&sessions, &record(&format!("user-{user}")));
    }
    sessions.activate(&record("user-99").key()).unwrap();
    let path = folder.path().join("index.json");
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.len() > 2 * 32 * 1024, "more than is read at once");
    let damaged = written.replace(r#"user-50-oid"},"#, r#"user-50-oid"},,"#);
    fs::write(&path, &damaged).unwrap();

    // The active one is the first, and no further line is read for it.
    let active = sessions.active(&application()).unwrap();
    assert_eq!(
        active.map(|entry| entry.key()),
        Some(record("user-99").key())
    );
    assert_eq!(quarantined(folder.path()).len(), 0);

    let page = sessions.list(&application(), 3).unwrap();
    let shown: Vec<_> = page.entries.iter().map(IndexEntry::key).collect();
    let expected = ["user-99", "user-0", "user-1"].map(|user| record(user).key());
    assert_eq!(shown, expected);
    assert_eq!(page.remaining, 96, "a damaged line costs its own account");
    assert!(page.is_incomplete);
    assert_eq!(quarantined(folder.path()).len(), 1);

    fs::write(&path, &damaged).unwrap();
    let last = sessions
        .find_by_name(&application(), "user-98@Contoso.example")
        .unwrap();
    let last: Vec<_> = last.iter().map(IndexEntry::key).collect();
    assert_eq!(last, [record("user-98").key()]);
    assert_eq!(quarantined(folder.path()).len(), 2);
}

#[test]
fn the_active_one_is_the_first_without_a_file_too() {
    let sessions = SessionStore::new(Box::new(MemoryStore::new()), None);
    let users = ["ada", "bob", "cleo"].map(record);
    for user in &users {
        save(&sessions, user);
    }
    sessions.activate(&users[2].key()).unwrap();
    let page = sessions.list(&application(), 2).unwrap();
    let shown: Vec<_> = page.entries.iter().map(IndexEntry::key).collect();
    assert_eq!(shown, [users[2].key(), users[0].key()]);
    assert_eq!(page.remaining, 1);
}

//! What a damaged index costs, and what the store gives back.

use super::*;

const START_OF_ACTIVE: &str = "{\"version\":1,\"active\":[";
const START_OF_OTHERS: &str = "],\"others\":[";

/// Ada is active; Bob and Cleo are not.
fn three(folder: &Path) -> (Arc<MemoryStore>, SessionStore) {
    let store = Arc::new(MemoryStore::new());
    let sessions = over(&store, folder);
    for user in ["ada", "bob", "cleo"] {
        save(&sessions, &record(user));
    }
    (store, sessions)
}

/// The accounts as they are listed, the active one with a star.
fn accounts(sessions: &SessionStore) -> String {
    let page = sessions.list(&application(), 100).unwrap();
    let index = sessions.index().unwrap();
    let active = index.active(&application());
    let mut names: Vec<String> = page
        .entries
        .iter()
        .map(|entry| {
            assert_eq!(entry.active, Some(entry) == active);
            let name = entry.account.username.split('@').next().unwrap();
            format!("{name}{}", if entry.active { "*" } else { "" })
        })
        .collect();
    names.sort();
    names.join(" ")
}

fn line_of<'t>(text: &'t str, user: &str) -> &'t str {
    let name = format!("{user}@Contoso");
    text.lines().find(|line| line.contains(&name)).unwrap()
}

/// A damage, what is still listed after it, and what is listed after a look into the store.
type Case = (
    &'static str,
    fn(&str) -> Vec<u8>,
    &'static str,
    &'static str,
);

const ALL: &str = "ada* bob cleo";

const CASES: [Case; 21] = [
    (
        "a damaged line of an account that is not active",
        |text| text.replace("bob-oid\"}", "bob-oid\"]").into(),
        "ada* cleo",
        ALL,
    ),
    (
        "the active account's line",
        |text| text.replace("ada-oid\"}", "ada-oid\"]").into(),
        "bob cleo",
        ALL,
    ),
    (
        "a line that begins as none of ours",
        |text| {
            let line = line_of(text, "bob");
            text.replace(line, &line.replace("{\"tenancy\":", "x\"tenancy\":"))
                .into()
        },
        "ada* cleo",
        ALL,
    ),
    (
        "the active account's line begins as none of ours",
        |text| {
            let line = line_of(text, "ada");
            text.replace(line, &line.replace("{\"tenancy\":", "\0\0tenancy\":"))
                .into()
        },
        "bob cleo",
        ALL,
    ),
    (
        "bytes that are no text",
        |text| {
            let line = line_of(text, "cleo");
            let at = text.find(line).unwrap() + 200;
            let mut bytes = text.as_bytes().to_vec();
            bytes[at..at + 4].copy_from_slice(b"\xff\x00\xfe\x01");
            bytes
        },
        "ada* bob",
        ALL,
    ),
    (
        "cut in the last line",
        |text| text[..text.find("cleo-oid").unwrap()].into(),
        "ada* bob",
        ALL,
    ),
    (
        "cut after a whole line",
        |text| text[..text.find(line_of(text, "bob")).unwrap()].into(),
        "ada*",
        ALL,
    ),
    (
        "cut in the first line",
        |text| text[..text.find("ada-oid").unwrap()].into(),
        "",
        "ada bob cleo",
    ),
    ("empty", |_| Vec::new(), "", "ada bob cleo"),
    ("zeros", |text| vec![0; text.len()], "", "ada bob cleo"),
    (
        "another file",
        |_| b"\x7fELF\x02\x01\x01".to_vec(),
        "",
        "ada bob cleo",
    ),
    (
        "JSON of another kind",
        |_| b"[1,2,3]\n".to_vec(),
        "",
        "ada bob cleo",
    ),
    (
        "an unknown version",
        |text| text.replace("\"version\":1", "\"version\":2").into(),
        ALL,
        ALL,
    ),
    (
        "no first line",
        |text| text.replacen(START_OF_ACTIVE, "", 1).into(),
        ALL,
        ALL,
    ),
    (
        "no line between the lists",
        |text| text.replacen(START_OF_OTHERS, "garbage", 1).into(),
        ALL,
        ALL,
    ),
    (
        "no last line",
        |text| text.replacen("]}\n", "", 1).into(),
        ALL,
        ALL,
    ),
    (
        "more after the end",
        |text| format!("{text}]}}\n").into(),
        ALL,
        ALL,
    ),
    (
        "two lines in one",
        |text| {
            let line = line_of(text, "bob");
            let whole = line.trim_end_matches(',');
            text.replace(&format!("{line}\n"), whole).into()
        },
        ALL,
        ALL,
    ),
    (
        "lines end as on Windows, and one is damaged",
        |text| {
            let text = text.replace("bob-oid\"}", "bob-oid\"]");
            text.replace('\n', "\r\n").into()
        },
        "ada* cleo",
        ALL,
    ),
    (
        "a line longer than any",
        |text| {
            let line = format!("{{\"tenancy\":{{{}", "x".repeat(3 * 1024 * 1024));
            text.replacen(START_OF_OTHERS, &format!("{line}\n{START_OF_OTHERS}"), 1)
                .into()
        },
        ALL,
        ALL,
    ),
    (
        "an entry in another shape, in JSON of another form",
        |text| {
            let mut json: serde_json::Value = serde_json::from_str(text).unwrap();
            json["others"][0]["can_renew"] = "perhaps".into();
            serde_json::to_vec_pretty(&json).unwrap()
        },
        "ada* cleo",
        ALL,
    ),
];

#[test]
fn damage_loses_only_damaged_lines_and_the_store_restores_them() {
    for (name, damage, left, restored) in CASES {
        let folder = TempDir::new().unwrap();
        let (_store, sessions) = three(folder.path());
        let path = folder.path().join("index.json");
        let damaged = damage(&fs::read_to_string(&path).unwrap());
        fs::write(&path, &damaged).unwrap();

        // What a command sees that never opens the store.
        sessions.index().unwrap();
        assert_eq!(accounts(&sessions), left, "{name}");
        assert!(
            sessions.list(&application(), 1).unwrap().is_incomplete,
            "{name}"
        );
        let kept = quarantined(folder.path());
        assert_eq!(kept.len(), 1, "{name}: {kept:?}");
        assert_eq!(fs::read(&kept[0]).unwrap(), damaged, "{name}");

        sessions.restore(&application()).unwrap();
        assert_eq!(accounts(&sessions), restored, "{name}");
        assert!(
            !sessions.list(&application(), 1).unwrap().is_incomplete,
            "{name}"
        );
        assert_eq!(sessions.restore(&application()).unwrap(), 0, "{name}");
        assert_eq!(quarantined(folder.path()).len(), 1, "{name}");
    }
}

#[test]
fn a_save_over_a_damaged_index_loses_none_of_the_others() {
    for (name, damage, ..) in CASES {
        let folder = TempDir::new().unwrap();
        let (_store, sessions) = three(folder.path());
        let path = folder.path().join("index.json");
        let damaged = damage(&fs::read_to_string(&path).unwrap());
        fs::write(&path, damaged).unwrap();
        save(&sessions, &record("dora"));
        sessions.restore(&application()).unwrap();
        let all = accounts(&sessions).replace('*', "");
        assert_eq!(all, "ada bob cleo dora", "{name}");
        assert_eq!(quarantined(folder.path()).len(), 1, "{name}");
    }
}

#[test]
fn a_session_that_is_listed_twice_is_listed_once_and_nothing_is_looked_up() {
    let folder = TempDir::new().unwrap();
    let (_store, sessions) = three(folder.path());
    let path = folder.path().join("index.json");
    let text = fs::read_to_string(&path).unwrap();
    for user in ["ada", "bob"] {
        let line = line_of(&text, user).trim_end_matches(',');
        fs::write(
            &path,
            text.replacen(START_OF_OTHERS, &format!(",{line}\n{START_OF_OTHERS}"), 1),
        )
        .unwrap();
        sessions.index().unwrap();
        let expected = match user {
            "ada" => ALL,
            // The first of two lines counts, and it says that Bob is active as well.
            _ => ALL,
        };
        assert_eq!(accounts(&sessions), expected);
        assert!(!sessions.list(&application(), 1).unwrap().is_incomplete);
    }
}

#[test]
fn removed_sessions_are_not_restored_and_unreadable_ones_not_listed() {
    let folder = TempDir::new().unwrap();
    let (store, sessions) = three(folder.path());
    sessions.forget(&record("bob").key()).unwrap();
    let damaged = SecretBytes::new(b"x".to_vec());
    store
        .save(&record("cleo").key().item_name(), &damaged)
        .unwrap();
    fs::write(folder.path().join("index.json"), "").unwrap();
    assert_eq!(sessions.restore(&application()).unwrap(), 1);
    assert_eq!(accounts(&sessions), "ada*");
    let item = record("cleo").key().item_name();
    assert_eq!(store.load(&item).unwrap(), Some(damaged));
}

#[test]
fn restore_runs_once_per_tenancy_and_store_and_only_after_damage() {
    let folder = TempDir::new().unwrap();
    let (store, sessions) = three(folder.path());
    // In the store alone, and the index is whole: the store is not asked.
    store
        .save(
            &record("eve").key().item_name(),
            &record("eve").to_bytes().unwrap(),
        )
        .unwrap();
    assert_eq!(sessions.restore(&application()).unwrap(), 0);
    let mut elsewhere = record("ada");
    elsewhere.application.client_id = "another".to_owned();
    save(&sessions, &elsewhere);
    fs::write(folder.path().join("index.json"), "x").unwrap();
    assert_eq!(sessions.restore(&application()).unwrap(), 4);
    assert_eq!(sessions.index().unwrap().entries().count(), 4);
    assert_eq!(sessions.restore(&elsewhere.application).unwrap(), 1);
    assert!(sessions.active(&elsewhere.application).unwrap().is_some());
    let failing = SessionStore::new(Box::new(FailingStore), Some(folder.path().to_owned()));
    assert_eq!(
        failing.restore(&application()).unwrap(),
        0,
        "both have been asked"
    );
}

#[test]
fn failed_restore_is_retried_later() {
    let folder = TempDir::new().unwrap();
    let (_store, sessions) = three(folder.path());
    fs::write(folder.path().join("index.json"), "x").unwrap();
    let failing = SessionStore::new(Box::new(FailingStore), Some(folder.path().to_owned()));
    assert_eq!(
        failing.restore(&application()).unwrap_err().kind(),
        Kind::Store
    );
    assert!(!failing.restore_or_warn(&application()));
    assert_eq!(sessions.restore(&application()).unwrap(), 3);
}

#[test]
fn reconciling_removes_what_the_store_lacks_and_only_that() {
    let folder = TempDir::new().unwrap();
    let (store, sessions) = three(folder.path());
    assert_eq!(
        sessions.reconcile(&application()).unwrap(),
        Reconciled::default()
    );
    store.delete(&record("bob").key().item_name()).unwrap();
    let damaged = SecretBytes::new(b"x".to_vec());
    store
        .save(&record("ada").key().item_name(), &damaged)
        .unwrap();
    let found = Reconciled {
        restored: 0,
        lost: 2,
    };
    assert_eq!(sessions.reconcile(&application()).unwrap(), found);
    assert_eq!(accounts(&sessions), "cleo");
    let failing = SessionStore::new(Box::new(FailingStore), Some(folder.path().to_owned()));
    assert!(failing.reconcile(&application()).is_err());
    assert_eq!(accounts(&sessions), "cleo");
}

//! Many accounts: `status` shows a person the active one and a few more, and hides none from a
//! script.

use std::sync::Arc;

use acspass::account::{Account, EntraApplication};
use acspass::emulator::Emulator;
use acspass::store::{
    Activity, FileStore, LockAttempt, LockTarget, Record, SessionStore, create_key_file,
};

use crate::harness::{Home, TestBrowser};

/// A home whose sessions lie in sealed files, with the first user signed in.
pub(crate) fn signed_in() -> (Home, SessionStore, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    let key_file = home.path().join("key");
    create_key_file(&key_file).unwrap();
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", key_file.to_str().unwrap());
    let login = home.call(&["login"]).by(&TestBrowser::walking()).run();
    login.assert_code(0);
    let state = home.path().join("state");
    let store = FileStore::with_key_file(&state, key_file);
    let sessions = SessionStore::new(Box::new(store), Some(state));
    (home, sessions, emulator)
}

/// Keeps further sessions of the same application, up to so many in all.
fn fill(sessions: &SessionStore, count: usize) {
    let index = sessions.index().unwrap();
    let application = &index.entries().next().unwrap().application;
    for number in index.entries().count()..count {
        let username = format!("user-{number}@contoso.example");
        keep(
            sessions,
            application,
            &username,
            &number.to_string(),
            "tenant",
        );
    }
}

/// Keeps a session without tokens for this user of this tenant.
pub(crate) fn keep(
    sessions: &SessionStore,
    application: &EntraApplication,
    username: &str,
    user: &str,
    tenant: &str,
) {
    let account = Account {
        home_account_id: format!("{user}.{tenant}"),
        username: username.to_owned(),
        tenant_id: tenant.to_owned(),
        object_id: user.to_owned(),
    };
    let record = Record::new(application.clone(), account);
    let name = LockTarget::Session(record.key());
    let LockAttempt::Acquired(guard) = sessions.try_lock(&name, Activity::SigningIn).unwrap()
    else {
        panic!("the lock is held");
    };
    sessions.save(&record, &guard).unwrap();
}

/// The accounts in a text, with their marks.
fn accounts(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            line.split_once(" (tenant ")
                .map(|(name, _)| name.to_owned())
        })
        .collect()
}

#[test]
fn status_shows_up_to_ten_accounts_and_counts_the_rest() {
    let (home, sessions, _emulator) = signed_in();
    let status = home.run(&["status"]).assert_code(0).stdout.clone();
    assert_eq!(accounts(&status), ["* ada@contoso.example"]);
    assert!(!status.contains(" more account"), "{status}");

    fill(&sessions, 10);
    let status = home.run(&["status"]).assert_code(0).stdout.clone();
    assert_eq!(accounts(&status).len(), 10);
    assert!(!status.contains(" more account"), "{status}");

    fill(&sessions, 12);
    let last = "user-11@contoso.example";
    home.run(&["account", "switch", last]).assert_code(0);
    // It holds no token and cannot be renewed.
    let status = home.run(&["status"]).assert_code(4).stdout.clone();
    let shown = accounts(&status);
    assert_eq!(shown.len(), 10);
    assert_eq!(
        shown[..3],
        [
            "* user-11@contoso.example",
            "  ada@contoso.example",
            "  user-1@contoso.example"
        ]
    );
    let end = status.lines().last();
    assert_eq!(
        end,
        Some("2 more accounts are signed in. Run `acspass account list` to see them.")
    );
}

#[test]
fn account_list_and_json_have_every_account() {
    let (home, sessions, _emulator) = signed_in();
    fill(&sessions, 12);
    let list = home.run(&["account", "list"]).assert_code(0).stdout.clone();
    assert_eq!(accounts(&list).len(), 12);
    assert!(!list.contains(" more account"), "{list}");
    for command in [&["status"][..], &["account", "list"]] {
        let json = home.run(&[command, &["-o", "json"]].concat()).json();
        let accounts = json["accounts"].as_array().unwrap();
        assert_eq!(accounts.len(), 12);
        assert_eq!(accounts[0]["username"], "ada@contoso.example");
        assert_eq!(accounts[0]["active"], true);
        assert_eq!(accounts[11]["username"], "user-11@contoso.example");
    }
}

//! `store migrate`: all sessions and connection strings, and the setting.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use acspass::emulator::{Emulator, FaultSelection};
use acspass::store::create_key_file;

use crate::harness::secret_service::SecretService;
use crate::harness::{Home, TestBrowser};

const BEN: &str = "ben@contoso.example";

/// A home with a keyring and a key file, in which the profile names the store: sealed files. Two users
/// are signed in, and the connection string is in the store.
fn home() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    home.use_keyring(SecretService::start());
    for variable in ["ACSPASS_CONFIG_DIR", "ACSPASS_STATE_DIR"] {
        let folder = home.path().join("acspass");
        home.set(variable, folder.to_str().unwrap());
    }
    let key = home.path().join("store.key");
    create_key_file(&key).unwrap();
    home.set("ACSPASS_STORE_KEY_FILE", key.to_str().unwrap());
    home.real(&["config", "set", "store", "file"])
        .assert_code(0);
    home.login_as(&TestBrowser::of(BEN));
    home.login();
    home.real(&["--profile", "other", "config", "set", "store", "file"])
        .assert_code(0);
    home.real(&["--profile", "third", "config", "set", "store", "keyutils"])
        .assert_code(0);
    (home, emulator)
}

fn set_connection_string(home: &mut Home, emulator: &Emulator) {
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    let set = "printf %s \"$TEXT\" | exec \"$0\" config set connection-string";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", set, env!("CARGO_BIN_EXE_acspass")]);
    shell
        .env_clear()
        .envs(&home.variables)
        .env("TEXT", emulator.http_connection_string());
    assert!(shell.output().expect("a shell").status.success());
}

fn sealed_files(home: &Home) -> usize {
    let files = std::fs::read_dir(home.path().join("acspass/sealed")).unwrap();
    let mut names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .by_ref()
        .filter(|name| name.ends_with(".sealed"))
        .count()
}

fn store_of(home: &Home, profile: &str) -> String {
    let run = home.real(&["--profile", profile, "config", "get", "store"]);
    run.stdout.trim().to_owned()
}

#[test]
fn sessions_and_connection_string_move_and_the_setting_follows() {
    let (mut home, emulator) = home();
    set_connection_string(&mut home, &emulator);
    let before = home.real(&["status", "-o", "json"]).json();
    assert_eq!(sealed_files(&home), 3);

    let run = home.real(&["store", "migrate", "keyring", "-o", "json"]);
    run.assert_code(0).assert_says(&[
        "Copied the session of ben@contoso.example.",
        "Moved 2 sessions and 1 connection string from encrypted files to the keyring.",
        "Set store to keyring in the profiles default, other.",
        "Restart a running `acspass serve`",
    ]);
    let json = run.json();
    assert_eq!(
        (&json["from"], &json["to"]),
        (&"file".into(), &"keyring".into())
    );
    assert_eq!(json["accounts"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["connectionStrings"], 1);
    assert_eq!(json["profiles"], serde_json::json!(["default", "other"]));
    assert_eq!(sealed_files(&home), 0);
    assert_eq!(home.keyring().lookup_items().len(), 3);
    assert_eq!(
        ["default", "other", "third"].map(|name| store_of(&home, name)),
        ["keyring", "keyring", "keyutils"]
    );

    // The same accounts, the same active one, and no sign-in.
    let after = home.real(&["status", "-o", "json"]).json();
    assert_eq!(after["store"], "keyring");
    assert_eq!(after["accounts"], before["accounts"]);
    home.real(&["get", "--no-interactive"]).token();
    home.real(&["get", "--no-interactive", "--account", BEN])
        .token();
    assert!(!home.path().join("acspass/migration.json").exists());
    let again = home.real(&["store", "migrate", "keyring"]);
    again
        .assert_code(0)
        .assert_says(&["The store `keyring` is the configured one already."]);
    home.real(&["store", "migrate", "file"]).assert_code(0);
    assert!(home.keyring().lookup_items().is_empty());
    home.real(&["get", "--no-interactive"]).token();
}

#[test]
fn variable_that_selects_the_store_is_named_and_no_file_changes() {
    let (mut home, _emulator) = home();
    home.set("ACSPASS_STORE", "file");
    let run = home.real(&["store", "migrate", "keyring"]);
    run.assert_code(0)
        .assert_says(&["Run `export ACSPASS_STORE=keyring` to use the new store."]);
    run.assert_does_not_say("Set store to");
    home.real(&["get", "--no-interactive"]).assert_error(
        4,
        &[
            "no account is signed in",
            "The store keyring has sessions",
            "`export ACSPASS_STORE=keyring`",
        ],
    );
    home.set("ACSPASS_STORE", "keyring");
    home.real(&["get", "--no-interactive"]).token();
    home.unset("ACSPASS_STORE");
    assert_eq!(store_of(&home, "default"), "file");
}

#[test]
fn destination_that_cannot_keep_sessions_is_refused_before_any_change() {
    let (mut home, _emulator) = home();
    let before = home.real(&["status", "-o", "json"]).json();
    for (to, code, message) in [
        ("memory", 2, "the store `memory` loses all sessions"),
        ("vault", 2, "unknown store `vault`"),
    ] {
        home.real(&["store", "migrate", to])
            .assert_error(code, &[message]);
    }
    home.set("DBUS_SESSION_BUS_ADDRESS", "disabled:");
    home.real(&["store", "migrate", "keyring"])
        .assert_error(7, &["no D-Bus session bus"]);
    assert_eq!(home.real(&["status", "-o", "json"]).json(), before);
    assert_eq!(sealed_files(&home), 2);
    home.set("ACSPASS_STORE", "memory");
    let run = home.real(&["store", "migrate", "file"]);
    run.assert_error(2, &["the configured store is `memory`"]);
}

#[test]
fn failed_items_are_listed_and_a_logout_meanwhile_removes_both_copies() {
    let (home, emulator) = home();
    let service = home.keyring();
    home.real(&["store", "migrate", "keyring"]).assert_code(0);
    let items = service.lookup_items();
    let ada = items
        .iter()
        .find(|item| item.contains("05e4-4000-8000-000000000001"));
    // Two items of one name are an error of the keyring store.
    service.add_twin(ada.expect("the item of the first user"));
    let run = home.real(&["store", "migrate", "file"]);
    let user = emulator.username();
    run.assert_error(
        7,
        &[
            &format!("could not move {user}: "),
            "several items",
            "1 of 2 items could not be copied",
        ],
    );
    assert_eq!(store_of(&home, "default"), "keyring");
    assert_eq!(sealed_files(&home), 1);
    home.real(&["get", "--no-interactive", "--account", BEN])
        .token();
    let status = home.real(&["status"]).stdout;
    let unfinished = "The migration to the store file is unfinished.";
    assert!(status.contains(unfinished), "{status}");
    let refused = home.real(&["store", "migrate", "keyutils"]);
    let message = "a migration from the store `keyring` to `file` is unfinished";
    refused.assert_error(2, &[message, "`acspass store migrate file`"]);

    home.real(&["logout", "--account", BEN]).assert_code(0);
    assert_eq!(sealed_files(&home), 0);
    home.real(&["logout", "--all"]).assert_code(0);
    assert!(service.lookup_items().is_empty());
    assert!(!home.path().join("acspass/migration.json").exists());
}

/// Each refresh token ends with its use: a lost one would end the session.
#[test]
fn concurrent_refreshes_lose_no_refresh_token() {
    let (home, emulator) = home();
    let selection = FaultSelection {
        times: Some(10_000),
        ..FaultSelection::named("refresh-token-rotated")
    };
    emulator.select_fault(selection).unwrap();
    let refresh = ["get", "--force-refresh", "--no-interactive"];
    let done = AtomicBool::new(false);
    let refreshed = std::thread::scope(|scope| {
        let refreshes = scope.spawn(|| {
            let mut refreshed = 0;
            while !done.load(Ordering::Relaxed) {
                let run = home.real(&refresh);
                if run.code == Some(0) {
                    refreshed += 1;
                } else {
                    // It began with the old store, and waited until this session or all were moved.
                    let other = "has sessions: run `acspass config set store";
                    run.assert_code(4);
                    let is_moved = run.stderr.contains(other)
                        || run
                            .stderr
                            .contains("error: `ada@contoso.example` is not signed in");
                    assert!(is_moved, "{}", run.stderr);
                }
            }
            refreshed
        });
        for to in ["keyring", "file", "keyring", "file"] {
            home.real(&["store", "migrate", to]).assert_code(0);
        }
        done.store(true, Ordering::Relaxed);
        refreshes.join().unwrap()
    });
    assert!(refreshed > 0, "no refresh between the migrations");
    home.real(&refresh).token();
}

#[test]
fn a_migration_to_or_from_a_store_that_is_missing_moves_nothing_and_leaves_no_trace() {
    let (mut home, _emulator) = home();
    let bus = home.variables.remove("DBUS_SESSION_BUS_ADDRESS");
    let bus = bus.expect("a bus");
    home.set("XDG_RUNTIME_DIR", "/nonexistent");
    let run = home.real(&["store", "migrate", "keyring"]);
    run.assert_error(
        7,
        &[
            "there is no D-Bus session bus; the sessions stay in the store `file`",
            "Run `acspass store migrate keyring` in a login session that has this store. Or run \
             `acspass store migrate keyutils` to use another store.",
        ],
    );
    run.assert_does_not_say("config set store");
    assert_eq!(sealed_files(&home), 2);
    assert_eq!(store_of(&home, "default"), "file");

    home.set("DBUS_SESSION_BUS_ADDRESS", &bus);
    home.real(&["store", "migrate", "keyring"]).assert_code(0);
    home.variables.remove("DBUS_SESSION_BUS_ADDRESS");
    home.real(&["store", "migrate", "file"])
        .assert_error(7, &["there is no D-Bus session bus"]);
    // No note of an unfinished migration stands in the way.
    let note = home.path().join("acspass/migration.json");
    assert!(!note.exists());
    home.set("DBUS_SESSION_BUS_ADDRESS", &bus);
    home.real(&["store", "migrate", "file"]).assert_code(0);
    assert_eq!(sealed_files(&home), 2);
}

//! The store: found out before a browser opens, said with what to do, and never in the way of what
//! does not need it.

use std::process::Command;

use crate::harness::secret_service::SecretService;
use crate::harness::{Home, TestBrowser};

#[test]
fn without_a_bus_login_ends_with_7_before_a_browser_opens_and_status_still_works() {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("ACSPASS_STORE");
    let own = home.path().display().to_string();
    home.set("HOME", &own);
    for address in [None, Some("disabled:"), Some("unix:path=/nowhere/at/all")] {
        match address {
            None => home.unset("DBUS_SESSION_BUS_ADDRESS"),
            Some(address) => home.set("DBUS_SESSION_BUS_ADDRESS", address),
        }
        let login = home
            .call(&["login"])
            .by(&TestBrowser::never())
            .spawn()
            .end();
        login.assert_error(
            7,
            &["no D-Bus session bus", "`acspass config set store file`"],
        );
        home.real(&["status"]).assert_code(4);
        home.real(&["account", "list"]).assert_code(0);
        home.real(&["logout"]).assert_code(0);
        // Nobody is known, so the store is not even asked.
        home.real(&["get"])
            .assert_error(4, &["no account is signed in"]);
    }
    assert_eq!(emulator.count("authorize"), 0);
    assert_eq!(emulator.count("authorization_code"), 0);
}

#[test]
fn a_bus_without_a_keyring_ends_with_7_before_a_browser_opens() {
    let (mut home, _emulator) = Home::with_emulator();
    home.use_keyring(SecretService::bus_alone());
    let login = home
        .call(&["login"])
        .by(&TestBrowser::never())
        .spawn()
        .end();
    login.assert_error(7, &["keyring", "`acspass config set store file`"]);
    home.real(&["status"]).assert_code(4);
}

#[test]
fn a_locked_keyring_ends_with_7_and_what_was_kept_is_still_there_once_it_is_unlocked() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    home.real(&["get"]).token();
    let requests = emulator.requests().len();
    home.keyring().kill_daemon();
    home.real(&["get"]).assert_error(7, &["locked"]);
    let login = home
        .call(&["login"])
        .by(&TestBrowser::never())
        .spawn()
        .end();
    login.assert_error(7, &["locked"]);
    home.real(&["status"]).assert_code(0);
    let asked = emulator.requests()[requests..]
        .iter()
        .filter(|entry| entry.operation != "metadata")
        .count();
    assert_eq!(asked, 0);

    // A daemon that the bus started cannot be unlocked from a command line.
    home.keyring().kill_daemon();
    home.keyring().unlock();
    home.real(&["get"]).token();
    home.keyring().kill_daemon();

    // The index forgets at once; the item must be removed by hand, and that is said.
    home.real(&["logout"])
        .assert_error(7, &["could not remove the item", "secret-tool clear"]);
    home.real(&["status"]).assert_code(4);
}

#[test]
fn without_a_keyring_logout_all_fails_only_if_the_index_lists_sessions_there() {
    let (mut home, _emulator) = Home::with_keyring();
    home.login();
    let bus = home.variables.remove("DBUS_SESSION_BUS_ADDRESS");
    let bus = bus.expect("a bus");
    home.set("XDG_RUNTIME_DIR", "/nonexistent");
    let all = ["logout", "--all"];
    let run = home.real(&all);
    run.assert_error(
        7,
        &[
            "could not remove the item `session ",
            "there is no D-Bus session bus",
            "Run `acspass logout --all` in a login session that has this store.",
            "secret-tool clear",
        ],
    );
    run.assert_does_not_say("config set store");
    let run = home.real(&all);
    run.assert_code(0);
    run.assert_says(&[
        "No account is signed in.",
        "no keyring is available here, so it was not searched for unlisted sessions",
    ]);
    home.real(&["logout"])
        .assert_code(0)
        .assert_does_not_say("keyring");
    home.real(&["--emulator", "logout", "--all"])
        .assert_code(0)
        .assert_does_not_say("keyring");
    // The command of the hint removes the item.
    home.set("DBUS_SESSION_BUS_ADDRESS", &bus);
    home.real(&all)
        .assert_code(0)
        .assert_says(&["Signed out 1 account."]);
    assert!(home.keyring().lookup_items().is_empty());
}

#[test]
fn a_keyring_that_does_not_answer_ends_with_7_in_time() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    home.keyring().stop_daemon();
    home.real(&["get"])
        .assert_error(7, &["timed out after 5 s"]);
    home.real(&["status"]).assert_code(0);
    home.keyring().continue_daemon();
    home.real(&["get"]).token();
}

#[test]
fn with_the_store_in_memory_a_login_warns_that_nothing_is_kept() {
    let (mut home, _emulator) = Home::with_emulator();
    let own = home.path().display().to_string();
    home.set("HOME", &own);
    let login = home.login();
    login.assert_says(&["warning: the session is not saved, because the store is `memory`"]);
    home.real(&["get"])
        .assert_error(4, &["no account is signed in"]);
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_profiles_connection_string_lies_in_the_keyring_and_in_no_file() {
    let (mut home, emulator) = Home::with_keyring();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    let text = emulator.http_connection_string();
    let set = "printf %s \"$TEXT\" | exec \"$0\" config set connection-string -vv";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", set, env!("CARGO_BIN_EXE_acspass")]);
    shell.env_clear().envs(&home.variables).env("TEXT", &text);
    let set = shell.output().expect("a shell");
    assert!(
        set.status.success(),
        "{}",
        String::from_utf8_lossy(&set.stderr)
    );
    home.sweep.bytes("standard error", &set.stderr);
    home.sweep.files(home.path());

    home.login();
    home.real(&["get"]).token();
    let list = home.real(&["config", "list", "-o", "json"]).json();
    assert_eq!(list["connection-string"]["value"], "stored");
    assert_eq!(list["endpoint"]["value"], emulator.http_url());
    home.real(&["config", "unset", "connection-string"])
        .assert_code(0);
    home.real(&["logout"]).assert_code(0);
    assert_eq!(home.keyring().lookup_items(), [""; 0]);
}

#[test]
fn the_index_and_its_folder_are_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let folder = home.path().join(".local/state/acspass");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.join("index.json")), 0o600);
    assert_eq!(mode(&folder), 0o700);
}

#[test]
fn sealed_files_keep_a_session_under_a_key_file_and_show_none_of_it() {
    let (mut home, emulator) = Home::with_emulator();
    let key_file = home.path().join("key");
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", key_file.to_str().unwrap());
    let missing = home.call(&["login"]).by(&TestBrowser::never()).run();
    missing.assert_error(7, &["key file", "head -c 32 /dev/urandom"]);
    acspass::store::create_key_file(&key_file).unwrap();
    home.login();
    let token = home.real(&["get"]).token();
    assert_eq!(home.real(&["get"]).token(), token);
    assert_eq!(emulator.count("exchange"), 1);
    let status = home.real(&["status", "-o", "json"]).json();
    assert_eq!(status["store"], "file");

    std::fs::remove_file(&key_file).unwrap();
    acspass::store::create_key_file(&key_file).unwrap();
    home.real(&["get"])
        .assert_error(7, &["does not decrypt the session files", "logout --all"]);
    home.real(&["logout", "--all"]).assert_code(0);
    home.real(&["status"]).assert_code(4);
}

#[test]
fn without_a_key_file_or_a_terminal_sealed_files_say_what_is_missing() {
    let (mut home, _emulator) = Home::with_emulator();
    home.set("ACSPASS_STORE", "file");
    let login = home
        .call(&["login"])
        .by(&TestBrowser::never())
        .spawn()
        .end();
    login.assert_error(7, &["passphrase", "ACSPASS_STORE_KEY_FILE"]);
}

#[test]
fn the_kernels_keyring_keeps_a_session_until_logout() {
    let (mut home, emulator) = Home::with_emulator();
    let own = home.path().display().to_string();
    home.set("HOME", &own);
    home.set("ACSPASS_STORE", "keyutils");
    home.login();
    let token = home.real(&["get"]).token();
    assert_eq!(home.real(&["get"]).token(), token);
    assert_eq!(emulator.count("exchange"), 1);
    home.real(&["logout"]).assert_code(0);
    home.real(&["get"])
        .assert_error(4, &["no account is signed in"]);
}

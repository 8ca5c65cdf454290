//! What a command finds out about the store, `status` reports from then on: an account whose
//! session is gone is not signed in. So `acspass status || acspass login` signs in.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acspass::emulator::Emulator;

use crate::harness::hiding_service::HidingService;
use crate::harness::{Home, Run, TestBrowser};

/// A name, and how to lose the session of a home whose first user is signed in.
type Loss = (&'static str, fn(&Home));

const LOSSES: [Loss; 4] = [
    ("removed by another program", |home| {
        for item in home.keyring().lookup_items() {
            home.keyring().remove(&item);
        }
    }),
    ("damaged", |home| {
        for item in home.keyring().lookup_items() {
            home.keyring().replace(&item, b"{\"version\":1,");
        }
    }),
    ("from a newer version", |home| {
        for item in home.keyring().lookup_items() {
            home.keyring().replace(&item, b"{\"version\":2}");
        }
    }),
    ("in a keyring that was reset", |home| home.keyring().reset()),
];

fn accounts(home: &Home, arguments: &[&str]) -> Vec<String> {
    let list = home.real(&[arguments, &["-o", "json"]].concat()).json();
    let accounts = list["accounts"].as_array().expect("accounts");
    let names = accounts.iter().map(|one| one["username"].as_str());
    names.map(|name| name.expect("a name").to_owned()).collect()
}

#[test]
fn a_lost_session_is_reported_by_get_once_and_by_status_from_then_on() {
    for (loss, lose) in LOSSES {
        let (home, _emulator) = Home::with_keyring();
        home.login();
        home.real(&["get"]).token();
        lose(&home);
        let ada = "ada@contoso.example";
        home.real(&["get"]).assert_error(4, &[ada, "acspass login"]);
        let status = home.real(&["status"]);
        status.assert_code(4);
        assert!(status.stdout.contains("No account is signed in"), "{loss}");
        assert_eq!(accounts(&home, &["status"]), [""; 0], "{loss}");
        assert_eq!(accounts(&home, &["account", "list"]), [""; 0], "{loss}");
        home.real(&["logout", "--all"])
            .assert_code(0)
            .assert_says(&["No account is signed in."]);
        home.login();
        home.real(&["status"]).assert_code(0);
        home.real(&["get"]).token();
        home.real(&["logout", "--all"])
            .assert_code(0)
            .assert_says(&["Signed out 1 account."]);
    }
}

#[test]
fn every_command_that_opens_the_store_reports_a_lost_session_to_the_index() {
    let commands: [&[&str]; 4] = [
        &["get", "--entra"],
        &["exec", "--", "true"],
        &["doctor"],
        &["logout", "--all"],
    ];
    for command in commands {
        let (home, _emulator) = Home::with_keyring();
        home.login();
        home.keyring().reset();
        home.real(&["status"]).assert_code(0);
        let run = home.real(command);
        home.real(&["status"]).assert_code(4);
        match command[0] {
            "doctor" => assert!(
                run.stdout.contains("accounts without a stored session: 1"),
                "{}",
                run.stdout
            ),
            "logout" => {
                run.assert_says(&["No account is signed in.", "Removed 1 listed account"]);
            }
            _ => {
                run.assert_error(4, &["is missing from the store keyring"]);
            }
        }
    }
}

#[test]
fn login_quarantines_the_item_that_it_cannot_read() {
    for unreadable in [&b"not a session"[..], b"{\"version\":2}"] {
        let (home, _emulator) = Home::with_keyring();
        home.login();
        let item = home.keyring().lookup_items()[0].clone();
        // Once listed, and once in the store alone.
        for is_listed in [true, false] {
            home.keyring().replace(&item, unreadable);
            if !is_listed {
                let index = home.path().join(".local/state/acspass/index.json");
                std::fs::remove_file(index).expect("an index");
            }
            let login = home.login();
            login.assert_says(&["could not read the stored session", "unreadable "]);
            home.real(&["get"]).token();
            let items = home.keyring().lookup_items();
            let kept = items.iter().filter(|name| name.starts_with("unreadable "));
            let kept: Vec<_> = kept.collect();
            assert_eq!(kept.len(), 1, "{items:?}");
            assert_eq!(home.keyring().lookup(kept[0]), unreadable);
            home.keyring().remove(kept[0]);
        }
    }
}

#[test]
fn a_locked_or_hanging_keyring_costs_no_account() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    home.keyring().stop_daemon();
    home.real(&["get"])
        .assert_error(7, &["timed out after 5 s"]);
    home.real(&["doctor"]);
    home.real(&["status"]).assert_code(0);
    home.keyring().continue_daemon();
    home.keyring().kill_daemon();
    home.real(&["get"]).assert_error(7, &["locked"]);
    home.real(&["doctor"]);
    home.real(&["status"]).assert_code(0);
}

#[test]
fn a_keyring_that_hides_its_items_while_it_is_locked_costs_no_account() {
    let (mut home, _emulator) = Home::with_keyring();
    home.login();
    for hiding in [HidingService::locked(), HidingService::without_database()] {
        home.variables.extend(hiding.env());
        let own = home.path().display().to_string();
        home.set("HOME", &own);
        home.real(&["get"]).assert_code(7);
        home.real(&["doctor"]);
        home.real(&["status"]).assert_code(0);
    }
    home.real(&["logout"])
        .assert_error(7, &["could not remove the item", "secret-tool clear"]);
    home.real(&["status"]).assert_code(4);
}

/// Runs the command in a login of its own, with a kernel keyring of its own.
fn in_new_login(home: &Home, words: &[&str]) -> Run {
    home.call(words)
        .spawn_under(&mut new_login(), "apt-get install -y keyutils")
        .end()
}

fn new_login() -> Command {
    let mut keyctl = Command::new("keyctl");
    keyctl.args(["session", "-", env!("CARGO_BIN_EXE_acspass")]);
    keyctl
}

fn with_kernels_keyring() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    let own = home.path().display().to_string();
    home.set("HOME", &own);
    home.set("ACSPASS_STORE", "keyutils");
    (home, emulator)
}

#[test]
fn a_session_in_the_kernels_keyring_is_its_logins_alone() {
    let (home, _emulator) = with_kernels_keyring();
    home.login();
    home.real(&["get"]).token();
    home.real(&["status"]).assert_code(0);

    // Another login is not signed in, says so from the start, and changes nothing for the first.
    in_new_login(&home, &["status"]).assert_code(4);
    in_new_login(&home, &["get"]).assert_error(4, &["no account is signed in"]);
    let list = in_new_login(&home, &["account", "list"]);
    assert!(list.stdout.contains("No account is signed in"), "{list:?}");
    in_new_login(&home, &["logout"])
        .assert_code(0)
        .assert_says(&["No account is signed in."]);
    home.real(&["status"]).assert_code(0);
    home.real(&["get"]).token();
    home.real(&["logout"]).assert_code(0);
}

/// Waits until the kernel no longer has the keyring that the index names.
fn wait_until_collected(home: &Home) {
    let index = home.path().join(".local/state/acspass/index.json");
    let index = std::fs::read_to_string(index).expect("an index");
    let (_, login) = index.split_once("\"login\":\"").expect("a login");
    let serial = login.split(['"', ' ']).nth(2).expect("a serial number");
    let serial: i32 = serial.parse().expect("a number");
    let listed = format!("{serial:08x} ");
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::fs::read_to_string("/proc/keys")
        .expect("a Linux with /proc")
        .lines()
        .any(|line| line.starts_with(&listed))
    {
        assert!(Instant::now() < deadline, "the kernel keeps the keyring");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A home with the kernel's keyring as its store, and a sign-in in a login that has ended since.
fn after_another_login() -> (Home, Arc<Emulator>) {
    let (home, emulator) = with_kernels_keyring();
    let browser = TestBrowser::walking();
    home.call(&["login"])
        .by(&browser)
        .spawn_under(&mut new_login(), "apt-get install -y keyutils")
        .end()
        .assert_code(0);
    (home, emulator)
}

#[test]
fn status_or_login_signs_in_after_the_login_of_the_kernels_keyring_has_ended() {
    let (home, _emulator) = after_another_login();
    home.real(&["status"]).assert_code(4);
    home.login();
    home.real(&["status"]).assert_code(0);
    home.real(&["get"]).token();
    home.real(&["logout"]).assert_code(0);
}

#[test]
fn a_session_that_ended_with_its_login_is_not_counted_as_forgotten() {
    let (home, _emulator) = after_another_login();
    // The kernel collects the keyring of an ended login a moment later.
    wait_until_collected(&home);
    in_new_login(&home, &["logout", "--all"])
        .assert_code(0)
        .assert_says(&["No account is signed in."]);
}

#[test]
fn accounts_that_a_damaged_index_lost_are_restored_from_the_keyring() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let index = home.path().join(".local/state/acspass/index.json");
    let whole = std::fs::read_to_string(&index).expect("an index");
    let damages = [
        whole.replace("\"can_renew\":true", "\"can_renew\":t\u{0}ue"),
        whole[..whole.len() / 2].to_owned(),
        String::new(),
        "\u{0}".repeat(whole.len()),
    ];
    for damaged in damages {
        std::fs::write(&index, &damaged).expect("a file");
        let status = home.real(&["status"]);
        status.assert_code(4);
        assert!(status.stdout.contains("was damaged"), "{}", status.stdout);
        home.real(&["get"]).token();
        home.real(&["status"]).assert_code(0);
        let list = home.real(&["account", "list"]).stdout;
        assert!(!list.contains("was damaged"), "{list}");
    }
    // Every command that names an account finds it again.
    for command in [&["account", "switch"][..], &["logout", "--account"]] {
        std::fs::write(&index, "x").expect("a file");
        let words = [command, &["ada@contoso.example"]].concat();
        home.real(&words).assert_code(0);
    }
    home.real(&["get"])
        .assert_error(4, &["no account is signed in"]);
}

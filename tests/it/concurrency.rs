//! Many processes at once: one renews, the others wait and read what it kept.

use std::time::{Duration, Instant};

use acspass::emulator::{Fault, FaultKind, Route};

use crate::harness::{Home, TestBrowser};

const LOGINS: usize = 8;
const PROCESSES: usize = 200;

#[test]
fn two_hundred_processes_at_once_make_one_refresh_and_one_exchange() {
    let (home, emulator) = Home::with_keyring();
    // A sign-in leaves an Entra token that is not fresh.
    emulator.set_token_life(Duration::from_secs(300));
    home.login();
    emulator.set_token_life(Duration::from_secs(4500));
    let running: Vec<_> = (0..PROCESSES)
        .map(|_| home.call(&["get"]).spawn())
        .collect();
    let tokens: Vec<String> = running.into_iter().map(|get| get.end().token()).collect();
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(emulator.count("exchange"), 1);
    assert!(tokens.iter().all(|token| *token == tokens[0]));
}

#[test]
fn a_process_that_is_killed_while_it_renews_leaves_the_lock_to_the_others() {
    let (home, emulator) = Home::with_keyring();
    emulator.set_token_life(Duration::from_secs(300));
    home.login();
    emulator.set_token_life(Duration::from_secs(4500));
    emulator.add_fault(Fault {
        route: Route::Token,
        times: Some(1),
        what: FaultKind::Hang,
    });
    let stuck = home.call(&["get"]).spawn();
    let hangs = Instant::now() + Duration::from_secs(60);
    while emulator.count("fault") == 0 {
        assert!(Instant::now() < hangs, "it never asks for a token");
        std::thread::yield_now();
    }
    let waiting = home.call(&["get"]).spawn();
    stuck.signal("KILL");
    assert_eq!(stuck.end().code, None);
    waiting.end().token();
    assert_eq!(emulator.count("refresh_token"), 1);
}

#[test]
fn eight_first_logins_at_once_each_keep_their_session() {
    let (home, _emulator) = Home::with_keyring();
    let users = [
        "ada@contoso.example",
        "ben@contoso.example",
        "cleo@contoso.example",
    ];
    let running: Vec<_> = users
        .iter()
        .cycle()
        .take(LOGINS)
        .map(|user| home.call(&["login"]).by(&TestBrowser::of(user)).spawn())
        .collect();
    for login in running {
        login.end().assert_code(0);
    }
    assert_eq!(home.keyring().lookup_items().len(), users.len());
    let list = home.real(&["account", "list", "-o", "json"]).json();
    assert_eq!(list["accounts"].as_array().map(Vec::len), Some(users.len()));
}

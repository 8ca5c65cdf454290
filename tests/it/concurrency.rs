//! Many processes at once: one renews, the others wait and read what it kept.

use std::time::{Duration, Instant};

use acspass::emulator::{Fault, FaultKind, Route};

use crate::harness::{Home, TestBrowser, wait_until};

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
fn logout_during_a_renewal_opens_no_sign_in() {
    let (home, emulator) = Home::with_keyring();
    emulator.set_token_life(Duration::from_secs(300));
    home.login();
    emulator.set_token_life(Duration::from_secs(4500));
    // The renewal waits while the user signs out.
    emulator.add_fault(Fault {
        route: Route::Token,
        times: Some(1),
        what: FaultKind::Status {
            status: 503,
            retry_after: Some("8".to_owned()),
            content_type: "application/json".to_owned(),
            body: "{}".to_owned(),
        },
    });
    let sign_ins = emulator.count("authorize");
    let browser = TestBrowser::of("ada@contoso.example");
    let renewing = home.call(&["get", "--interactive"]).by(&browser).spawn();
    wait_until("the renewal meets the fault", || {
        emulator.count("fault") > 0
    });
    home.real(&["logout"]).assert_code(0);
    let signed_out = ["the account was signed out while its token was refreshed"];
    renewing.end().assert_error(4, &signed_out);
    assert_eq!(emulator.count("authorize"), sign_ins);
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

//! Entra's metadata is cached for refreshes, in a file that can send no token to another host.

use std::fs;

use crate::harness::Home;

#[test]
fn a_stale_get_is_one_refresh_and_one_exchange() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let before = emulator.requests().len();
    home.real(&["get", "--force-refresh"]).token();
    let requests = emulator.requests();
    let operations: Vec<_> = (requests[before..].iter())
        .map(|request| request.operation.as_str())
        .collect();
    assert_eq!(operations, ["refresh_token", "exchange"]);

    home.forget_metadata();
    home.real(&["get", "--force-refresh"]).token();
    assert_eq!(
        emulator.count("metadata"),
        2,
        "at the login, and without a file"
    );
}

#[test]
fn metadata_that_does_not_work_is_requested_again() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let file = home.metadata_file();
    let good = fs::read_to_string(&file).expect("the file");
    for (from, to) in [
        ("/v2.0/token", "/v3.0/token"),
        ("/v2.0/token", "/v2.0/devicecode"),
        ("000000000001/oauth2", "00000000000f/oauth2"),
        ("\"issuer\":\"http", "\"issuer\":\"https"),
    ] {
        let old = good.replace(from, to);
        assert_ne!(old, good);
        fs::write(&file, old).expect("written");
        let metadata = emulator.count("metadata");
        home.real(&["get", "--force-refresh"]).token();
        assert_eq!(emulator.count("metadata"), metadata + 1, "{to}");
        home.real(&["get", "--force-refresh"]).token();
        assert_eq!(
            emulator.count("metadata"),
            metadata + 1,
            "{to} is corrected"
        );
    }
}

#[test]
fn a_file_with_another_host_or_without_sense_is_not_used() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let file = home.metadata_file();
    let good = fs::read_to_string(&file).expect("the file");
    let foreign = good.replace("localhost", "127.0.0.9");
    for bad in [foreign.as_str(), "", "{", "[]", "{\"a\": 1}"] {
        fs::write(&file, bad).expect("written");
        let metadata = emulator.count("metadata");
        home.real(&["get", "--force-refresh"]).token();
        assert_eq!(emulator.count("metadata"), metadata + 1, "{bad}");
    }
}

#[test]
fn a_refusal_of_the_refresh_token_is_final() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let metadata = emulator.count("metadata");
    emulator.revoke_sessions();
    home.real(&["get", "--force-refresh", "--no-interactive"])
        .assert_error(4, &[]);
    assert_eq!(emulator.count("metadata"), metadata);
}

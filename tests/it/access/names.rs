//! `--resolve`: names of users, looked up in Microsoft Graph by the user's own session.

use std::sync::Arc;

use acspass::emulator::{Emulator, Options, Seed};
use serde_json::json;

use super::ONE;
use crate::harness::{Home, TestBrowser};

const TEAM: [&str; 5] = [
    "ada@contoso.example",
    "ben@contoso.example",
    "CLEO@contoso.example",
    "dora_fabrikam.example#EXT#@contoso.example",
    "consent@contoso.example",
];

/// The home of an owner that is signed in as the first user.
fn signed_in() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_keyring();
    home.set("ACSPASS_EXCHANGE", "entra");
    home.login();
    (home, emulator)
}

fn access<'a>(words: &[&'a str], team: &[&'a str]) -> Vec<&'a str> {
    [&["access"][..], words, team].concat()
}

#[test]
fn five_users_are_granted_listed_and_revoked_in_three_commands() {
    let (home, emulator) = signed_in();
    let grant = access(&["grant", "--resolve", "-o", "json"], &TEAM);
    let granted = home.real(&grant);
    granted.assert_code(0).assert_says(&[
        "--resolve requests the permission User.ReadBasic.All through your own session",
        "Granted access to 5 principals. 0 already had it.",
    ]);
    let granted = granted.json();
    assert_eq!(granted["failed"], json!([]));
    let ada = &granted["granted"][0];
    assert_eq!(
        ada["objectId"],
        emulator.object_id(),
        "in the order of the names"
    );
    assert_eq!(ada["userPrincipalName"], TEAM[0]);
    // A guest has another object id in this tenant than at home.
    assert_eq!(granted["granted"][3]["userPrincipalName"], TEAM[3]);
    let listed = home.real(&["access", "list", "-o", "json"]).json();
    assert_eq!(
        listed["value"].as_array().map(Vec::len),
        Some(6),
        "and the tenant"
    );
    let revoked = home.real(&access(&["revoke", "--resolve"], &TEAM));
    revoked
        .assert_code(0)
        .assert_says(&["Revoked the access of 5 principals. 0 had none."]);
    assert_eq!(emulator.count("list_users"), 10);
    assert_eq!(
        emulator.count("refresh_token"),
        1,
        "one Graph token for both"
    );
}

#[test]
fn the_token_of_a_look_up_goes_to_graph_only() {
    let (home, emulator) = signed_in();
    home.real(&["access", "grant", "--resolve", TEAM[0], ONE])
        .assert_code(0);
    assert_eq!(
        emulator.count("list_users"),
        1,
        "an object id is not looked up"
    );
    for request in emulator.requests() {
        let proof = request.authenticated_by.unwrap_or_default();
        match request.operation.as_str() {
            "list_users" => assert_eq!(proof, "Entra token of ada@contoso.example"),
            "get_assignment" | "put_assignment" => {
                assert_eq!(proof, "HMAC with the primary key");
            }
            _ => {}
        }
    }
}

#[test]
fn unknown_names_are_errors_and_the_others_are_granted() {
    let (home, emulator) = signed_in();
    let one = home.real(&["access", "grant", "--resolve", "eve@fabrikam.example"]);
    one.assert_error(
        2,
        &[
            "your tenant has no user `eve@fabrikam.example`",
            "--tenant TENANT",
        ],
    );
    assert_eq!(emulator.count("put_assignment"), 0);
    // A beginning of a name is not the name.
    let some = home.real(&["access", "grant", "--resolve", "Ada", TEAM[0]]);
    assert_eq!(some.code, Some(2), "{}", some.stderr);
    some.assert_says(&["1 of 2 principals were not granted access", "no user `Ada`"]);
    assert_eq!(some.stdout, format!("{}\n", emulator.object_id()));
}

#[test]
fn a_name_of_several_users_lists_them() {
    let seed = "[[users]]\nusername = \"ada@contoso.example\"\nname = \"Ada O'Neil\"\n\
                [[users]]\nusername = \"ada2@contoso.example\"\nname = \"Ada O'Neil\"\n";
    let emulator = Emulator::start(Options {
        seed: Seed::parse(seed).expect("a seed"),
        takes_sibling_tokens: true,
        ..Options::default()
    });
    let emulator = Arc::new(emulator.expect("an emulator"));
    let (mut home, _other) = Home::with_keyring();
    home.point_at(&emulator);
    home.set("ACSPASS_EXCHANGE", "entra");
    home.login();
    let run = home.real(&["access", "revoke", "--resolve", "ada o'neil"]);
    run.assert_error(
        2,
        &[
            "several users have the name `ada o'neil`",
            "ada@contoso.example",
            "ada2@contoso.example",
        ],
    );
    assert_eq!(emulator.count("get_assignment"), 0);
}

#[test]
fn without_a_session_or_the_permission_nothing_changes() {
    let (mut home, emulator) = Home::with_emulator();
    home.set("ACSPASS_EXCHANGE", "entra");
    home.run(&["access", "grant", "--resolve", TEAM[0]])
        .assert_error(4, &["acspass login"]);
    let (mut home, with_session) = signed_in();
    with_session.withhold_scope("User.ReadBasic.All");
    home.real(&["access", "grant", "--resolve", TEAM[0]])
        .assert_error(
            4,
            &["`ACSPASS_EXCHANGE=key acspass login --scope https://graph.microsoft.com/User.ReadBasic.All`"],
        );
    assert_eq!(with_session.count("list_users"), 0);
    assert_eq!(with_session.count("put_assignment"), 0);
    // The command of the hint gets the consent.
    with_session.clear_faults();
    home.set("ACSPASS_EXCHANGE", "key");
    let scope = "https://graph.microsoft.com/User.ReadBasic.All";
    let browser = TestBrowser::walking();
    let login = home.call(&["login", "--scope", scope]).by(&browser).spawn();
    login.end().assert_code(0);
    home.set("ACSPASS_EXCHANGE", "entra");
    home.real(&["access", "grant", "--resolve", TEAM[0]])
        .assert_code(0);
    assert_eq!(emulator.count("list_users"), 0);
    assert_eq!(emulator.count("put_assignment"), 0);
}

#[test]
fn a_grant_takes_only_the_unique_name() {
    let (home, emulator) = signed_in();
    for (name, unique) in [("Ben Example", TEAM[1]), ("dora@fabrikam.example", TEAM[3])] {
        home.real(&["access", "grant", "--resolve", name])
            .assert_error(2, &["is not the user principal name of a user", unique]);
        home.real(&["access", "revoke", "--resolve", name])
            .assert_code(0);
    }
    assert_eq!(emulator.count("put_assignment"), 0);
    let before = emulator.requests().len();
    home.real(&["access", "grant", "--resolve", TEAM[0], "a\u{1}b"])
        .assert_error(2, &["is not the name of a user"]);
    assert_eq!(emulator.requests().len(), before);
}

#[test]
fn the_built_in_emulator_signs_in_for_a_look_up() {
    let home = Home::new();
    let arguments = [
        "access",
        "grant",
        "--emulator",
        "--exchange",
        "entra",
        "--resolve",
        TEAM[1],
    ];
    home.run(&arguments)
        .assert_code(0)
        .assert_says(&["Granted access to ben@contoso.example."]);
}

//! Bad input to the identity commands: each kind ends with its exit code, a sentence and a next
//! step, and what can be known before the call is refused before the call.

use std::time::Duration;

use acspass::time::{Clock, SettableClock, SystemClock};

use super::{asked_of_the_resource, created};
use crate::harness::Home;

/// A key that is none of the resource's, and must not be shown either.
const KEY_MARKER: &str = "bWFya2VyLW9mLWEta2V5LXRoYXQtaXMtbm9ib2R5J3M=";

#[test]
fn a_lifetime_out_of_range_is_refused_with_the_range_before_the_call() {
    let (home, emulator) = Home::with_emulator();
    let id = emulator.foreign_identity();
    for life in ["59m", "59m59s", "1", "0", "24h1m", "1441m", "7d"] {
        for words in [
            &["token", "issue", "--user", &id, "--scope", "chat"][..],
            &["token", "issue", "--scope", "chat"],
            &["user", "create", "--scope", "chat"],
        ] {
            home.run(&[words, &["--valid-for", life]].concat())
                .assert_error(2, &["60 to 1440 minutes"]);
        }
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn an_unknown_scope_goes_through_with_a_note_and_the_service_decides() {
    let (home, emulator) = Home::with_emulator();
    let id = created(&home);
    let words = ["token", "issue", "--user", &id, "--scope", "chat.lead"];
    let run = home.run(&words);
    run.assert_error(
        5,
        &[
            "ValidationError",
            "the scope `chat.lead`",
            "chat.join.limited",
        ],
    );
    run.assert_says(&["The scope `chat.lead` is unknown to acspass"]);
    assert_eq!(emulator.count("issue_token"), 1, "the service was asked");
    home.run(&["user", "create", "--scope", "chats"])
        .assert_error(
            5,
            &[
                "the scope `chats`",
                "`acspass user create -vv --scope chat`, or another one of chat, voip,",
            ],
        );
}

#[test]
fn at_least_one_scope_is_named() {
    let (home, emulator) = Home::with_emulator();
    home.run(&["token", "issue"]).assert_error(2, &["--scope"]);
    for scope in ["", " ", ",", "\n"] {
        home.run(&["token", "issue", "--scope", scope])
            .assert_error(
                2,
                &["`acspass token issue -vv --scope chat`, or another one of chat,"],
            );
    }
    home.run(&["user", "create", "--valid-for", "1h"])
        .assert_error(2, &["--scope"]);
    assert_eq!(emulator.requests(), []);
}

#[test]
fn a_malformed_id_is_refused_before_the_call() {
    let (home, emulator) = Home::with_emulator();
    for id in [
        "",
        "acs:x",
        "8:acs:",
        "8:acs:a/../b",
        "4:+15551234567",
        "28:orgid:x",
    ] {
        for words in [
            &["user", "delete", id][..],
            &["token", "revoke", "--user", id],
            &["token", "issue", "--scope", "chat", "--user", id],
        ] {
            home.run(words).assert_error(
                2,
                &["not the id of an ACS identity", "It begins with 8:acs:"],
            );
        }
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn a_teams_users_id_is_refused_with_the_way_to_their_token() {
    let (home, emulator) = Home::with_emulator();
    for id in [
        "8:orgid:ac5ba55e",
        "8:gcch:ac5ba55e",
        "8:dod:x",
        "8:teamsvisitor:x",
    ] {
        home.run(&["token", "issue", "--scope", "chat", "--user", id])
            .assert_error(2, &["is a Teams user", "acspass token exchange"]);
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn an_identity_of_another_resource_is_refused_by_each_command() {
    let (home, emulator) = Home::with_emulator();
    let id = emulator.foreign_identity();
    for words in [
        &["user", "delete", &id][..],
        &["token", "revoke", "--user", &id],
        &["token", "issue", "--scope", "chat", "--user", &id],
    ] {
        let run = home.run(words);
        run.assert_error(
            5,
            &["IdentityNotOwned", "does not belong to this ACS resource"],
        );
        let error = home.run(&[words, &["-o", "json"]].concat()).json_error();
        assert_eq!(error["kind"], "refused");
        assert_eq!(error["code"], "IdentityNotOwned");
        assert!(error["correlationId"].is_string(), "{error}");
    }
}

#[test]
fn a_wrong_key_is_denied_and_shown_nowhere() {
    let (mut home, emulator) = Home::with_emulator();
    let wrong = format!("endpoint={}/;accesskey={KEY_MARKER}", emulator.http_url());
    home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &wrong);
    home.sweep.add(KEY_MARKER);
    home.sweep.add(&wrong);
    let run = home.run(&["user", "create"]);
    run.assert_error(
        5,
        &[
            "Denied",
            "refused the access key",
            "`acspass config set connection-string`",
        ],
    );
    let error = home.run(&["user", "create", "-o", "json"]).json_error();
    assert_eq!(
        (&error["kind"], &error["code"]),
        (&"refused".into(), &"Denied".into())
    );
    assert_eq!(
        emulator.count("create_identity"),
        2,
        "asked once each: a refusal stays one"
    );
}

#[test]
fn a_wrong_clock_is_named_as_the_cause() {
    let (home, _emulator) = Home::with_emulator();
    let now = SystemClock.now();
    let hour = Duration::from_secs(3600);
    for (clock, off) in [(now.plus(hour), "1 h off"), (now.minus(hour), "off")] {
        let run = home
            .call(&["user", "create"])
            .by_clock(&SettableClock::new(clock))
            .run();
        run.assert_error(
            5,
            &[
                "Denied",
                "this machine's clock is",
                off,
                "Set this machine's clock",
            ],
        );
    }
}

#[test]
fn no_part_of_a_connection_string_is_in_any_error() {
    let (mut home, emulator) = Home::with_emulator();
    home.sweep.add(KEY_MARKER);
    let url = emulator.http_url();
    for text in [
        format!("accesskey={KEY_MARKER}"),
        format!("endpoint={url};accesskey={KEY_MARKER};accesskey={KEY_MARKER}"),
        format!("endpoint=http://contoso.communication.azure.com;accesskey={KEY_MARKER}"),
        format!("endpoint={url}/path;accesskey={KEY_MARKER}"),
        format!("endpoint={url};accesskey={KEY_MARKER}!"),
        format!("endpoint={url}?k={KEY_MARKER};accesskey={KEY_MARKER}"),
        KEY_MARKER.to_owned(),
    ] {
        home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &text);
        for words in [
            &["user", "create"][..],
            &["user", "create", "-o", "json"],
            &["token", "issue", "--scope", "chat"],
            &["user", "delete", "8:acs:r_u"],
        ] {
            let run = home.run(words);
            run.assert_code(2);
            assert!(!run.stderr.contains(KEY_MARKER), "{}", run.stderr);
        }
    }
    assert_eq!(asked_of_the_resource(&emulator), 0);
}

#[test]
fn without_a_resource_the_commands_say_how_to_name_one() {
    let mut home = Home::new();
    home.set("ACSPASS_STORE", "memory");
    for words in [
        &["user", "create"][..],
        &["user", "delete", "8:acs:r_u"],
        &["token", "issue", "--scope", "chat"],
        &["token", "revoke", "--user", "8:acs:r_u"],
    ] {
        home.run(words).assert_error(
            2,
            &[
                "no ACS resource",
                "COMMUNICATION_SERVICES_CONNECTION_STRING",
                "--emulator",
            ],
        );
    }
}

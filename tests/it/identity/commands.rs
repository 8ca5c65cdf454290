//! `user create|delete` and `token issue|revoke`: what they do, print and say.

use serde_json::{Value, json};

use super::{asked_of_the_resource, claims_of, created};
use crate::harness::Home;

/// A token in JSON, of this many seconds: exactly the members that the contract names.
#[track_caller]
fn assert_token_json(json: &Value, seconds: u64) {
    let members: Vec<&String> = json.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["expiresInSeconds", "expiresOn", "token"]);
    let left = json["expiresInSeconds"].as_u64().expect("a number");
    assert!(left <= seconds && left + 60 > seconds, "{left} s");
    let claims = claims_of(json["token"].as_str().expect("a token"));
    let expires_on = json["expiresOn"].as_str().expect("a time");
    let expires_on = acspass::time::Timestamp::parse_rfc3339(expires_on).expect("RFC 3339");
    assert_eq!(claims["exp"], expires_on.unix_seconds());
    assert!(json["expiresOn"].as_str().unwrap().ends_with('Z'), "UTC");
}

#[test]
fn user_create_prints_the_id_and_nothing_else() {
    let (home, emulator) = Home::with_emulator();
    let id = created(&home);
    assert!(id.starts_with(&format!("8:acs:{}_", emulator.resource_id())));
    assert_eq!(id.lines().count(), 1);

    let json = home.run(&["user", "create", "-o", "json"]).json();
    let id = json["identity"]["id"].as_str().expect("an id");
    assert_eq!(json, json!({"identity": {"id": id}}), "and no accessToken");
}

#[test]
fn user_create_with_scopes_prints_the_token_on_a_second_line() {
    let (home, emulator) = Home::with_emulator();
    let words = ["user", "create", "--scope", "chat", "--scope", "voip"];
    let run = home.run(&[&words[..], &["--valid-for", "1h"]].concat());
    run.assert_code(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("8:acs:"));
    assert_eq!(claims_of(lines[1])["acsScope"], "chat,voip");
    assert_eq!(asked_of_the_resource(&emulator), 1);

    let json = home.run(&[&words[..], &["--valid-for", "1h", "-o", "json"]].concat());
    let json = json.json();
    let members: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(members, ["accessToken", "identity"]);
    assert_token_json(&json["accessToken"], 3600);
}

#[test]
fn token_issue_prints_the_token() {
    let (home, emulator) = Home::with_emulator();
    let id = created(&home);
    let words = ["token", "issue", "--user", &id, "--scope", "voip"];
    let token = home.run(&words).token();
    assert!(emulator.is_token_valid(&token));
    let json = home.run(&[&words[..], &["-o", "json"]].concat()).json();
    assert_token_json(&json, 86_400);
    assert_eq!(emulator.count("issue_token"), 2);
}

#[test]
fn token_issue_knows_every_scope() {
    let (home, _emulator) = Home::with_emulator();
    let id = created(&home);
    for scope in [
        "chat",
        "voip",
        "chat.join",
        "chat.join.limited",
        "voip.join",
    ] {
        let run = home.run(&["token", "issue", "--user", &id, "--scope", scope]);
        run.assert_does_not_say("does not know");
        assert_eq!(claims_of(&run.token())["acsScope"], scope);
    }
}

#[test]
fn token_issue_keeps_to_the_lifetime() {
    let (home, _emulator) = Home::with_emulator();
    let id = created(&home);
    for (text, seconds) in [
        ("60m", 3600),
        ("1h30m", 5400),
        ("1440m", 86_400),
        ("3600", 3600),
    ] {
        let words = ["token", "issue", "--user", &id, "--scope", "chat"];
        let life = ["--valid-for", text, "-o", "json"];
        assert_token_json(&home.run(&[&words[..], &life].concat()).json(), seconds);
    }
}

#[test]
fn token_issue_without_a_user_makes_one_in_the_same_request() {
    let (home, emulator) = Home::with_emulator();
    let run = home.run(&["token", "issue", "--scope", "chat"]);
    run.assert_code(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "the id, then the token");
    assert!(lines[0].starts_with("8:acs:"));
    assert!(emulator.is_token_valid(lines[1]));
    assert_eq!(asked_of_the_resource(&emulator), 1);

    let json = home
        .run(&["token", "issue", "--scope", "chat", "-o", "json"])
        .json();
    let id = json["identity"]["id"].as_str().expect("an id");
    assert_eq!(json["identity"], json!({"id": id}));
    assert_token_json(&json["accessToken"], 86_400);
}

#[test]
fn token_revoke_ends_every_token_of_the_identity_at_once() {
    let (home, emulator) = Home::with_emulator();
    let id = created(&home);
    let issue = ["token", "issue", "--user", &id, "--scope", "chat"];
    let (first, second) = (home.run(&issue).token(), home.run(&issue).token());
    let run = home.run(&["token", "revoke", "--user", &id, "--yes"]);
    run.assert_code(0).assert_says(&["Revoked all tokens"]);
    assert_eq!(run.stdout, "");
    assert!(!emulator.is_token_valid(&first) && !emulator.is_token_valid(&second));
    assert!(
        emulator.is_token_valid(&home.run(&issue).token()),
        "the identity stays"
    );

    let run = home.run(&["token", "revoke", "--user", &id, "-o", "json"]);
    assert_eq!(run.json(), json!({}));
}

#[test]
fn user_delete_ends_the_identity_and_its_tokens_at_once() {
    let (home, emulator) = Home::with_emulator();
    let id = created(&home);
    let issue = ["token", "issue", "--user", &id, "--scope", "chat"];
    let token = home.run(&issue).token();
    let run = home.run(&["user", "delete", &id]);
    run.assert_code(0).assert_says(&["Deleted 8:acs:"]);
    assert_eq!(run.stdout, "");
    assert!(!emulator.is_token_valid(&token));

    // The service may be asked again; what is gone is gone.
    let again = home.run(&["user", "delete", &id, "--yes", "-o", "json"]);
    assert_eq!(again.assert_code(0).json(), json!({}));
    home.run(&issue)
        .assert_error(5, &["IdentityNotOwned", "deleted"]);
    home.run(&["token", "revoke", "--user", &id])
        .assert_error(5, &["IdentityNotOwned"]);
}

#[test]
fn every_command_works_on_the_emulator_inside_with_nothing_configured() {
    let home = Home::new();
    let run = home.run(&["user", "create", "--emulator"]);
    assert!(run.assert_code(0).stdout.starts_with("8:acs:"));
    let run = home.run(&["token", "issue", "--scope", "chat", "--emulator"]);
    assert_eq!(run.assert_code(0).stdout.lines().count(), 2);
}

#[test]
fn the_connection_string_is_read_under_either_name() {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set(
        "AZURE_COMMUNICATION_CONNECTION_STRING",
        &emulator.http_connection_string(),
    );
    created(&home);
    home.unset("AZURE_COMMUNICATION_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    let key = emulator.http_connection_string();
    let (_, key) = key.split_once("accesskey=").expect("a key");
    home.set("COMMUNICATION_SERVICES_ACCESSKEY", key);
    created(&home);
    assert_eq!(emulator.count("create_identity"), 2);
}

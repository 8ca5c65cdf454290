//! Bad input: each kind ends with its exit code, a clear error and a next step, prints no result,
//! shows no secret and loses nothing.

use acspass::emulator::{Emulator, Fault, FaultKind, Route};
use acspass::jwt;
use acspass::time::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::harness::{Home, TestBrowser};

const KEY: &str = "c29tZWJvZHkncyBhY2Nlc3Mga2V5";

fn fault(route: Route, what: FaultKind) -> Fault {
    Fault {
        route,
        times: None,
        what,
    }
}

fn page(status: u16, content_type: &str, body: &str) -> FaultKind {
    FaultKind::Status {
        status,
        retry_after: None,
        content_type: content_type.to_owned(),
        body: body.to_owned(),
    }
}

#[test]
fn malformed_connection_strings_end_with_2_and_are_not_shown() {
    let (mut home, emulator) = Home::with_emulator();
    home.sweep.add(KEY);
    for (text, words) in [
        ("nonsense".to_owned(), "without `=`"),
        (format!("accesskey={KEY}"), "has no endpoint"),
        (
            "endpoint=https://a.communication.azure.com/".to_owned(),
            "has no accesskey",
        ),
        (
            format!("endpoint=https://a.communication.azure.com/x;accesskey={KEY}"),
            "has a path",
        ),
        (
            format!("endpoint=http://a.communication.azure.com/;accesskey={KEY}"),
            "uses http, which",
        ),
        (
            format!("endpoint=localhost:8485;accesskey={KEY}"),
            "endpoint",
        ),
        (
            format!("endpoint=https://u:{KEY}@localhost/;accesskey={KEY}"),
            "password",
        ),
        (
            format!("endpoint=https://localhost/;accesskey={KEY}%"),
            "not Base64",
        ),
        (
            format!("endpoint=https://localhost/;accesskey={KEY};accesskey={KEY}"),
            "twice",
        ),
    ] {
        for name in [
            "COMMUNICATION_SERVICES_CONNECTION_STRING",
            "AZURE_COMMUNICATION_CONNECTION_STRING",
        ] {
            home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
            home.unset("AZURE_COMMUNICATION_CONNECTION_STRING");
            home.set(name, &text);
            for words_typed in [&["get", "--interactive"][..], &["login"]] {
                home.run(words_typed).assert_error(2, &[words, name]);
            }
        }
        let set = home.call(&["config", "set", "connection-string"]);
        set.typing(&text).run().assert_error(2, &[words]);
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn an_endpoint_in_place_of_a_connection_string_is_named() {
    let home = Home::with_keyring().0;
    let set = home.call(&["config", "set", "connection-string"]);
    let run = set.typing("contoso.communication.azure.com\n").run();
    run.assert_error(
        2,
        &[
            "https://contoso.communication.azure.com is an endpoint, not a connection string",
            "`acspass config set endpoint https://contoso.communication.azure.com`",
        ],
    );
}

#[test]
fn settings_that_are_wrong_end_with_2_and_say_where_they_came_from() {
    for (name, value, words) in [
        (
            "ACSPASS_CLIENT_ID",
            "not-a-guid",
            "invalid client id `not-a-guid` for ACSPASS_CLIENT_ID",
        ),
        (
            "ACSPASS_CLIENT_ID",
            "{ac5ba55e-0c11-4000-8000-0000000000a1",
            "invalid client id",
        ),
        ("ACSPASS_TENANT_ID", "12345678-1234", "invalid tenant"),
        ("ACSPASS_TENANT_ID", "consumers", "work or school account"),
        ("ACSPASS_TENANT_ID", "../../evil", "invalid tenant"),
        (
            "AZURE_AUTHORITY_HOST",
            "http://login.example",
            "uses http, which",
        ),
        ("AZURE_AUTHORITY_HOST", "localhost:8485", "neither https"),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.example/contoso",
            "more than a scheme",
        ),
        ("ACSPASS_SCOPES", ",", "the list of scopes is empty"),
        ("ACSPASS_STORE", "drawer", "unknown store `drawer`"),
        (
            "ACSPASS_EXCHANGE",
            "barter",
            "unknown kind of exchange `barter`",
        ),
    ] {
        let (mut home, emulator) = Home::with_emulator();
        home.set(name, value);
        home.run(&["get", "--interactive"])
            .assert_error(2, &[words, name]);
        assert_eq!(emulator.requests(), []);
    }
}

#[test]
fn what_is_not_configured_at_all_ends_with_2() {
    let (mut home, _emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.run(&["get"])
        .assert_error(2, &["no ACS resource is configured"]);
    home.unset("ACSPASS_CLIENT_ID");
    home.run(&["login"])
        .assert_error(2, &["no client id is configured"]);
}

#[test]
fn a_profile_is_read_strictly() {
    let (home, _emulator) = Home::with_emulator();
    home.sweep.add(KEY);
    for (text, words) in [
        (
            "[profile.default]\ntennant = \"x\"\n",
            "unknown key `profile.default.tennant`",
        ),
        ("[profil.default]\ntenant = \"x\"\n", "unknown key `profil`"),
        (
            "[profile.default]\nport = \"many\"\n",
            "`profile.default.port` is not a number",
        ),
        ("[profile.default\n", "config.toml"),
    ] {
        home.configure(text);
        let run = home.run(&["get"]);
        run.assert_error(2, &["config.toml", words]);
        let kept = std::fs::read_to_string(home.config_file()).unwrap();
        assert_eq!(kept, text, "nothing is lost");
    }
}

#[test]
fn a_secret_in_the_profile_is_refused_unrepeated() {
    let (home, _emulator) = Home::with_emulator();
    let text = format!("[profile.default]\nconnection-string = \"endpoint=x;accesskey={KEY}\"\n");
    home.configure(&text);
    let run = home.run(&["get"]);
    run.assert_error(
        2,
        &["contains a secret in `profile.default.connection-string`"],
    );
    run.assert_does_not_say(KEY);
}

/// Every wrong answer of a token endpoint or an exchange, the exit code, and words of the error.
fn wrong_answers() -> Vec<(Route, FaultKind, i32, &'static str)> {
    let html = "<html>Please log in to this network</html>";
    vec![
        (
            Route::Metadata,
            page(200, "text/html", html),
            6,
            "returned a web page",
        ),
        (
            Route::Metadata,
            page(200, "application/json", html),
            6,
            "metadata",
        ),
        (
            Route::Metadata,
            FaultKind::MissingField("token_endpoint".to_owned()),
            6,
            "metadata without an endpoint or the issuer",
        ),
        (
            Route::Metadata,
            FaultKind::OversizedBody(30_000_000),
            6,
            "larger than 1 MiB",
        ),
        (
            Route::Token,
            page(200, "text/html", html),
            6,
            "returned a web page",
        ),
        (
            Route::Token,
            page(200, "application/json", html),
            6,
            "token response",
        ),
        (
            Route::Token,
            page(400, "text/html", html),
            6,
            "returned a web page",
        ),
        (
            Route::Token,
            FaultKind::MissingField("access_token".to_owned()),
            6,
            "token response",
        ),
        (
            Route::Token,
            FaultKind::ReplacedField("token_type".to_owned(), json!("pop")),
            6,
            "not a bearer token",
        ),
        (
            Route::Token,
            FaultKind::OversizedBody(30_000_000),
            6,
            "larger than 1 MiB",
        ),
        (
            Route::Token,
            FaultKind::ReplacedField("expires_in".to_owned(), json!(-5)),
            6,
            "already expired",
        ),
        (
            Route::Token,
            FaultKind::ReplacedField("expires_in".to_owned(), json!(0)),
            6,
            "already expired",
        ),
        (
            Route::Exchange,
            page(200, "text/html", html),
            6,
            "returned a web page",
        ),
        (
            Route::Exchange,
            page(200, "application/json", html),
            6,
            "in another format than the service's",
        ),
        (
            Route::Exchange,
            page(403, "text/html", html),
            6,
            "returned a web page",
        ),
        (
            Route::Exchange,
            FaultKind::MissingField("token".to_owned()),
            6,
            "in another format than the service's",
        ),
        (
            Route::Exchange,
            FaultKind::MissingField("expiresOn".to_owned()),
            6,
            "in another format than the service's",
        ),
        (
            Route::Exchange,
            FaultKind::OversizedBody(30_000_000),
            6,
            "larger than 1 MiB",
        ),
        (
            Route::Exchange,
            FaultKind::ReplacedField("expiresOn".to_owned(), json!("2020-01-01T00:00:00+00:00")),
            6,
            "already expired",
        ),
        (
            Route::Exchange,
            FaultKind::ReplacedField("expiresOn".to_owned(), json!("tomorrow")),
            6,
            "not a time",
        ),
    ]
}

#[test]
fn answers_that_are_not_a_services_own_are_told_from_its_refusals() {
    for (route, what, code, words) in wrong_answers() {
        let (home, emulator) = Home::with_emulator();
        let case = format!("{route:?} {what:?}");
        emulator.add_fault(fault(route, what));
        let browser = TestBrowser::walking();
        let run = home.call(&["get", "--interactive"]).by(&browser).run();
        assert_eq!(run.code, Some(code), "{case}: {}", run.stderr);
        run.assert_error(code, &[words]);
    }
}

fn session(item: &[u8]) -> Value {
    serde_json::from_slice(item).expect("a session")
}

#[test]
fn a_wrong_answer_to_a_renewal_loses_nothing_and_keeps_its_refresh_token() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let token = home.real(&["get"]).token();
    let items = home.keyring().lookup_items();
    for (route, what, code, words) in wrong_answers() {
        let before = home.keyring().lookup(&items[0]);
        let case = format!("{route:?} {what:?}");
        // The answer is of no use, but for the new refresh token in it.
        let rotates = route == Route::Token
            && matches!(
                what,
                FaultKind::MissingField(_) | FaultKind::ReplacedField(..)
            );
        if route == Route::Metadata {
            home.forget_metadata();
        }
        emulator.add_fault(fault(route, what));
        let run = home.real(&["get", "--force-refresh"]);
        assert_eq!(run.code, Some(code), "{case}: {}", run.stderr);
        run.assert_error(code, &[words]);
        let after = home.keyring().lookup(&items[0]);
        if rotates {
            let (before, after) = (session(&before), session(&after));
            for (name, value) in before.as_object().expect("an object") {
                let is_same = after[name] == *value;
                let is_of_refresh_token = name.starts_with("refresh_token");
                assert_eq!(is_same, !is_of_refresh_token, "{case}: {name}");
            }
        } else if route != Route::Exchange {
            assert!(after == before, "{case}: the session has changed");
        }
        emulator.clear_faults();
        assert_eq!(home.real(&["get"]).token(), token, "{case}");
    }
    home.real(&["get", "--force-refresh"]).token();
}

#[test]
fn thirty_megabytes_are_asked_for_once_and_not_read_to_the_end() {
    let (home, emulator) = Home::with_emulator();
    emulator.add_fault(fault(Route::Token, FaultKind::OversizedBody(30_000_000)));
    let browser = TestBrowser::walking();
    let run = home.call(&["login"]).by(&browser).run();
    run.assert_error(6, &["larger than 1 MiB"]);
    assert_eq!(emulator.count("fault"), 1, "asking again changes nothing");
}

/// An id_token of this emulator but for what is changed.
fn id_token(emulator: &Emulator, change: &[(&str, Value)]) -> Value {
    let (tenant, now) = (emulator.tenant_id(), SystemClock.now().unix_seconds());
    let mut claims = json!({
        "aud": emulator.client_id(), "tid": tenant, "oid": emulator.object_id(),
        "iss": format!("{}/{tenant}/v2.0", emulator.http_url()),
        "exp": now + 3600, "preferred_username": emulator.username(),
    });
    for (name, value) in change {
        claims[*name] = value.clone();
    }
    let head = jwt::encode_part(br#"{"alg":"RS256"}"#);
    let body = jwt::encode_part(claims.to_string().as_bytes());
    json!(format!("{head}.{body}.c2lnbmF0dXJl"))
}

#[test]
fn an_id_token_that_fails_any_check_ends_with_5_and_nothing_is_stored() {
    let (home, emulator) = Home::with_keyring();
    let other = "11111111-2222-3333-4444-555555555555";
    let past = SystemClock.now().unix_seconds() - 400;
    for (name, value) in [
        ("aud", json!(other)),
        ("tid", json!(other)),
        ("tid", Value::Null),
        ("iss", json!(format!("https://evil.example/{other}/v2.0"))),
        ("exp", json!(past)),
        ("nonce", json!("of-another-sign-in")),
        ("nonce", Value::Null),
    ] {
        let wrong = id_token(&emulator, &[(name, value)]);
        let what = FaultKind::ReplacedField("id_token".to_owned(), wrong);
        emulator.add_fault(fault(Route::Token, what));
        let browser = TestBrowser::walking();
        let run = home.call(&["login"]).by(&browser).spawn().end();
        run.assert_error(5, &[&format!("({name})"), "nothing was stored"]);
        assert!(run.pages[0].html.contains("Sign-in failed"));
        assert_eq!(home.keyring().lookup_items(), [""; 0]);
        home.real(&["status"]).assert_code(4);
        emulator.clear_faults();
    }
    // The exact emulator's token passes, so it is the change that was refused.
    home.login();
}

#[test]
fn a_renewal_that_names_another_user_is_refused_and_changes_nothing() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let token = home.real(&["get"]).token();
    let item = home.keyring().lookup_items()[0].clone();
    let before = home.keyring().lookup(&item);
    let someone = json!("ac5ba55e-05e4-4000-8000-000000000002");
    let wrong = id_token(&emulator, &[("oid", someone)]);
    let what = FaultKind::ReplacedField("id_token".to_owned(), wrong);
    emulator.add_fault(fault(Route::Token, what));
    home.real(&["get", "--force-refresh"])
        .assert_error(5, &["another user"]);
    assert!(home.keyring().lookup(&item) == before, "unchanged");
    assert_eq!(home.real(&["get"]).token(), token);
}

#[test]
fn a_user_without_a_teams_licence_is_refused_with_5() {
    let (home, _emulator) = Home::with_emulator();
    let browser = TestBrowser::of("cleo@contoso.example");
    let run = home.call(&["get", "--interactive"]).by(&browser).run();
    run.assert_error(5, &["Forbidden", "licence"]);
}

#[test]
fn a_wrong_access_key_is_refused_with_5() {
    let (mut home, emulator) = Home::with_emulator();
    let text = format!("endpoint={};accesskey={KEY}", emulator.http_url());
    home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &text);
    home.sweep.add(KEY);
    let browser = TestBrowser::walking();
    let run = home.call(&["get", "--interactive"]).by(&browser).run();
    run.assert_error(5, &["key"]);
}

#[test]
fn a_keyring_item_that_does_not_parse_is_set_aside_and_counts_as_signed_out() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    home.real(&["get"]).token();
    let item = home.keyring().lookup_items()[0].clone();
    let whole = home.keyring().lookup(&item);
    for wrong in [&b"not a session"[..], b"{}", b"", &whole[..whole.len() / 2]] {
        home.keyring().replace(&item, wrong);
        let run = home.real(&["get"]);
        run.assert_error(
            4,
            &[
                "could not read the stored session",
                "unreadable ",
                "acspass login",
            ],
        );
        let items = home.keyring().lookup_items();
        let aside = items.iter().find(|item| item.starts_with("unreadable "));
        let aside = aside.expect("it is kept under another name");
        assert!(aside.ends_with(&item), "{aside}");
        assert_eq!(home.keyring().lookup(aside), wrong);
        home.real(&["status"]).assert_code(4);
        home.login();
        home.real(&["get"]).token();
        home.keyring().remove(aside);
    }
    // A logout removes what cannot be read.
    home.keyring().replace(&item, b"not a session");
    home.real(&["logout"]).assert_code(0);
    assert_eq!(home.keyring().lookup_items(), [""; 0]);
}

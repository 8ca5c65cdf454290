//! Answers in shapes that no document promises: what is needed and readable is taken.

use std::io::Write;

use acspass::emulator::{Fault, FaultKind, Route};
use acspass::error::{Kind, Result};
use acspass::http::{Http, Options, Request, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::canned::Canned;
use crate::harness::{Home, TestBrowser};

fn once(route: Route, what: FaultKind) -> Fault {
    Fault {
        route,
        times: Some(1),
        what,
    }
}

/// Shapes of a token answer: a member, and its value.
fn shapes() -> Vec<(&'static str, Value)> {
    vec![
        ("expires_in", json!("4799")),
        ("expires_in", json!(4799.5)),
        ("expires_in", json!("4799.0")),
        ("expires_in", Value::Null),
        ("ext_expires_in", json!("long")),
        ("scope", Value::Null),
        ("scope", json!(["Teams.ManageCalls", "Teams.ManageChats"])),
        ("token_type", Value::Null),
        ("token_type", json!("bearer")),
        ("token_type", json!("BEARER")),
        ("foci", json!(1)),
        ("client_info", json!(7)),
        ("new", json!({"a": [null]})),
    ]
}

// https://github.com/ramosbugs/oauth2-rs/issues/151
#[test]
fn a_token_answer_with_an_odd_member_signs_in_and_renews() {
    for (member, value) in shapes() {
        let (home, emulator) = Home::with_emulator();
        let case = format!("{member}: {value}");
        let what = || FaultKind::ReplacedField(member.to_owned(), value.clone());
        emulator.add_fault(once(Route::Token, what()));
        // The second one is the renewal's.
        emulator.add_fault(once(Route::Token, what()));
        let browser = TestBrowser::walking();
        let words = ["get", "--interactive", "--min-validity", "2h"];
        let run = home.call(&words).by(&browser).run();
        assert_eq!(run.code, Some(0), "{case}: {}", run.stderr);
        run.assert_does_not_say("captive portal");
        assert_eq!(emulator.count("refresh_token"), 1, "{case}");
    }
}

#[test]
fn a_token_answer_that_lacks_what_can_be_done_without_signs_in() {
    for member in [
        "expires_in",
        "ext_expires_in",
        "scope",
        "token_type",
        "client_info",
    ] {
        let (home, emulator) = Home::with_emulator();
        emulator.add_fault(once(
            Route::Token,
            FaultKind::MissingField(member.to_owned()),
        ));
        let call = home.call(&["get", "--interactive", "-o", "json"]);
        let run = call.by(&TestBrowser::walking()).run();
        run.assert_code(0).assert_does_not_say("short");
        let left = run.json()["expiresInSeconds"].as_u64().expect("seconds");
        assert!(left > 4000, "{member}: the token tells its own expiry");
    }
}

#[test]
fn a_refusal_is_what_it_names_whatever_else_it_says() {
    for (status, body) in [
        (400, json!({"error": "invalid_grant"})),
        (400, json!({"error": "invalid_grant", "error_codes": null})),
        (
            400,
            json!({"error": "invalid_grant", "error_codes": "50173", "claims": 7}),
        ),
        (
            401,
            json!({"error": "invalid_grant", "error_description": ["x"], "suberror": {}}),
        ),
        (
            200,
            json!({"error": "invalid_grant", "correlation_id": 7, "trace_id": null}),
        ),
    ] {
        for content_type in ["application/json; charset=utf-8", "text/plain", "text/html"] {
            let (home, emulator) = Home::with_keyring();
            home.login();
            emulator.add_fault(once(
                Route::Token,
                FaultKind::Status {
                    status,
                    retry_after: None,
                    content_type: content_type.to_owned(),
                    body: body.to_string(),
                },
            ));
            let run = home.real(&["get", "--force-refresh", "--no-interactive"]);
            run.assert_error(4, &["acspass login"]);
            run.assert_does_not_say("captive portal");
        }
    }
}

#[test]
fn an_identity_that_was_created_is_named_though_its_token_is_unusable() {
    for value in [
        json!(null),
        json!("eyJ"),
        json!({"token": 7}),
        json!({"token": "t"}),
    ] {
        let (home, emulator) = Home::with_emulator();
        let what = FaultKind::ReplacedField("accessToken".to_owned(), value);
        emulator.add_fault(once(Route::Identities, what));
        let run = home.run(&["user", "create", "--scope", "chat"]);
        let id = format!("8:acs:{}_", emulator.resource_id());
        run.assert_error(6, &[&id, "was created", "acspass token issue --user"]);
    }
}

fn get(server: &Canned) -> Result<Response> {
    let http = Http::new(Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let url = server.url();
    runtime
        .expect("a runtime")
        .block_on(http.send(|| Ok(Request::get(url.clone()))))
}

fn response(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{coding}content-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

const GZIP: &str = "content-encoding: gzip\r\n";
const BODY: &[u8] = b"{\"error\":\"invalid_grant\"}";

#[test]
fn a_body_is_read_that_is_gzip_coded_unasked_or_begins_with_a_byte_order_mark() {
    let marked = [b"\xef\xbb\xbf", BODY].concat();
    for (case, bytes) in [
        ("plain", response("", BODY)),
        ("identity", response("content-encoding: identity\r\n", BODY)),
        ("gzip", response(GZIP, &gzip(BODY))),
        ("mark", response("", &marked)),
        ("both", response(GZIP, &gzip(&marked))),
    ] {
        let answer = get(&Canned::answering(bytes));
        let answer = answer.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(answer.body, BODY, "{case}");
        assert!(answer.is_json() && answer.is_object(), "{case}");
    }
}

#[test]
fn a_small_body_that_decodes_to_a_huge_one_is_not_decoded_to_its_end() {
    let bomb = gzip(&vec![b'x'; 64 * 1024 * 1024]);
    assert!(bomb.len() < 128 * 1024, "{}", bomb.len());
    let server = Canned::answering(response(GZIP, &bomb));
    let error = get(&server).err().expect("it is too long");
    assert!(error.message().contains("larger than 1 MiB"), "{error}");
    assert_eq!(server.connections(), 1, "asking again changes nothing");
}

#[test]
fn a_body_in_another_coding_is_an_error_that_names_it() {
    let server = Canned::answering(response("content-encoding: br\r\n", BODY));
    let error = get(&server).err().expect("it cannot be read");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.message().contains("`br`"), "{error}");
}

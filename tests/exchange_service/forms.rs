//! Requests that are no token request.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use acspass::emulator::{Emulator, Options};
use serde_json::Value;
use url::form_urlencoded;

use crate::harness::{Service, acs_token, own_token, send, until};

const GRANT: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";

#[test]
fn requests_without_a_token_form_are_refused() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let service = Service::start(&emulator, &[]);
    let bearer = format!("Bearer {}", own_token(&emulator));
    let basic = ("Authorization", "Basic YTpi");
    let bearer = ("Authorization", bearer.as_str());
    let json = ("Content-Type", "application/json");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let resource = format!("{GRANT}&resource=https%3A%2F%2Fgraph.microsoft.com");
    for (headers, body, status, reason) in [
        (&[basic, form][..], "", 401, "missing"),
        (&[bearer, bearer, form], "", 400, "repeated_header"),
        (&[bearer, json], "{}", 400, "not_a_form"),
        (&[bearer, form], "grant_type=password", 400, "grant_type"),
        (&[bearer, form], "", 400, "grant_type_missing"),
        (&[bearer, form], resource.as_str(), 400, "target"),
    ] {
        let response = send(service.port, "POST", "/v1/token", headers, body);
        assert_eq!(response.status, status, "{}", response.body);
        assert_eq!(service.audit(&response)["reason"], reason);
    }
    // No token for a response without a body.
    for (method, path, allowed) in [
        ("GET", "/v1/token", "POST"),
        ("HEAD", "/v1/token", "POST"),
        ("HEAD", "/api/token/teams", "GET"),
        ("POST", "/api/token/teams", "GET"),
        ("HEAD", "/v1/identity/token", "GET"),
        ("DELETE", "/v1/identity/token", "GET"),
        ("POST", "/readyz", "GET,HEAD"),
    ] {
        let response = send(service.port, method, path, &[bearer], "");
        let found = (response.status, response.header("allow"));
        assert_eq!(found, (405, Some(allowed)), "{method} {path}");
    }
    assert_eq!(service.get("/v2/token").status, 404);
}

#[test]
fn the_header_of_the_hero_sample_occurs_once_and_has_a_value() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let service = Service::start(&emulator, &[]);
    let bearer = format!("Bearer {}", own_token(&emulator));
    let bearer = ("Authorization", bearer.as_str());
    let subject = acs_token(&emulator);
    let subject = ("teams-user-aad-token", subject.as_str());
    let empty = ("teams-user-aad-token", "");
    for (headers, reason) in [
        (&[bearer, subject, subject][..], "repeated_header"),
        (&[bearer, subject, empty], "repeated_header"),
        (&[bearer, bearer, subject], "repeated_header"),
        (&[bearer, empty], "subject_missing"),
        (
            &[bearer, ("teams-user-aad-token", "\u{e9}.x.y")],
            "subject_malformed",
        ),
    ] {
        let response = send(service.port, "GET", "/api/token/teams", headers, "");
        assert_eq!(
            (response.status, response.json()["error"].as_str()),
            (400, Some("invalid_request")),
            "{reason}"
        );
        assert_eq!(service.audit(&response)["reason"], reason);
    }
    assert_eq!(emulator.count("exchange"), 0);
}

#[test]
fn a_target_is_the_resource_of_the_service_or_none() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let service = Service::start(&emulator, &[]);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    let own: String = form_urlencoded::byte_serialize(emulator.http_url().as_bytes()).collect();
    for (parameter, status, error) in [
        (format!("resource={own}&audience={own}"), 200, None),
        ("scope=&resource=".to_owned(), 200, None),
        (
            "resource=https%3A%2F%2Fx.example".to_owned(),
            400,
            Some("invalid_target"),
        ),
        (
            "audience=api%3A%2F%2Fx".to_owned(),
            400,
            Some("invalid_target"),
        ),
        ("scope=voip".to_owned(), 400, Some("invalid_scope")),
        ("actor_token=x".to_owned(), 400, Some("invalid_request")),
        (
            format!("subject_token={subject}"),
            400,
            Some("invalid_request"),
        ),
    ] {
        let response = service.exchange(&bearer, &format!("{subject}&{parameter}"));
        assert_eq!(response.status, status, "{parameter}: {}", response.body);
        assert_eq!(response.json()["error"].as_str(), error, "{parameter}");
    }
}

#[test]
fn a_body_that_is_not_complete_is_no_large_one() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let service = Service::start(&emulator, &[]);
    let bearer = own_token(&emulator);
    let head = format!(
        "POST /v1/token HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n"
    );
    for (rest, reason, outcome) in [
        (
            "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
            Some("body_malformed"),
            "refused",
        ),
        ("Content-Length: 50\r\n\r\ngrant_type=", None, "abandoned"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", service.port)).expect("it listens");
        let request = format!("{head}{rest}");
        stream.write_all(request.as_bytes()).expect("written");
        stream.shutdown(Shutdown::Write).expect("half open");
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        let line = until("the decision", || {
            let lines = service.lines();
            let mut lines = lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            lines.find(|line: &Value| line["outcome"] == outcome)
        });
        assert_eq!(line["reason"].as_str(), reason, "{line}");
    }
}

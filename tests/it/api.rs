//! `api`: one request to the resource, by the key, a principal or the user, and its response.

use acspass::emulator::{Fault, FaultKind, Route};
use acspass::time::{Clock, SettableClock, SystemClock};
use serde_json::Value;

use crate::harness::Home;
use crate::harness::canned::Canned;

/// Paths that would lead a careless client to another host or folder.
const HOSTILE: [&str; 16] = [
    "https://evil.test/identities",
    "HTTP://evil.test",
    "//evil.test/identities",
    "\\\\evil.test\\identities",
    "/\\evil.test",
    "http:evil.test",
    "user@evil.test/x",
    "@evil.test",
    ":443@evil.test",
    "/identities/../x",
    "/identities/%2e%2e/x",
    "/identities/%2E%2e%2fx",
    "..",
    "/identities#x",
    "/identities\r\nHost: evil.test",
    "/identities\t",
];

/// A response of a resource that sends no time.
fn denied_without_a_date() -> Canned {
    let body = r#"{"error":{"code":"Denied","message":"Denied by the resource provider."}}"#;
    let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close";
    Canned::answering(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into())
}

/// Sets the resource of a home: an endpoint, and a key that the emulator does not know.
fn set_wrong_key(home: &mut Home, endpoint: &str) {
    let key = "d3Jvbmcta2V5LW9mLXRoZS10ZXN0cw==";
    let text = format!("endpoint={endpoint};accesskey={key}");
    home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &text);
}

#[test]
fn the_body_is_printed_as_it_came() {
    let (home, emulator) = Home::with_emulator();
    let run = home.run(&["api", "post", "identities"]);
    run.assert_code(0);
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let id = json["identity"]["id"].as_str().expect("an id");
    assert_eq!(run.stdout.trim_end(), run.stdout, "no line end is added");

    let issue = format!("/identities/{id}/:issueAccessToken");
    let words = [
        "api",
        "POST",
        &issue,
        "-f",
        "scopes[]=chat",
        "-F",
        "expiresInMinutes=60",
    ];
    let run = home.run(&words);
    run.assert_code(0);
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert!(emulator.is_token_valid(json["token"].as_str().expect("a token")));

    let run = home.run(&["api", "GET", &format!("/identities/{id}")]);
    assert!(run.assert_code(0).stdout.contains(id), "{}", run.stdout);
    let run = home.run(&["api", "DELETE", &format!("/identities/{id}")]);
    assert_eq!(run.assert_code(0).stdout, "");
}

#[test]
fn status_and_headers_come_before_the_body() {
    let (home, _emulator) = Home::with_emulator();
    let run = home.run(&["api", "POST", "/identities", "--include"]);
    run.assert_code(0);
    let (head, body) = run.stdout.split_once("\n\n").expect("an empty line");
    assert!(head.starts_with("HTTP/1.1 201 Created\n"), "{head}");
    assert!(head.contains("\ncontent-type: application/json"), "{head}");
    assert!(body.starts_with('{'), "{body}");
}

#[test]
fn a_path_that_names_a_host_or_a_parent_is_refused_before_any_request() {
    let (home, emulator) = Home::with_emulator();
    for path in HOSTILE {
        for sender in [&[][..], &["--as", "user"]] {
            let words = [&["api", "GET", path][..], sender].concat();
            home.run(&words).assert_error(
                2,
                &["invalid PATH", "The host is always the configured endpoint"],
            );
        }
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn mistakes_of_the_command_line_are_refused_before_any_request() {
    let (home, emulator) = Home::with_emulator();
    for (words, says) in [
        (
            &["GET", "/phoneNumbers"][..],
            "`acspass api GET /phoneNumbers -vv --api-version VERSION`",
        ),
        (
            &["GET", "/x?api-version=1", "--api-version", "2"],
            "more than once",
        ),
        (&["GET", "/x?api-version=1&API-version=1"], "more than once"),
        (
            &["GET", "/identities", "--api-version", ""],
            "the api-version is empty",
        ),
        (
            &["POST", "/identities", "-F", "n=12345678901234567890123"],
            "more than 64 bits",
        ),
        (&["GET", "/identities", "--input", "-"], "has no body"),
        (
            &["POST", "/identities", "-f", "a=1", "-F", "a=2"],
            "the field `a` is given twice",
        ),
        (&["POST", "/identities", "-f", "a"], "Use KEY=VALUE"),
        (
            &["POST", "/identities", "-F", "a=@x"],
            "`acspass api METHOD PATH --input FILE`",
        ),
        (
            &["POST", "/identities", "--input", "no-such-file"],
            "could not read the body from the file `no-such-file`",
        ),
        (&["BREW", "/identities"], "BREW"),
    ] {
        home.run(&[&["api"], words].concat())
            .assert_error(2, &[says]);
    }
    // A secret on the command line is not repeated.
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl";
    let field = format!("token={token}");
    let words = [
        "api",
        "POST",
        "/teamsUser/:exchangeAccessToken",
        "-f",
        &field,
    ];
    let run = home.call(&words).unswept().run();
    run.assert_error(2, &["a token was given"]);
    run.assert_does_not_say(token);
    assert_eq!(emulator.requests(), []);
}

#[test]
fn the_body_comes_from_a_file_or_standard_input() {
    let (home, emulator) = Home::with_emulator();
    let body = r#"{"createTokenWithScopes": ["chat"], "expiresInMinutes": 60}"#;
    let file = home.path().join("body.json");
    std::fs::write(&file, body).expect("a file");
    let file = file.to_str().expect("a name");
    let from_file = home.run(&["api", "POST", "/identities", "--input", file]);
    let words = ["api", "POST", "/identities", "--input", "-"];
    let from_stdin = home.call(&words).typing(body).run();
    for run in [from_file, from_stdin] {
        run.assert_code(0);
        let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let token = json["accessToken"]["token"].as_str();
        assert!(emulator.is_token_valid(token.expect("a token")));
    }
}

#[test]
fn a_refusal_prints_the_services_error_and_no_body() {
    let (home, _emulator) = Home::with_emulator();
    let words = ["api", "POST", "/identities", "-F", "expiresInMinutes=5"];
    let words = [&words[..], &["-f", "createTokenWithScopes[]=chat"]].concat();
    home.run(&words).assert_error(
        5,
        &["ValidationError", "Correct the field `ExpiresInMinutes`"],
    );
    let words = ["api", "GET", "/access/nothing", "--api-version", "1"];
    home.run(&words)
        .assert_error(5, &["the ACS resource has no path `/access/nothing`"]);
    home.run(&["api", "PUT", "/identities", "--include"])
        .assert_error(5, &["does not accept PUT for the path `/identities`"]);
    home.run(&["api", "POST", "/identities", "--api-version", "1999-01-01"])
        .assert_error(
            5,
            &[
                "UnsupportedApiVersion",
                "`acspass api POST /identities -vv --api-version VERSION` with one of: ",
            ],
        );
}

#[test]
fn a_refused_signature_names_its_possible_causes() {
    let (mut home, emulator) = Home::with_emulator();
    set_wrong_key(&mut home, &emulator.http_url());
    let causes = [
        "A wrong or regenerated key",
        "A disabled key",
        "A wrong content hash",
    ];
    let run = home.run(&["api", "POST", "/identities"]);
    run.assert_error(5, &causes);
    run.assert_says(&["this machine's clock is correct", "Denied"]);

    let clock = SettableClock::new(SystemClock.now().shifted(3630));
    let run = home
        .call(&["api", "POST", "/identities"])
        .by_clock(&clock)
        .run();
    run.assert_error(5, &["this machine's clock is 1 h"]);

    let silent = denied_without_a_date();
    set_wrong_key(&mut home, &format!("http://{}", silent.address()));
    let run = home.run(&["api", "POST", "/identities"]);
    run.assert_error(5, &causes);
    run.assert_says(&["the response has no time to check this machine's clock with"]);
}

#[test]
fn the_users_token_authorizes_a_request_without_a_key() {
    let (mut home, emulator) = Home::with_keyring();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    home.set("ACSPASS_EXCHANGE", "entra");
    let path = "/access/entra/:exchangeAccessToken";
    let body = home.path().join("body.json");
    std::fs::write(&body, "{}").expect("a file");
    let body = body.to_str().expect("a name");
    let words = ["api", "POST", path, "--as", "user", "--input", body];
    home.real(&words).assert_error(4, &["acspass login"]);
    home.login();
    let run = home.real(&words);
    run.assert_code(0);
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let token = json["accessToken"]["token"].as_str().expect("a token");
    assert!(emulator.is_token_valid(token));
    // The user has no right of the owner.
    home.real(&["api", "POST", "/identities", "--as", "user"])
        .assert_error(5, &[]);
}

#[test]
fn the_emulator_of_the_command_gets_the_request() {
    let home = Home::new();
    let run = home.real(&["--emulator", "api", "POST", "/identities"]);
    let created: Value = serde_json::from_str(&run.assert_code(0).stdout).expect("JSON");
    let id = created["identity"]["id"].as_str().expect("an id");
    assert!(id.starts_with("8:acs:"), "{id}");
    let words = ["api", "POST", "/identities", "--as", "user", "--emulator"];
    home.real(&words).assert_error(5, &["401"]);
}

#[test]
fn a_post_that_was_sent_twice_warns_and_one_without_a_response_says_so() {
    let (home, emulator) = Home::with_emulator();
    let busy = |times| Fault {
        route: Route::Identities,
        times,
        what: FaultKind::Status {
            status: 503,
            retry_after: Some("0".to_owned()),
            content_type: "application/json".to_owned(),
            body: r#"{"error":{"code":"Busy","message":"not now"}}"#.to_owned(),
        },
    };
    emulator.add_fault(busy(Some(1)));
    home.run(&["api", "POST", "/identities"])
        .assert_code(0)
        .assert_says(&["processed it more than once"]);
    let created = home.run(&["user", "create"]);
    let path = format!("/identities/{}", created.stdout.trim());
    emulator.add_fault(busy(Some(1)));
    let requests = emulator.requests().len();
    home.run(&["api", "DELETE", &path])
        .assert_code(0)
        .assert_does_not_say("more than once");
    assert_eq!(emulator.requests().len(), requests + 2);
    emulator.add_fault(busy(None));
    home.run(&["api", "POST", "/identities"])
        .assert_error(6, &["Busy", "The service may have processed the request"]);
}

fn always(status: u16, content_type: &str, body: &str) -> Fault {
    Fault {
        route: Route::Identities,
        times: None,
        what: FaultKind::Status {
            status,
            retry_after: None,
            content_type: content_type.to_owned(),
            body: body.to_owned(),
        },
    }
}

#[test]
fn json_output_changes_no_number_and_no_member() {
    let (home, emulator) = Home::with_emulator();
    let body = r#"{"n":12345678901234567890123,"f":1.10,"n":1}"#;
    emulator.add_fault(always(200, "application/json", body));
    let run = home.run(&["api", "POST", "/identities", "-o", "json"]);
    assert_eq!(run.assert_code(0).stdout.trim(), body);
}

#[test]
fn a_web_page_is_no_response_of_the_service() {
    let (home, emulator) = Home::with_emulator();
    emulator.add_fault(always(200, "text/html", "<html>Sign in</html>"));
    home.run(&["api", "POST", "/identities"])
        .assert_error(6, &["a web page"]);
}

#[test]
fn only_a_code_without_an_object_says_that_the_path_is_wrong() {
    let (home, emulator) = Home::with_emulator();
    let error = |code: &str| {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"it is not there"}}}}"#);
        always(404, "application/json", &body)
    };
    emulator.add_fault(error("AssignmentNotFound"));
    let run = home.run(&["api", "POST", "/identities"]);
    run.assert_error(5, &["AssignmentNotFound"]);
    run.assert_does_not_say("has no path");
    emulator.clear_faults();
    emulator.add_fault(error("NotFound"));
    home.run(&["api", "POST", "/identities"])
        .assert_error(5, &["has no path"]);
}

#[test]
fn json_output_is_the_body_and_with_include_all_of_the_response() {
    let (home, _emulator) = Home::with_emulator();
    let json = home
        .run(&["api", "POST", "/identities", "-o", "json"])
        .json();
    let path = format!(
        "/identities/{}",
        json["identity"]["id"].as_str().expect("an id")
    );
    let json = home
        .run(&["api", "DELETE", &path, "-o", "json", "-i"])
        .json();
    assert_eq!(
        (&json["status"], &json["body"]),
        (&204.into(), &serde_json::json!({}))
    );
    assert!(json["headers"]["date"].is_string(), "{json}");
    let error = home.run(&["api", "PUT", &path, "-o", "json"]).json_error();
    assert_eq!(error["kind"], "refused");
}

//! The identity operations over HTTP, in the shapes of the commands and of the document.

use serde_json::{Value, json};

use super::Service;
use super::shape::Document;
use crate::harness::Home;
use crate::harness::http::{self, Response};
use crate::identity::resource_principal::signed_in_to_az;

/// A service for those who hold a key; nobody is signed in.
fn home() -> (Home, std::sync::Arc<acspass::emulator::Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    (home, emulator)
}

struct Asker<'s, 'h> {
    service: &'s Service<'h>,
    document: Document,
}

impl<'s, 'h> Asker<'s, 'h> {
    fn new(service: &'s Service<'h>) -> Self {
        let document = service.get("/openapi.json").assert_status(200).json();
        Asker {
            service,
            document: Document(document),
        }
    }

    /// Asks, and holds the answer against the document.
    #[track_caller]
    fn ask(&self, method: &str, route: &str, id: &str, body: &str) -> Response {
        let path = route.replace("{id}", id);
        let headers = [self.service.bearer()];
        let response = self
            .service
            .send(&method.to_uppercase(), &path, &[&headers[0]], body);
        self.document
            .assert_fits(method, route, response.status, &response.json());
        response
    }
}

#[test]
fn an_identity_lives_from_its_creation_to_its_end() {
    let (home, emulator) = home();
    let service = Service::start(&home, &[]);
    let asker = Asker::new(&service);
    let bare = asker
        .ask("post", "/identities", "", "")
        .assert_status(201)
        .json();
    assert!(bare.get("accessToken").is_none(), "no scopes, no token");
    let id = bare["identity"]["id"].as_str().expect("an id").to_owned();
    let token_request = json!({"scopes": ["chat", "voip"], "expiresInMinutes": 60}).to_string();
    let issued = asker.ask("post", "/identities/{id}/tokens", &id, &token_request);
    let issued = issued.assert_status(200).json();
    assert!((3590..=3600).contains(&issued["expiresInSeconds"].as_u64().expect("a number")));
    let token = issued["token"].as_str().expect("a token");
    assert!(emulator.is_token_valid(token));
    let escaped = id.replace(':', "%3A");
    let revoked = asker.ask("post", "/identities/{id}/revoke", &escaped, "");
    assert_eq!(revoked.assert_status(200).json(), json!({}));
    assert!(!emulator.is_token_valid(token));
    let deleted = asker.ask("delete", "/identities/{id}", &id, "");
    assert_eq!(deleted.assert_status(200).json(), json!({}));
    // What the service says of an identity that is no more comes through.
    let (kind, code) = asker
        .ask("post", "/identities/{id}/tokens", &id, &token_request)
        .error();
    assert_eq!(
        (kind.as_str(), code.as_deref()),
        ("refused", Some("IdentityNotOwned"))
    );
    let both = asker.ask(
        "post",
        "/identities",
        "",
        &json!({"scopes": ["chat"]}).to_string(),
    );
    let both = both.assert_status(201).json();
    assert!(emulator.is_token_valid(both["accessToken"]["token"].as_str().expect("a token")));
    service.stop().assert_code(0);
}

#[test]
fn what_is_wrong_is_refused_before_the_resource_is_asked() {
    let (home, emulator) = home();
    let service = Service::start(&home, &[]);
    let asker = Asker::new(&service);
    let id = "8:acs:ac5ba55e-0ac5-4000-8000-0000000000e1_00000001-0a37-4d67-a357-6bba0f0138a0";
    for (route, id, body) in [
        ("/identities", "", "{\"scopes\": 5}"),
        (
            "/identities",
            "",
            "{\"scopes\": [\"chat\"], \"validFor\": \"1h\"}",
        ),
        ("/identities", "", "{\"expiresInMinutes\": 60}"),
        (
            "/identities",
            "",
            "{\"scopes\": [\"chat\"], \"expiresInMinutes\": 59}",
        ),
        (
            "/identities",
            "",
            "{\"scopes\": [\"chat\"], \"expiresInMinutes\": -1}",
        ),
        ("/identities", "", "[]"),
        ("/identities", "", "chat"),
        ("/identities/{id}/tokens", id, "{}"),
        ("/identities/{id}/tokens", id, ""),
        ("/identities/{id}/tokens", "me", "{\"scopes\": [\"chat\"]}"),
        ("/identities/{id}/revoke", "8:orgid:1", ""),
    ] {
        let response = asker.ask("post", route, id, body).assert_status(400);
        assert_eq!(response.error().0, "usage", "{route} {body}");
    }
    let form = service.raw(&http::request(
        "POST",
        "/identities",
        &[
            &format!("Host: 127.0.0.1:{}", service.port),
            &service.bearer(),
            "Content-Type: text/plain",
        ],
        "{}",
    ));
    form.assert_status(415);
    assert!(emulator.requests().is_empty(), "nothing was contacted");
    service.stop().assert_code(0);
}

#[test]
fn without_a_key_or_a_role_the_operations_say_so() {
    let (mut home, emulator) = home();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    home.set("ACSPASS_EXCHANGE", "entra");
    let service = Service::start(&home, &[]);
    let response = Asker::new(&service).ask("post", "/identities", "", "");
    let response = response.assert_status(409);
    assert_eq!(response.error().0, "usage");
    let message: Value = response.json();
    assert!(
        message["error"]["hint"]
            .as_str()
            .is_some_and(|hint| !hint.is_empty())
    );
    service.stop().assert_code(0);
}

#[test]
fn concurrent_requests_start_one_az_process() {
    let (mut home, _emulator, az) = signed_in_to_az();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let service = Service::start(&home, &[]);
    let caller = &*service;
    let create = || {
        let response = caller.send("POST", "/identities", &[&caller.bearer()], "{}");
        response.assert_status(201);
    };
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(create);
        }
    });
    create();
    let calls = std::fs::read_to_string(az.path().join("calls")).expect("it was called");
    assert_eq!(calls.lines().count(), 1);
    service.stop().assert_code(0);
}

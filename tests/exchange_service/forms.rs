//! Requests that are no token request.

use acspass::emulator::{Emulator, Options};

use crate::harness::{Service, own_token, send};

#[test]
fn requests_without_a_token_form_are_refused() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let service = Service::start(&emulator, &[]);
    let bearer = format!("Bearer {}", own_token(&emulator));
    let basic = ("Authorization", "Basic YTpi");
    let bearer = ("Authorization", bearer.as_str());
    let json = ("Content-Type", "application/json");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for (headers, body, status, reason) in [
        (&[basic, form][..], "", 401, "missing"),
        (&[bearer, bearer, form], "", 401, "missing"),
        (&[bearer, json], "{}", 400, "not_a_form"),
        (&[bearer, form], "grant_type=password", 400, "grant_type"),
        (&[bearer, form], "", 400, "grant_type_missing"),
    ] {
        let response = send(service.port, "POST", "/v1/token", headers, body);
        assert_eq!(response.status, status, "{}", response.body);
        assert_eq!(service.audit(&response)["reason"], reason);
    }
    assert_eq!(service.get("/v1/token").status, 405);
    for path in ["/api/token/teams", "/v1/identity/token"] {
        let response = send(service.port, "HEAD", path, &[bearer], "");
        assert_eq!(
            response.status, 405,
            "{path}: no token for a request without a body"
        );
    }
    assert_eq!(service.get("/v2/token").status, 404);
}

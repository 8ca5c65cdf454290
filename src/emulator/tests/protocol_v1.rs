//! Version 1 of Entra's protocol, with `resource` in place of `scope`.

use serde_json::Value;

use super::harness::{
    Answer, Fixture, NOW, REDIRECT, VERIFIER, challenge, claims, encode, published,
};

const RESOURCE: &str = "https://communication.azure.com/";

fn post(fixture: &Fixture, form: &[(&str, &str)]) -> Answer {
    fixture.send(
        "POST",
        "/contoso.example/oauth2/token",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &encode(form, &[]),
    )
}

fn text<'v>(body: &'v Value, name: &str) -> &'v str {
    body[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {body}"))
}

#[test]
fn the_metadata_names_the_issuer_and_endpoints_of_version_1() {
    let fixture = Fixture::new();
    let base = format!("http://{}", fixture.host());
    let tenant = fixture.emulator.tenant_id();
    let document = fixture
        .get("/contoso.example/.well-known/openid-configuration")
        .json();
    for (name, value) in [
        ("issuer", format!("{base}/{tenant}/")),
        (
            "authorization_endpoint",
            format!("{base}/{tenant}/oauth2/authorize"),
        ),
        ("token_endpoint", format!("{base}/{tenant}/oauth2/token")),
        ("jwks_uri", format!("{base}/common/discovery/keys")),
    ] {
        assert_eq!(text(&document, name), value);
    }
    assert_eq!(document["microsoft_multi_refresh_token"], true);
    let common = fixture
        .get("/common/.well-known/openid-configuration")
        .json();
    assert_eq!(text(&common, "issuer"), format!("{base}/{{tenantid}}/"));
    let keys = fixture.get("/common/discovery/keys").json();
    assert!(keys["keys"][0]["kid"].is_string());
    assert_eq!(fixture.emulator.count("metadata"), 2);
}

#[test]
fn the_tenant_of_personal_accounts_has_metadata() {
    let fixture = Fixture::new();
    let base = format!("http://{}", fixture.host());
    let id = "9188040d-6c67-4c5b-b112-36a304b66dad";
    for segment in ["consumers", id] {
        for (version, end) in [("", ""), ("v2.0/", "v2.0")] {
            let target = format!("/{segment}/{version}.well-known/openid-configuration");
            let document = fixture.get(&target).json();
            assert_eq!(text(&document, "issuer"), format!("{base}/{id}/{end}"));
            let endpoint = text(&document, "token_endpoint");
            assert!(
                endpoint.starts_with(&format!("{base}/consumers/oauth2/")),
                "{endpoint}"
            );
        }
    }
    assert_eq!(fixture.get("/consumers/discovery/v2.0/keys").status, 200);
}

#[test]
fn an_app_names_the_resource_of_its_token() {
    let fixture = Fixture::new();
    let credentials = [
        ("grant_type", "client_credentials"),
        ("client_id", fixture.emulator.service_client_id()),
        ("client_secret", fixture.emulator.service_client_secret()),
    ];
    let body = post(
        &fixture,
        &[&credentials[..], &[("resource", RESOURCE)]].concat(),
    )
    .json();
    assert_eq!(claims(text(&body, "access_token"))["aud"], RESOURCE);
    for (name, value) in [
        ("token_type", "Bearer"),
        ("expires_in", "4500"),
        ("ext_expires_in", "4500"),
        ("expires_on", "1780004500"),
        ("not_before", "1780000000"),
        ("resource", RESOURCE),
    ] {
        assert_eq!(text(&body, name), value);
    }
    for graph in [
        "https://graph.microsoft.com",
        "https://graph.microsoft.com/",
        "00000003-0000-0000-c000-000000000000",
    ] {
        let form = [&credentials[..], &[("resource", graph)]].concat();
        let body = post(&fixture, &form).json();
        assert_eq!(claims(text(&body, "access_token"))["aud"], graph);
    }
    assert_eq!(post(&fixture, &credentials).aadsts(), 900_144);
    let unknown = [&credentials[..], &[("resource", "https://evil.test/")]].concat();
    assert_eq!(post(&fixture, &unknown).aadsts(), 500_011);
}

#[test]
fn a_user_signs_in_for_a_resource_and_refreshes_for_another() {
    let fixture = Fixture::new();
    let challenge = challenge(VERIFIER);
    let query = encode(
        &[
            ("client_id", published::CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("resource", "https://auth.msft.communication.azure.com"),
            ("state", "s"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("login_hint", "ada@contoso.example"),
        ],
        &[],
    );
    let page = fixture.get(&format!("/contoso.example/oauth2/authorize?{query}"));
    let code = page.redirected_with("code").expect("a code");
    let body = post(
        &fixture,
        &[
            ("client_id", published::CLIENT_ID),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ],
    );
    assert_eq!(body.status, 200, "{body:?}");
    let body = body.json();
    let id = claims(text(&body, "id_token"));
    assert_eq!(
        (text(&id, "ver"), text(&id, "upn")),
        ("1.0", "ada@contoso.example")
    );
    let issuer = format!(
        "http://{}/{}/",
        fixture.host(),
        fixture.emulator.tenant_id()
    );
    assert_eq!(text(&id, "iss"), issuer);
    assert_eq!(
        text(&body, "resource"),
        "https://auth.msft.communication.azure.com"
    );
    assert!(text(&body, "scope").starts_with("Teams.ManageCalls Teams.ManageChats"));
    assert_eq!(text(&body, "expires_on"), (NOW + 4500).to_string());
    let refreshed = post(
        &fixture,
        &[
            ("client_id", published::CLIENT_ID),
            ("grant_type", "refresh_token"),
            ("refresh_token", text(&body, "refresh_token")),
            ("resource", RESOURCE),
        ],
    );
    let refreshed = refreshed.json();
    assert_eq!(claims(text(&refreshed, "access_token"))["aud"], RESOURCE);
    assert_eq!(text(&refreshed, "scope"), "user_impersonation");
}

#[test]
fn without_a_resource_the_token_is_for_microsoft_graph() {
    let fixture = Fixture::new();
    let query = encode(
        &[
            ("client_id", published::CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("login_hint", "ada@contoso.example"),
        ],
        &[],
    );
    let page = fixture.get(&format!("/common/oauth2/authorize?{query}"));
    assert!(page.redirected_with("code").is_some(), "{page:?}");
    let unknown = format!("/common/oauth2/authorize?{query}&resource=https%3A%2F%2Fevil.test");
    let page = fixture.get(&unknown);
    assert_eq!(
        page.redirected_with("error").as_deref(),
        Some("invalid_resource")
    );
    let text = page.redirected_with("error_description").expect("a text");
    assert!(text.starts_with("AADSTS500011: "), "{text}");
}

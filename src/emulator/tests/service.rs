//! Apps with credentials, and the roles of Entra principals on the resource.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use serde_json::{Value, json};

use super::harness::{Answer, Changes, Fixture, NOW, claims, encode, published};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::emulator::sign::CERTIFICATE;
use crate::emulator::sign::Signer;

const RESOURCE: &str = "https://communication.azure.com//.default";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Requests an app's token with these parameters changed.
fn send(fixture: &Fixture, changes: Changes<'_>) -> Answer {
    let form = encode(
        &[
            ("grant_type", "client_credentials"),
            ("client_id", fixture.emulator.service_client_id()),
            ("client_secret", fixture.emulator.service_client_secret()),
            ("scope", RESOURCE),
        ],
        changes,
    );
    fixture.token(fixture.emulator.tenant_id(), &form)
}

fn token(response: &Answer) -> String {
    let token = response.json()["access_token"].as_str().map(str::to_owned);
    token.expect("a token")
}

fn create(fixture: &Fixture, token: &str) -> Answer {
    fixture.send(
        "POST",
        "/identities?api-version=2023-10-01",
        &format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n"),
        "",
    )
}

#[test]
fn an_app_with_a_role_manages_the_resource_without_its_key() {
    let fixture = Fixture::new();
    let response = send(&fixture, &[]);
    assert_eq!(response.status, 200, "{response:?}");
    let members: Vec<String> = response
        .json()
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    for absent in ["scope", "refresh_token", "id_token", "client_info"] {
        assert!(!members.contains(&absent.to_owned()), "{absent}");
    }
    let token = token(&response);
    let token_claims = claims(&token);
    assert_eq!(token_claims["aud"], "https://communication.azure.com/");
    assert_eq!(
        (&token_claims["idtyp"], &token_claims["appidacr"]),
        (&json!("app"), &json!("1"))
    );
    assert!(token_claims.get("scp").is_none());
    assert_eq!(create(&fixture, &token).status, 201);
    assert!(fixture.emulator.secrets().contains(&token));
    assert_eq!(fixture.emulator.count("client_credentials"), 1);
    fixture
        .clock
        .advance(std::time::Duration::from_secs(75 * 60));
    assert_eq!(create(&fixture, &token).status, 401);
}

#[test]
fn tokens_for_each_identifier_of_the_resource_are_accepted() {
    let fixture = Fixture::new();
    for (scope, audience) in [
        (RESOURCE, "https://communication.azure.com/"),
        (
            "https://communication.azure.com/.default",
            "https://communication.azure.com",
        ),
        (
            "1fd5118e-2576-4263-8130-9503064c837a/.default",
            "1fd5118e-2576-4263-8130-9503064c837a",
        ),
        (
            "HTTPS://Communication.Azure.Com/.Default",
            "https://communication.azure.com",
        ),
    ] {
        let response = send(&fixture, &[("scope", scope)]);
        assert_eq!(response.status, 200, "{scope}: {response:?}");
        let token = token(&response);
        assert_eq!(claims(&token)["aud"], audience, "{scope}");
        assert_eq!(create(&fixture, &token).status, 201, "{scope}");
    }
    for (scope, number) in [
        ("2a04943b-b6a7-4f65-8786-2bb6131b59f7/.default", 500_011),
        ("https://communication.azure.com///.default", 70011),
        ("https://communication.azure.com", 1_002_012),
    ] {
        let response = send(&fixture, &[("scope", scope)]);
        assert_eq!(
            (response.status, response.aadsts()),
            (400, number),
            "{scope}"
        );
    }
    let clients = send(
        &fixture,
        &[("scope", "2a04943b-b6a7-4f65-8786-2bb6131b59f6/.default")],
    );
    assert_eq!(create(&fixture, &token(&clients)).status, 401);
}

#[test]
fn a_principal_without_a_role_is_forbidden() {
    let fixture = Fixture::new();
    let (client, secret) = fixture.emulator.unprivileged_client();
    let response = send(
        &fixture,
        &[("client_id", client), ("client_secret", secret)],
    );
    let refused = create(&fixture, &token(&response));
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["error"]["code"], "Forbidden");
    let scope = "https://communication.azure.com//user_impersonation";
    let owner = fixture.entra_token("ada@contoso.example", scope);
    assert_eq!(create(&fixture, &owner).status, 201);
    let other = fixture.entra_token("ben@contoso.example", scope);
    assert_eq!(create(&fixture, &other).status, 403);
}

#[test]
fn only_a_token_for_the_resource_from_this_entra_is_accepted() {
    let fixture = Fixture::new();
    let good = claims(&token(&send(&fixture, &[])));
    let own = Signer::first().expect("the published key");
    let other = Signer::from_pem(CERTIFICATE).expect("the published key");
    let elsewhere = token(&send(&Fixture::new(), &[]));
    let graph = send(
        &fixture,
        &[("scope", "https://graph.microsoft.com/.default")],
    );
    let mut bad = vec![
        other.v1_token(&good),
        elsewhere,
        token(&graph),
        "garbage".to_owned(),
        String::new(),
    ];
    for (claim, value) in [
        ("aud", json!("https://communication.azure.com/clients")),
        ("aud", json!("https://communication.azure.com//")),
        ("iss", json!("https://sts.windows.net/x/")),
        (
            "iss",
            json!(format!(
                "http://localhost:1/{}/",
                fixture.emulator.tenant_id()
            )),
        ),
        ("nbf", json!(NOW + 1)),
        ("exp", json!(NOW)),
        ("tid", json!("ac5ba55e-7e4a-4000-8000-000000000002")),
    ] {
        let mut wrong = good.clone();
        wrong[claim] = value;
        bad.push(own.v1_token(&wrong));
    }
    for token in bad {
        let response = create(&fixture, &token);
        assert_eq!(response.status, 401, "{token}");
        assert_eq!(response.json()["error"]["code"], "Denied");
    }
    assert_eq!(create(&fixture, &own.v1_token(&good)).status, 201);
}

#[test]
fn an_app_needs_a_credential_and_a_default_scope() {
    let fixture = Fixture::new();
    let two = format!("{RESOURCE} https://graph.microsoft.com/.default");
    let cases: [(Changes<'_>, u16, &str, i64); 9] = [
        (
            &[("client_secret", "wrong")],
            401,
            "invalid_client",
            7_000_215,
        ),
        (&[("client_secret", "")], 401, "invalid_client", 7_000_218),
        (
            &[
                ("client_id", fixture.emulator.client_id()),
                ("client_secret", ""),
            ],
            401,
            "invalid_client",
            7_000_218,
        ),
        (
            &[("client_id", fixture.emulator.client_id())],
            401,
            "invalid_client",
            700_025,
        ),
        (
            &[(
                "scope",
                "https://communication.azure.com//user_impersonation",
            )],
            400,
            "invalid_scope",
            1_002_012,
        ),
        (&[("scope", "openid")], 400, "invalid_scope", 1_002_012),
        (
            &[("scope", "https://nowhere.example/.default")],
            400,
            "invalid_resource",
            500_011,
        ),
        (&[("scope", &two)], 400, "invalid_scope", 700_022),
        (
            &[("grant_type", "refresh_token")],
            400,
            "invalid_grant",
            70000,
        ),
    ];
    for (changes, status, error, number) in cases {
        let response = send(&fixture, changes);
        let got = (response.status, response.error(), response.aadsts());
        assert_eq!(got, (status, error.to_owned(), number), "{changes:?}");
    }
    let form = encode(
        &[
            ("grant_type", "client_credentials"),
            ("client_id", fixture.emulator.service_client_id()),
            ("client_secret", fixture.emulator.service_client_secret()),
            ("scope", RESOURCE),
        ],
        &[],
    );
    assert_eq!(fixture.token("organizations", &form).aadsts(), 50059);
    assert_eq!(fixture.token("fabrikam.example", &form).aadsts(), 700_016);
}

/// Sends the grant with this Authorization header and these further parameters.
fn with_header(fixture: &Fixture, authorization: &str, changes: Changes<'_>) -> Answer {
    let form = encode(
        &[("grant_type", "client_credentials"), ("scope", RESOURCE)],
        changes,
    );
    fixture.send(
        "POST",
        &format!("/{}/oauth2/v2.0/token", fixture.emulator.tenant_id()),
        &format!(
            "Content-Type: application/x-www-form-urlencoded\r\nAuthorization: {authorization}\r\n"
        ),
        &form,
    )
}

#[test]
fn a_secret_is_accepted_as_http_basic() {
    let fixture = Fixture::new();
    let client = fixture.emulator.service_client_id();
    let secret = fixture.emulator.service_client_secret();
    let login = STANDARD.encode(format!("{client}:{secret}"));
    for scheme in ["Basic", "basic", "BASIC"] {
        let response = with_header(&fixture, &format!("{scheme} {login}"), &[]);
        assert_eq!(response.status, 200, "{response:?}");
    }
    let same = [("client_id", &*client.to_ascii_uppercase())];
    let response = with_header(&fixture, &format!("Basic {login}"), &same);
    assert_eq!(response.status, 200, "{response:?}");
    let wrong = STANDARD.encode(format!("{client}:wrong"));
    let response = with_header(&fixture, &format!("Basic {wrong}"), &[]);
    assert_eq!((response.status, response.aadsts()), (401, 7_000_215));
}

/// RFC 6749, sections 2.3 and 5.2.
#[test]
fn a_request_has_one_client_credential() {
    let fixture = Fixture::new();
    let client = fixture.emulator.service_client_id();
    let secret = fixture.emulator.service_client_secret();
    let (other, _) = fixture.emulator.unprivileged_client();
    let right = format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")));
    let wrong = format!("Basic {}", STANDARD.encode(format!("{client}:wrong")));
    let token = fixture.emulator.federated_token();
    let assertion = [
        ("client_assertion_type", TYPE),
        ("client_assertion", &*token),
    ];
    let posted = [("client_id", client), ("client_secret", secret)];
    for (header, changes) in [
        (&right, &[("client_id", other)][..]),
        (&right, &[("client_secret", secret)]),
        (&wrong, &posted),
        (&right, &assertion),
        (&"Basic".to_owned(), &posted),
        (&"Basic !".to_owned(), &posted),
        (&"Bearer x".to_owned(), &[&posted[..], &assertion].concat()),
    ] {
        let response = with_header(&fixture, header, changes);
        let got = (response.status, response.error());
        assert_eq!(
            got,
            (400, "invalid_request".to_owned()),
            "{header} {changes:?}"
        );
    }
}

#[test]
fn an_unknown_grant_is_unsupported_for_every_app() {
    let fixture = Fixture::new();
    for client in [
        fixture.emulator.service_client_id(),
        fixture.emulator.client_id(),
    ] {
        for grant in [
            "password",
            "foo",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ] {
            let response = send(&fixture, &[("grant_type", grant), ("client_id", client)]);
            assert_eq!(
                (response.status, response.aadsts()),
                (400, 70003),
                "{grant}"
            );
            assert_eq!(response.error(), "unsupported_grant_type");
            assert!(response.json().get("error_uri").is_none(), "{response:?}");
        }
    }
}

fn assert_with(fixture: &Fixture, assertion: &str) -> Answer {
    let proof = [
        ("client_secret", ""),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    send(fixture, &proof)
}

#[test]
fn a_certificate_authenticates_its_app() {
    let fixture = Fixture::new();
    let signer = Signer::from_pem(CERTIFICATE).expect("the published key");
    let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes());
    let der = der.expect("the published certificate");
    let x5t = |algorithm| URL_SAFE_NO_PAD.encode(digest::digest(algorithm, &der));
    let sha1 = x5t(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    let client = fixture.emulator.service_client_id();
    let audience = format!(
        "{}/{}/oauth2/v2.0/token",
        fixture.emulator.http_url(),
        fixture.emulator.tenant_id()
    );
    let good = json!({
        "iss": client, "sub": client, "aud": audience,
        "nbf": NOW, "exp": NOW as f64 + 600.5, "jti": "x",
    });
    for header in [
        json!({"alg": "RS256", "x5t": sha1}),
        json!({"alg": "RS256", "x5t#S256": x5t(&digest::SHA256)}),
    ] {
        let response = assert_with(&fixture, &signer.sign(&header, &good));
        assert_eq!(response.status, 200, "{header} {response:?}");
        assert_eq!(claims(&token(&response))["appidacr"], "2");
    }

    let header = json!({"alg": "RS256", "x5t": sha1});
    let changed = |claim: &str, value: Value| {
        let mut wrong = good.clone();
        wrong[claim] = value;
        signer.sign(&header, &wrong)
    };
    let tenant = fixture.emulator.tenant_id();
    let base = fixture.emulator.http_url();
    let at = |segment: &str, endpoint: &str| json!(format!("{base}/{segment}/{endpoint}"));
    for audience in [
        at(tenant, "oauth2/token"),
        at(tenant, "v2.0"),
        at("Contoso.example", "oauth2/v2.0/token"),
        json!(["x", audience]),
    ] {
        let response = assert_with(&fixture, &changed("aud", audience.clone()));
        assert_eq!(response.status, 200, "{audience} {response:?}");
    }
    let capitals = changed("iss", json!(client.to_ascii_uppercase()));
    assert_eq!(assert_with(&fixture, &capitals).status, 200);
    let foreign = Signer::first().expect("the published key");
    for (assertion, number) in [
        (foreign.sign(&header, &good), 700_027),
        (
            signer.sign(&json!({"alg": "RS256", "x5t": "AAAA"}), &good),
            700_027,
        ),
        (
            signer.sign(&json!({"alg": "none", "x5t": sha1}), &good),
            700_027,
        ),
        (
            changed("aud", json!("https://login.evil.test/x/oauth2/v2.0/token")),
            700_023,
        ),
        (changed("aud", json!("x")), 700_023),
        (
            changed("aud", at("fabrikam.example", "oauth2/v2.0/token")),
            700_023,
        ),
        (changed("aud", at("common", "oauth2/v2.0/token")), 700_023),
        (changed("aud", at("foo/bar", "oauth2/v2.0/token")), 700_023),
        (changed("aud", at(tenant, "x/oauth2/v2.0/token")), 700_023),
        (changed("aud", at(tenant, "oauth2/v2.0/authorize")), 700_023),
        (changed("aud", json!(["x"])), 700_023),
        (changed("aud", json!([])), 700_023),
        (changed("exp", json!(NOW)), 700_024),
        (changed("nbf", json!(NOW + 1)), 700_024),
        (changed("sub", json!("x")), 700_021),
        (changed("iss", json!("x")), 700_211),
        ("garbage".to_owned(), 50027),
    ] {
        let response = assert_with(&fixture, &assertion);
        assert_eq!((response.status, response.aadsts()), (401, number));
        assert_eq!(response.error(), "invalid_client");
    }
    let (other, _) = fixture.emulator.unprivileged_client();
    let mut others = good.clone();
    others["iss"] = other.into();
    others["sub"] = other.into();
    let proof = signer.sign(&header, &others);
    let response = send(
        &fixture,
        &[
            ("client_id", other),
            ("client_secret", ""),
            ("client_assertion_type", TYPE),
            ("client_assertion", &proof),
        ],
    );
    assert_eq!(response.aadsts(), 700_027);
}

#[test]
fn a_federated_token_authenticates_a_workload() {
    let fixture = Fixture::new();
    let good = fixture.emulator.federated_token();
    assert_eq!(assert_with(&fixture, &good).status, 200);
    let signer = Signer::first().expect("the published key");
    for (claim, number) in [("iss", 700_211), ("aud", 700_212), ("sub", 700_213)] {
        let mut wrong = claims(&good);
        wrong[claim] = "x".into();
        let response = assert_with(&fixture, &signer.v1_token(&wrong));
        assert_eq!(
            (response.status, response.aadsts()),
            (401, number),
            "{claim}"
        );
    }
    // The tokens of Kubernetes have a list.
    for (audience, status) in [
        (json!(["x", claims(&good)["aud"]]), 200),
        (json!(["x"]), 401),
    ] {
        let mut several = claims(&good);
        several["aud"] = audience;
        let response = assert_with(&fixture, &signer.v1_token(&several));
        assert_eq!(response.status, status, "{response:?}");
    }
    let foreign = Signer::from_pem(CERTIFICATE).expect("the published key");
    let forged = foreign.v1_token(&claims(&good));
    assert_eq!(assert_with(&fixture, &forged).aadsts(), 700_027);
}

#[test]
fn a_managed_identity_needs_no_secret() {
    let fixture = Fixture::new();
    let (url, header) = fixture.emulator.managed_identity();
    let path = url.replace(&fixture.emulator.http_url(), "");
    let send = |resource: &str, header: &str| {
        fixture.send(
            "GET",
            &format!("{path}?api-version=2019-08-01&resource={resource}"),
            &format!("X-IDENTITY-HEADER: {header}\r\n"),
            "",
        )
    };
    let response = send("https://communication.azure.com/", header);
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.json()["expires_on"], (NOW + 75 * 60).to_string());
    assert_eq!(create(&fixture, &token(&response)).status, 201);
    assert_eq!(send("https://communication.azure.com/", "x").status, 401);
    assert_eq!(send("https://nowhere.example/", header).status, 400);
    assert_eq!(fixture.get(&path).status, 401);
    let app = claims(&token(&response));
    let named = |name: &str, id: &str| {
        let resource = format!("https://communication.azure.com/&{name}={id}");
        send(&resource, header).status
    };
    for (name, claim) in [
        ("client_id", "appid"),
        ("principal_id", "oid"),
        ("object_id", "oid"),
    ] {
        let own = app[claim].as_str().expect("an id");
        assert_eq!(named(name, own), 200, "{name}");
        assert_eq!(named(name, &own.to_ascii_uppercase()), 200, "{name}");
        assert_eq!(named(name, published::CLIENT_ID), 400, "{name}");
    }
    assert_eq!(named("mi_res_id", "/subscriptions/x"), 400);
}

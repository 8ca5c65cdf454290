//! The APIs that applications expose: their scopes in each form, their tokens, and the on-behalf-of
//! grant.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Answer, Changes, Fixture, REDIRECT, claims, encode, published};
use crate::emulator::{Options, Seed};

const ORDERS: &str = "ac5ba55e-0c11-4000-8000-0000000000c1";
const BILLS: &str = "ac5ba55e-0c11-4000-8000-0000000000c2";
const ORDERS_SECRET: &str = "worthless-secret-of-the-orders-api";
const BILLS_SECRET: &str = "worthless-secret-of-the-bills-api";
pub(super) const ORDERS_SCOPE: &str = "api://orders/access_as_user";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const SEED: &str = r#"
[[applications]]
name = "Desktop"
clientId = "ac5ba55e-0c11-4000-8000-0000000000a1"
platforms.native = ["http://localhost"]
allowPublicClientFlows = true

[[applications]]
name = "Orders API"
clientId = "ac5ba55e-0c11-4000-8000-0000000000c1"
secrets = ["worthless-secret-of-the-orders-api"]
api = { identifierUris = ["api://orders", "https://contoso.example/orders"], scopes = ["access_as_user", "Orders.Read"] }

[[applications]]
name = "Bills API"
clientId = "ac5ba55e-0c11-4000-8000-0000000000c2"
tenant = "contoso.example"
secrets = ["worthless-secret-of-the-bills-api"]
api = { scopes = ["pay"], tokenVersion = 2 }
"#;

pub(super) fn with_apis() -> Fixture {
    Fixture::with(Options {
        seed: Seed::parse(SEED).expect("a seed"),
        ..Options::default()
    })
}

/// Sends an on-behalf-of request of the orders API with these parameters changed.
pub(super) fn on_behalf_of(fixture: &Fixture, assertion: &str, changes: Changes<'_>) -> Answer {
    let good = [
        ("grant_type", GRANT),
        ("requested_token_use", "on_behalf_of"),
        ("client_id", ORDERS),
        ("client_secret", ORDERS_SECRET),
        ("assertion", assertion),
        ("scope", "User.Read offline_access"),
    ];
    fixture.token("contoso.example", &encode(&good, changes))
}

pub(super) fn text<'v>(body: &'v Value, name: &str) -> &'v str {
    body[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {body}"))
}

#[test]
fn a_scope_names_an_api_in_each_documented_form() {
    let fixture = with_apis();
    let both = "access_as_user Orders.Read";
    let by_id = format!("{ORDERS}/.default");
    let bill = format!("api://{BILLS}/pay");
    let bill_by_id = format!("{BILLS}/.default");
    for (scope, audience, granted) in [
        (ORDERS_SCOPE, "api://orders", "access_as_user"),
        ("api://orders/.default", "api://orders", both),
        (&by_id, ORDERS, both),
        (
            "https://contoso.example/orders/orders.read",
            "https://contoso.example/orders",
            "Orders.Read",
        ),
        (&bill, BILLS, "pay"),
        (&bill_by_id, BILLS, "pay"),
    ] {
        let token = claims(&fixture.entra_token("ada@contoso.example", scope));
        assert_eq!(
            (text(&token, "aud"), text(&token, "scp")),
            (audience, granted)
        );
    }
    for (scope, error) in [
        ("api://orders/Orders.Write", "invalid_scope"),
        ("api://unknown/access_as_user", "invalid_resource"),
        (
            "ac5ba55e-0c11-4000-8000-0000000000c9/.default",
            "invalid_resource",
        ),
    ] {
        let response = fixture.authorize("organizations", &[("scope", scope)]);
        assert_eq!(response.redirected_with("error").as_deref(), Some(error));
    }
}

#[test]
fn the_api_chooses_the_version_of_its_tokens() {
    let fixture = with_apis();
    let base = format!("http://{}/{}", fixture.host(), fixture.emulator.tenant_id());
    let old = fixture.entra_token("ada@contoso.example", ORDERS_SCOPE);
    let old_claims = claims(&old);
    assert_eq!(text(&old_claims, "ver"), "1.0");
    assert_eq!(text(&old_claims, "iss"), format!("{base}/"));
    assert_eq!(text(&old_claims, "appid"), published::CLIENT_ID);
    assert_eq!(text(&old_claims, "upn"), "ada@contoso.example");
    assert!(old_claims.get("azp").is_none() && old_claims.get("roles").is_none());
    assert_eq!(header(&old)["x5t"], header(&old)["kid"]);

    let new = fixture.entra_token("ada@contoso.example", &format!("api://{BILLS}/pay"));
    let new_claims = claims(&new);
    assert_eq!(text(&new_claims, "ver"), "2.0");
    assert_eq!(text(&new_claims, "iss"), format!("{base}/v2.0"));
    assert_eq!(text(&new_claims, "azp"), published::CLIENT_ID);
    assert_eq!(text(&new_claims, "azpacr"), "0");
    assert_eq!(
        text(&new_claims, "preferred_username"),
        "ada@contoso.example"
    );
    for absent in ["appid", "appidacr", "upn", "unique_name", "idtyp", "roles"] {
        assert!(new_claims.get(absent).is_none(), "{absent}");
    }
    assert!(header(&new)["kid"].is_string() && header(&new).get("x5t").is_none());
}

fn header(token: &str) -> Value {
    // The harness decodes the second part.
    claims(&format!("x.{token}"))
}

#[test]
fn an_app_gets_its_own_token_of_version_2() {
    let fixture = with_apis();
    let form = encode(
        &[
            ("grant_type", "client_credentials"),
            ("client_id", ORDERS),
            ("client_secret", ORDERS_SECRET),
            ("scope", &format!("{BILLS}/.default")),
        ],
        &[],
    );
    let response = fixture.token("contoso.example", &form);
    let token = claims(text(&response.json(), "access_token"));
    assert_eq!((text(&token, "aud"), text(&token, "ver")), (BILLS, "2.0"));
    assert_eq!((text(&token, "azp"), text(&token, "azpacr")), (ORDERS, "1"));
    for absent in ["appid", "idtyp", "scp"] {
        assert!(token.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn an_api_gets_a_token_on_behalf_of_its_caller() {
    let fixture = with_apis();
    let caller = fixture.entra_token("ada@contoso.example", ORDERS_SCOPE);
    let response = on_behalf_of(&fixture, &caller, &[]);
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(fixture.emulator.count("on_behalf_of"), 1);
    let body = response.json();
    let token = claims(text(&body, "access_token"));
    assert_eq!(text(&token, "aud"), "https://graph.microsoft.com");
    assert_eq!(
        (text(&token, "scp"), text(&token, "appid")),
        ("User.Read", ORDERS)
    );
    assert_eq!(text(&token, "appidacr"), "1");
    assert_eq!(token["oid"], claims(&caller)["oid"]);

    let refresh = |secret: &str| {
        let good = [
            ("grant_type", "refresh_token"),
            ("client_id", ORDERS),
            ("client_secret", secret),
            ("refresh_token", text(&body, "refresh_token")),
        ];
        fixture.token(
            "contoso.example",
            &encode(&good, &[("client_secret", secret)]),
        )
    };
    assert_eq!(refresh(ORDERS_SECRET).status, 200);
    assert_eq!(refresh("").aadsts(), 7_000_218);
}

#[test]
fn an_api_passes_a_token_of_version_2_on() {
    let fixture = with_apis();
    let caller = fixture.entra_token("ada@contoso.example", &format!("api://{BILLS}/pay"));
    let good = [
        ("grant_type", GRANT),
        ("requested_token_use", "on_behalf_of"),
        ("client_id", BILLS),
        ("client_secret", BILLS_SECRET),
        ("assertion", &caller),
        ("scope", "api://orders/.default"),
    ];
    let response = fixture.token("contoso.example", &encode(&good, &[]));
    assert_eq!(response.status, 200, "{response:?}");
    let token = claims(text(&response.json(), "access_token"));
    assert_eq!(
        (text(&token, "aud"), text(&token, "appid")),
        ("api://orders", BILLS)
    );
    assert!(response.json().get("refresh_token").is_none());
    // It is an application of one tenant.
    let refused = fixture.token("organizations", &encode(&good, &[]));
    assert_eq!((refused.status, refused.aadsts()), (400, 50194));
}

#[test]
fn a_multi_tenant_name_stands_for_the_tenant_of_the_assertion() {
    let fixture = with_apis();
    let caller = fixture.entra_token("ada@contoso.example", ORDERS_SCOPE);
    let good = [
        ("grant_type", GRANT),
        ("requested_token_use", "on_behalf_of"),
        ("client_id", ORDERS),
        ("client_secret", ORDERS_SECRET),
        ("assertion", &caller),
        ("scope", &*format!("api://{BILLS}/pay")),
    ];
    for tenant in ["organizations", "common"] {
        let response = fixture.token(tenant, &encode(&good, &[]));
        assert_eq!(response.status, 200, "{response:?}");
        let token = claims(text(&response.json(), "access_token"));
        assert_eq!(
            (text(&token, "azp"), &token["tid"]),
            (ORDERS, &claims(&caller)["tid"])
        );
    }
}

#[test]
fn each_faulty_on_behalf_of_request_has_its_number() {
    let fixture = with_apis();
    let caller = fixture.entra_token("ada@contoso.example", ORDERS_SCOPE);
    let of_bills = fixture.entra_token("ada@contoso.example", &format!("api://{BILLS}/pay"));
    let tokens = fixture.redeem(&fixture.code(&[]), &[]).json();
    let (start, _) = caller.rsplit_once('.').expect("three parts");
    let unsigned = format!("{start}.AAAA");
    let app = encode(
        &[
            ("grant_type", "client_credentials"),
            ("client_id", BILLS),
            ("client_secret", BILLS_SECRET),
            ("scope", "api://orders/.default"),
        ],
        &[],
    );
    let app = fixture.token("contoso.example", &app).json();
    let two = "api://orders/.default User.Read";
    let cases: [(Changes<'_>, u16, &str, i64); 13] = [
        (&[("client_secret", "")], 401, "invalid_client", 7_000_218),
        (
            &[("client_secret", "wrong")],
            401,
            "invalid_client",
            7_000_215,
        ),
        (
            &[("requested_token_use", "")],
            400,
            "invalid_request",
            900_144,
        ),
        (
            &[("requested_token_use", "x")],
            400,
            "invalid_request",
            90_023,
        ),
        (&[("assertion", "")], 400, "invalid_request", 900_144),
        (&[("assertion", "a.b.c")], 400, "invalid_request", 50_027),
        (&[("assertion", &unsigned)], 400, "invalid_grant", 50_013),
        (&[("assertion", &of_bills)], 400, "invalid_grant", 500_131),
        (
            &[("assertion", text(&tokens, "id_token"))],
            400,
            "invalid_request",
            240_002,
        ),
        (
            &[("assertion", text(&app, "access_token"))],
            400,
            "invalid_grant",
            7_000_114,
        ),
        (&[("scope", "")], 400, "invalid_request", 900_144),
        (&[("scope", two)], 400, "invalid_scope", 700_022),
        (&[("scope", "api://x/y")], 400, "invalid_resource", 500_011),
    ];
    for (changes, status, error, number) in cases {
        let response = on_behalf_of(&fixture, &caller, changes);
        let got = (response.status, response.error(), response.aadsts());
        assert_eq!(got, (status, error.to_owned(), number), "{changes:?}");
    }
    let response = on_behalf_of(&fixture, &of_bills, &[]);
    let description = response.json()["error_description"].to_string();
    let expected = format!(
        "The audience in the assertion was '{BILLS}' and the expected audience is 'api://orders'"
    );
    assert!(description.contains(&expected), "{description}");
    fixture.emulator.withhold_scope("User.Read");
    let response = on_behalf_of(&fixture, &caller, &[]);
    assert_eq!(
        (response.error(), response.aadsts()),
        ("invalid_grant".to_owned(), 65_001)
    );
    fixture.emulator.clear_faults();
    fixture.clock.advance(Duration::from_secs(75 * 60));
    let expired = on_behalf_of(&fixture, &caller, &[]);
    assert_eq!(
        (expired.error(), expired.aadsts()),
        ("invalid_grant".to_owned(), 500_133)
    );
}

#[test]
fn a_guest_is_passed_on_in_the_tenant_of_the_request() {
    let fixture = with_apis();
    let caller = fixture.entra_token("dora@fabrikam.example", ORDERS_SCOPE);
    let response = on_behalf_of(&fixture, &caller, &[]);
    let token = claims(text(&response.json(), "access_token"));
    assert_eq!(text(&token, "tid"), fixture.emulator.tenant_id());
    let ada = fixture.entra_token("ada@contoso.example", ORDERS_SCOPE);
    let form = [
        ("grant_type", GRANT),
        ("requested_token_use", "on_behalf_of"),
        ("client_id", ORDERS),
        ("client_secret", ORDERS_SECRET),
        ("assertion", &ada),
        ("scope", "User.Read"),
    ];
    let abroad = fixture.token("fabrikam.example", &encode(&form, &[]));
    assert_eq!(abroad.aadsts(), 50_020);
}

/// Signs a user in at the page, by these buttons and fields.
pub(super) fn entra_token_by_page(
    fixture: &Fixture,
    user: &str,
    clicked: &[(&str, &str)],
) -> String {
    let code = code_by_page(fixture, user, ORDERS_SCOPE, clicked);
    let body = fixture.redeem(&code, &[("code_verifier", "")]).json();
    text(&body, "access_token").to_owned()
}

/// Signs a user in by the form of the sign-in page, and returns the authorization code.
pub(super) fn code_by_page(
    fixture: &Fixture,
    user: &str,
    scope: &str,
    clicked: &[(&str, &str)],
) -> String {
    let good = [
        ("client_id", published::CLIENT_ID),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", scope),
        ("emulator_user", user),
    ];
    let response = fixture.send(
        "POST",
        "/organizations/oauth2/v2.0/authorize",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &encode(&[&good[..], clicked].concat(), &[]),
    );
    response.redirected_with("code").expect("a code")
}

#[test]
fn a_second_factor_of_the_sign_in_counts_on_behalf_of_the_user() {
    let fixture = with_apis();
    let user = "step-up@contoso.example";
    let caller = fixture.entra_token(user, ORDERS_SCOPE);
    let response = on_behalf_of(&fixture, &caller, &[]);
    assert_eq!(response.aadsts(), 50_076);
    let challenge = response.json();
    let challenge = text(&challenge, "claims");
    assert!(serde_json::from_str::<Value>(challenge).is_ok_and(|claims| claims != json!(null)));
    let clicked = [("claims", challenge), ("emulator_code", "123456")];
    let caller = entra_token_by_page(&fixture, user, &clicked);
    assert_eq!(on_behalf_of(&fixture, &caller, &[]).status, 200);
}

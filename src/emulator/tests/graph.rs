//! The look-up of users in Microsoft Graph.

use serde_json::{Value, json};

use super::harness::{Answer, Fixture, encode};
use crate::emulator::{Options, Seed};

const ADA: &str = "ada@contoso.example";
const SCOPE: &str = "https://graph.microsoft.com/User.ReadBasic.All";

fn find(fixture: &Fixture, token: &str, query: &[(&str, &str)]) -> Answer {
    let target = format!("/v1.0/users?{}", encode(query, &[]));
    let bearer = format!("Authorization: Bearer {token}\r\n");
    fixture.send("GET", &target, &bearer, "")
}

fn ids(answer: &Answer) -> Vec<String> {
    let users = answer.json()["value"].as_array().cloned();
    let users = users.unwrap_or_else(|| panic!("{answer:?}")).into_iter();
    users
        .map(|user| user["id"].as_str().expect("an id").to_owned())
        .collect()
}

fn code(answer: &Answer) -> String {
    let body = answer.json();
    body["error"]["code"].as_str().expect("a code").to_owned()
}

#[test]
fn a_user_is_found_by_each_name_in_any_case() {
    let fixture = Fixture::new();
    let token = fixture.entra_token(ADA, SCOPE);
    for filter in [
        "userPrincipalName eq 'ADA@contoso.example'",
        "mail eq 'ada@contoso.example'",
        "displayName eq 'ada example'",
        "userPrincipalName eq 'x' or displayName eq 'Ada Example' or mail eq 'y'",
    ] {
        let answer = find(&fixture, &token, &[("$filter", filter)]);
        assert_eq!(ids(&answer), [fixture.emulator.object_id()], "{filter}");
    }
    let query = [
        ("$filter", "mail eq 'ada@contoso.example'"),
        ("$select", "id,userPrincipalName"),
        ("$top", "1"),
    ];
    let body = find(&fixture, &token, &query).json();
    let user = json!({"id": fixture.emulator.object_id(), "userPrincipalName": ADA});
    assert_eq!(body["value"], json!([user]));
    let none = find(&fixture, &token, &[("$filter", "displayName eq 'Ada'")]);
    assert_eq!(ids(&none), Vec::<String>::new(), "no beginnings");
    assert_eq!(fixture.emulator.count("list_users"), 6);
}

#[test]
fn a_quote_in_a_name_is_doubled_and_names_can_be_equal() {
    let seed = "[[users]]\nusername = \"o'neil@contoso.example\"\nname = \"O'Neil\"\n\
                [[users]]\nusername = \"oneil@contoso.example\"\nname = \"O'Neil\"\n";
    let fixture = Fixture::with(Options {
        seed: Seed::parse(seed).expect("a seed"),
        ..Options::default()
    });
    let token = fixture.entra_token("oneil@contoso.example", SCOPE);
    let both = find(&fixture, &token, &[("$filter", "displayName eq 'O''Neil'")]);
    assert_eq!(ids(&both).len(), 2);
    let one = "userPrincipalName eq 'o''neil@contoso.example'";
    assert_eq!(ids(&find(&fixture, &token, &[("$filter", one)])).len(), 1);
}

#[test]
fn a_tenant_has_its_own_users_and_its_guests_only() {
    let fixture = Fixture::new();
    let of = |caller: &str, name: &str| {
        let token = fixture.entra_token(caller, SCOPE);
        let filter = format!("mail eq '{name}'");
        find(&fixture, &token, &[("$filter", &filter)]).json()["value"].clone()
    };
    let dora = "dora@fabrikam.example";
    assert_eq!(
        of(ADA, dora)[0]["userPrincipalName"],
        "dora_fabrikam.example#EXT#@contoso.example"
    );
    assert_eq!(of(ADA, ADA)[0]["id"], fixture.emulator.object_id());
    assert_eq!(of(dora, dora)[0]["userPrincipalName"], dora);
    assert_eq!(of(dora, ADA), Value::Array(Vec::new()));
}

#[test]
fn every_other_query_and_caller_is_refused() {
    let fixture = Fixture::new();
    let token = fixture.entra_token(ADA, SCOPE);
    let good = "displayName eq 'Ada Example'";
    for wrong in [
        "",
        "displayName",
        "displayName eq Ada",
        "displayName eq 'Ada",
        "displayName eq 'A' and mail eq 'b'",
        "displayName eq 'O'Neil'",
        "startswith(displayName, 'A')",
        "jobTitle eq 'CEO'",
        "displayName eq 'A' or ",
    ] {
        let answer = find(&fixture, &token, &[("$filter", wrong)]);
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (400, "BadRequest"),
            "{wrong}"
        );
    }
    for (name, value) in [
        ("$top", "0"),
        ("$top", "x"),
        ("$select", "id,passwordProfile"),
    ] {
        let answer = find(&fixture, &token, &[("$filter", good), (name, value)]);
        assert_eq!(answer.status, 400, "{name}={value}");
    }
    let query = encode(&[("$filter", good)], &[]);
    let target = format!("/v1.0/users?{query}");
    assert_eq!(code(&fixture.get(&target)), "InvalidAuthenticationToken");
    for (scope, status, expected) in [
        ("User.Read", 403, "Authorization_RequestDenied"),
        (super::harness::TEAMS, 401, "InvalidAuthenticationToken"),
    ] {
        let token = fixture.entra_token(ADA, scope);
        let answer = find(&fixture, &token, &[("$filter", good)]);
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (status, expected),
            "{scope}"
        );
    }
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(fixture.send("POST", &target, &bearer, "").status, 405);
    assert_eq!(fixture.send("GET", "/v1.0/me", &bearer, "").status, 404);
}

//! The end of Communication tokens: revocations with a delay, and regenerated access keys.

use std::time::Duration;

use serde_json::json;

use super::harness::{Fixture, Signed, claims, published};
use crate::emulator::seed::model::{SeedKeys, SeedResource};
use crate::emulator::{Options, Seed};
use crate::time::Clock as _;

const DELAY: Duration = Duration::from_secs(15 * 60);
/// A second access key, Base64.
const SECONDARY: &str = "d29ydGhsZXNzLXNlY29uZGFyeS1rZXk=";
const SECONDARY_BYTES: &[u8] = b"worthless-secondary-key";

fn with_delay() -> Fixture {
    let seed = "[[resources]]\nname = \"slow\"\nrevocationDelaySeconds = 900\n\
                [resources.keys]\nprimary = \"{key}\"\n"
        .replace("{key}", published::ACCESS_KEY);
    Fixture::with(Options {
        seed: Seed::parse(&seed).expect("a seed"),
        ..Options::default()
    })
}

fn token_of(fixture: &Fixture, id: &str) -> String {
    let response = fixture.issue(id, &json!({"scopes": ["chat"]}));
    let token = response.json()["token"].as_str().map(str::to_owned);
    token.expect("a token")
}

fn whoami(fixture: &Fixture, token: &str) -> u16 {
    let bearer = format!("Authorization: Bearer {token}\r\n");
    fixture.send("GET", "/emulator/whoami", &bearer, "").status
}

#[test]
fn a_revocation_takes_effect_after_the_delay_of_the_resource() {
    let fixture = with_delay();
    let id = fixture.identity();
    let old = token_of(&fixture, &id);
    let path = format!("/identities/{id}/:revokeAccessTokens");
    assert_eq!(fixture.signed("POST", &path, "").status, 204);
    let new = token_of(&fixture, &id);
    fixture
        .clock
        .advance(DELAY.saturating_sub(Duration::from_secs(1)));
    assert_eq!((whoami(&fixture, &old), whoami(&fixture, &new)), (200, 200));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!((whoami(&fixture, &old), whoami(&fixture, &new)), (401, 200));
    assert!(!fixture.emulator.is_token_valid(&old));
}

#[test]
fn the_first_versions_revocation_has_the_delay_too() {
    let fixture = with_delay();
    let id = fixture.identity();
    let old = token_of(&fixture, &id);
    let target = format!("/identities/{id}?api-version=2020-07-20-preview2");
    let host = fixture.host();
    let mut signed = Signed {
        method: "PATCH".to_owned(),
        target,
        host,
        date: fixture.clock.now().to_http_date(),
        body: "{}".to_owned(),
        ..Signed::default()
    };
    signed.sign();
    let response = fixture.raw(&format!(
        "PATCH {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 2\r\n\
         Content-Type: application/merge-patch+json\r\nx-ms-date: {}\r\n\
         x-ms-content-sha256: {}\r\nAuthorization: {}\r\n\r\n{{}}",
        signed.target, signed.host, signed.date, signed.hash, signed.authorization
    ));
    assert_eq!(response.status, 204, "{response:?}");
    assert_eq!(whoami(&fixture, &old), 200);
    fixture.clock.advance(DELAY);
    assert_eq!(whoami(&fixture, &old), 401);
}

#[test]
fn a_deletion_has_no_delay() {
    let fixture = with_delay();
    let id = fixture.identity();
    let token = token_of(&fixture, &id);
    let path = format!("/identities/{id}");
    assert_eq!(fixture.signed("DELETE", &path, "").status, 204);
    assert_eq!(whoami(&fixture, &token), 401);
}

/// Changes the keys of the first resource.
fn change_keys(fixture: &Fixture, change: impl FnOnce(&mut SeedKeys)) {
    let changed = fixture.emulator.context.change(|seed| {
        let first: &mut SeedResource = &mut seed.resources.as_mut().expect("resources")[0];
        change(&mut first.keys);
    });
    changed.expect("valid keys");
}

#[test]
fn a_regenerated_key_ends_the_tokens_that_were_issued_under_it() {
    use crate::emulator::seed::model::Secret;

    let fixture = Fixture::new();
    change_keys(&fixture, |keys| {
        keys.secondary = Some(Secret(SECONDARY.to_owned()));
    });
    let id = fixture.identity();
    let by_primary = token_of(&fixture, &id);
    let target = format!("/identities/{id}/:issueAccessToken?api-version=2023-10-01");
    let body = json!({"scopes": ["chat"]}).to_string();
    let by_secondary = fixture.tampered("POST", &target, &body, |signed| {
        signed.sign_with(SECONDARY_BYTES);
    });
    let by_secondary = by_secondary.json()["token"].as_str().map(str::to_owned);
    let by_secondary = by_secondary.expect("a token");
    let name = claims(&by_primary)["emulatorKey"].clone();
    assert!(name.is_string() && name != claims(&by_secondary)["emulatorKey"]);

    change_keys(&fixture, |keys| {
        keys.primary = Some(Secret("bmV3LXByaW1hcnkta2V5".to_owned()));
    });
    let statuses = [&by_primary, &by_secondary].map(|token| whoami(&fixture, token));
    assert_eq!(statuses, [401, 200]);
    change_keys(&fixture, |keys| {
        keys.secondary = Some(Secret("bmV3LXNlY29uZGFyeS1rZXk=".to_owned()));
    });
    assert_eq!(whoami(&fixture, &by_secondary), 401);
}

#[test]
fn a_token_that_was_issued_without_a_key_outlives_all_of_them() {
    use crate::emulator::seed::model::Secret;

    let fixture = Fixture::new();
    let scope = "https://communication.azure.com/clients/.default";
    let entra = fixture.entra_token("ada@contoso.example", scope);
    let response = fixture.send(
        "POST",
        "/access/entra/:exchangeAccessToken?api-version=2025-03-02-preview",
        &format!("Content-Type: application/json\r\nAuthorization: Bearer {entra}\r\n"),
        "{}",
    );
    let token = response.json()["accessToken"]["token"].clone();
    let token = token.as_str().expect("a token");
    assert!(claims(token).get("emulatorKey").is_none());
    change_keys(&fixture, |keys| {
        keys.primary = Some(Secret(SECONDARY.to_owned()));
    });
    assert_eq!(whoami(&fixture, token), 200);
}

//! The card "Access without a key": the assignments of the resource, with its owner's credential.

use acspass::emulator::Emulator;
use serde_json::{Value, json};

use super::{DashboardSession, open};
use crate::access::ONE;
use crate::harness::Home;
use crate::serve::Service;

const LIST: &str = "/dashboard/assignments";
const GRANT: &str = "/dashboard/assignments/grant";
const REVOKE: &str = "/dashboard/assignments/revoke";

fn wanted(emulator: &Emulator, principal_type: &str) -> Value {
    json!({
        "objectId": ONE,
        "tenantId": emulator.tenant_id(),
        "principalType": principal_type,
        "clientId": emulator.client_id(),
    })
}

#[test]
fn access_is_granted_listed_and_revoked_on_the_page() {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    let settings = json!({
        "exchange": "entra",
        "tenantId": emulator.tenant_id(),
        "clientId": emulator.client_id(),
    });
    assert_eq!(session.state()["access"], settings);
    assert_eq!(emulator.requests(), [], "the page lists nothing by itself");
    let body = wanted(&emulator, "user").to_string();
    for change in ["created", "unchanged"] {
        let granted = session.ask("POST", GRANT, &body).assert_status(200).json();
        assert_eq!(
            (&granted["objectId"], &granted["change"]),
            (&json!(ONE), &json!(change))
        );
    }
    let listed = session.ask("GET", LIST, "").assert_status(200).json();
    assert_eq!(
        listed["value"].as_array().map(Vec::len),
        Some(2),
        "with the tenant's"
    );
    let one = json!({"objectId": ONE, "tenantId": emulator.tenant_id()}).to_string();
    for change in ["deleted", "absent"] {
        let revoked = session.ask("POST", REVOKE, &one).assert_status(200).json();
        assert_eq!(revoked["change"], change);
    }
    let events = session.state()["events"].to_string();
    for what in [
        "Access granted: ",
        "Access revoked: ",
        "No access to revoke: ",
    ] {
        assert!(events.contains(&format!("{what}{ONE}")), "{events}");
    }
    service.stop().assert_code(0);
}

#[test]
fn a_wrong_member_is_refused_before_any_request() {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home.set("ACSPASS_EXCHANGE", "teams-extension");
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    assert_eq!(session.state()["access"]["exchange"], "teams-extension");
    let mut without = wanted(&emulator, "user");
    without["tenantId"] = Value::Null;
    let mut odd = wanted(&emulator, "user");
    odd["objectId"] = json!("ada");
    for body in [wanted(&emulator, "group"), without, odd, json!({"x": 1})] {
        let refused = session.ask("POST", GRANT, &body.to_string());
        assert_eq!(refused.assert_status(400).error().0, "usage", "{body}");
    }
    for tenant in ["nonsense", "a/b", ".."] {
        let one = json!({"objectId": ONE, "tenantId": tenant}).to_string();
        let refused = session.ask("POST", REVOKE, &one).assert_status(400).error();
        assert_eq!(refused.0, "usage", "{tenant}");
    }
    session.ask("GET", LIST, "").assert_status(400);
    assert_eq!(emulator.requests(), []);
    service.stop().assert_code(0);
}

#[test]
fn without_the_owners_credential_the_card_has_nothing_to_offer() {
    let mut home = open();
    let endpoint = home.variables["AZURE_AUTHORITY_HOST"].clone();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &endpoint);
    home.set("ACSPASS_EXCHANGE", "entra");
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    assert!(session.state()["owner"]["error"].is_object());
    let refused = session.ask("GET", LIST, "");
    assert_eq!(refused.assert_status(400).error().0, "usage");
    service.stop().assert_code(0);
}

//! Tenants and clouds: which one signs in, what vouches for it, and what is refused beforehand.

use acspass::emulator::{Fault, FaultKind, Route};
use serde_json::json;

use crate::harness::{Home, TestBrowser};

const FABRIKAM: &str = "ac5ba55e-7e4a-4000-8000-000000000002";

#[test]
fn a_domain_is_resolved_by_the_metadata_and_the_id_token_must_be_of_that_tenant() {
    let (mut home, emulator) = Home::with_emulator();
    home.set("ACSPASS_TENANT_ID", "contoso.example");
    let login = |words: &[&str]| home.call(words).by(&TestBrowser::walking()).run();
    let json = login(&["login", "-o", "json"]).assert_code(0).json();
    assert_eq!(json["account"]["tenantId"], emulator.tenant_id());
    emulator.change_id_token("tid", Some(FABRIKAM.into()));
    login(&["login"]).assert_error(5, &["(tid)", "nothing was stored"]);
}

#[test]
fn metadata_of_another_tenant_is_refused_before_a_browser_opens() {
    let (home, emulator) = Home::with_emulator();
    let issuer = |tenant: &str| json!(format!("{}/{tenant}/v2.0", emulator.http_url()));
    for (asked, named) in [
        (emulator.tenant_id(), FABRIKAM),
        (emulator.tenant_id(), "{tenantid}"),
        ("contoso.example", "contoso.example"),
        ("organizations", FABRIKAM),
    ] {
        emulator.clear_faults();
        emulator.add_fault(Fault {
            route: Route::Metadata,
            times: None,
            what: FaultKind::ReplacedField("issuer".to_owned(), issuer(named)),
        });
        home.run(&["login", "--tenant", asked])
            .assert_error(5, &["has another issuer", asked]);
    }
}

#[test]
fn a_guest_signs_in_where_the_tenant_is_named_and_at_home_where_it_is_not() {
    let (home, emulator) = Home::with_emulator();
    for (tenant, expected) in [
        (emulator.tenant_id(), emulator.tenant_id()),
        ("organizations", FABRIKAM),
    ] {
        let dora = TestBrowser::of("dora@fabrikam.example");
        let words = ["login", "--tenant", tenant, "-o", "json"];
        let json = home.call(&words).by(&dora).run().assert_code(0).json();
        assert_eq!(json["account"]["tenantId"], expected);
        let home_id = json["account"]["homeAccountId"].as_str();
        assert!(home_id.is_some_and(|id| id.ends_with(FABRIKAM)), "{json}");
    }
}

#[test]
fn clouds_that_do_not_go_together_are_refused_before_anything_is_asked() {
    let mut home = Home::new();
    home.set("ACSPASS_STORE", "memory");
    home.set("ACSPASS_CLIENT_ID", "11111111-2222-3333-4444-555555555555");
    home.set("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us");
    let com = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
    home.run(&["login", "--scope", com]).assert_error(
        2,
        &[
            "belongs to the public cloud",
            "US Government cloud",
            "Run `acspass login` without `--scope`",
        ],
    );
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "endpoint=https://a.communication.azure.com/;accesskey=a2V5",
    );
    home.run(&["login"]).assert_error(
        2,
        &[
            "the ACS resource belongs to the public cloud",
            "allow-endpoint",
        ],
    );
    home.set(
        "AZURE_AUTHORITY_HOST",
        "https://login.partner.microsoftonline.cn",
    );
    home.run(&["login"])
        .assert_error(2, &["not known to serve Teams users in the China cloud"]);
}

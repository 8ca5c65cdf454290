//! `access list`, `grant` and `revoke` against the emulator: assignments in both families, lists on
//! standard input, and what is refused.

mod at_the_same_time;
mod names;

use std::sync::Arc;

use acspass::emulator::{Emulator, Fault, FaultKind, Route};
use serde_json::{Value, json};

use crate::harness::{Home, Run};

pub(crate) const ONE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const TWO: &str = "aaaaaaaa-0000-4000-8000-000000000002";
const APP: &str = "cccccccc-0000-4000-8000-000000000001";

/// The home of the resource's owner, for this exchange.
fn owner(exchange: &str) -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    home.set("ACSPASS_EXCHANGE", exchange);
    (home, emulator)
}

fn typed(home: &Home, arguments: &[&str], text: &str) -> Run {
    home.call(arguments).typing(text).run()
}

/// The requests that change an assignment.
fn changes(emulator: &Emulator) -> usize {
    emulator.count("put_assignment") + emulator.count("delete_assignment")
}

/// Answers requests for assignments with this status, so often.
fn fault(emulator: &Emulator, status: u16, times: u32) {
    emulator.add_fault(Fault {
        route: Route::Assignments,
        times: Some(times),
        what: FaultKind::Status {
            status,
            retry_after: Some("0".to_owned()),
            content_type: "application/json".to_owned(),
            body: r#"{"error":{"code":"Forbidden","message":"not you"}}"#.to_owned(),
        },
    });
}

#[test]
fn a_user_is_granted_listed_and_revoked() {
    let (home, emulator) = owner("entra");
    let run = home.run(&["access", "grant", ONE]);
    run.assert_code(0)
        .assert_says(&[&format!("Granted access to {ONE}.")]);
    assert_eq!(run.stdout, format!("{ONE}\n"));
    let text = home.run(&["access", "list"]);
    let (tenant, app) = (emulator.tenant_id(), emulator.client_id());
    let row = format!("{ONE}  user of tenant {tenant}, applications: {app}\n");
    assert!(text.stdout.contains(&row), "{}", text.stdout);
    let listed = home.run(&["access", "list", "-o", "json"]).json();
    let of_one = json!({
        "objectId": ONE, "tenantId": tenant, "principalType": "user", "clientIds": [app],
    });
    assert!(values(&listed).contains(&of_one), "{listed}");
    let run = home.run(&["access", "revoke", ONE]);
    run.assert_code(0).assert_says(&[
        &format!("Revoked the access of {ONE}."),
        "stay valid until they expire",
    ]);
    let listed = home.run(&["access", "list", "-o", "json"]).json();
    assert!(!values(&listed).contains(&of_one), "{listed}");
    // The owner's key signs every request, and no user's token is sent.
    for request in emulator.requests() {
        let proof = request.authenticated_by.unwrap_or_default();
        assert_eq!(proof, "HMAC with the primary key", "{}", request.path);
    }
}

fn values(listed: &Value) -> Vec<Value> {
    listed["value"].as_array().cloned().expect("a list")
}

#[test]
fn a_present_assignment_stays_and_gets_further_applications() {
    let (home, emulator) = owner("entra");
    home.run(&["access", "grant", ONE]).assert_code(0);
    let again = home.run(&["access", "grant", ONE, "-o", "json"]);
    assert_eq!(
        again.assert_code(0).json()["granted"][0]["change"],
        "unchanged"
    );
    again.assert_says(&["already has this access. Nothing changed."]);
    assert_eq!(changes(&emulator), 1);
    let added = home.run(&["access", "grant", ONE, "--client-id", APP, "-o", "json"]);
    let added = added.assert_code(0).json();
    assert_eq!(added["granted"][0]["change"], "updated");
    let apps = json!([emulator.client_id(), APP]);
    assert_eq!(added["granted"][0]["clientIds"], apps);
    let one_app = ["access", "revoke", ONE, "--client-id", APP];
    home.run(&one_app)
        .assert_code(0)
        .assert_says(&["It keeps the access for others."]);
    home.run(&one_app)
        .assert_code(0)
        .assert_says(&["has no such access. Nothing changed."]);
    let before = changes(&emulator);
    home.run(&["access", "grant", ONE, "--type", "group"])
        .assert_error(
            2,
            &[
                "already assigned",
                "of the type user, and not group",
                &format!("`acspass access revoke --exchange entra {ONE}` first"),
            ],
        );
    let other = ["access", "grant", ONE, "--tenant", APP];
    // The emulator does not know that tenant, and a GUID is not looked up.
    home.run(&other)
        .assert_error(2, &["already assigned", "of the tenant", APP]);
    assert_eq!(changes(&emulator), before);
}

#[test]
fn an_absent_assignment_is_no_error() {
    let (home, emulator) = owner("entra");
    let run = home.run(&["access", "revoke", ONE, "-o", "json"]);
    let absent = json!({"revoked": [{"objectId": ONE, "change": "absent"}], "failed": []});
    assert_eq!(run.assert_code(0).json(), absent);
    run.assert_says(&[&format!("{ONE} has no such access. Nothing changed.")])
        .assert_does_not_say("stay valid");
    let run = home.run(&["access", "list", ONE]);
    run.assert_code(0)
        .assert_says(&[&format!("{ONE} has no assignment."), "No assignments."]);
    // Only the success of a deletion proves that there is no access.
    assert_eq!(emulator.count("put_assignment"), 0);
    assert_eq!(emulator.count("delete_assignment"), 1);
}

#[test]
fn a_404_of_another_service_is_no_revocation() {
    let (home, emulator) = owner("entra");
    home.run(&["access", "grant", ONE]).assert_code(0);
    for body in [
        "",
        r#"{"error":{"code":"ResourceNotFound","message":"no"}}"#,
        "{}",
    ] {
        for command in ["revoke", "list"] {
            emulator.add_fault(Fault {
                route: Route::Assignments,
                times: Some(1),
                what: FaultKind::Status {
                    status: 404,
                    retry_after: None,
                    content_type: "application/json".to_owned(),
                    body: body.to_owned(),
                },
            });
            let run = home.run(&["access", command, ONE]);
            assert_ne!(run.code, Some(0), "{command} {body}: {}", run.stderr);
        }
    }
    let listed = home.run(&["access", "list", ONE, "-o", "json"]).json();
    assert_eq!(values(&listed).len(), 1, "{listed}");
}

#[test]
fn an_empty_list_is_an_error_and_a_principal_counts_once() {
    let (home, emulator) = owner("entra");
    for command in ["grant", "revoke"] {
        let run = typed(&home, &["access", command, "-"], "\n \n");
        run.assert_error(2, &["the list of users is empty"]);
    }
    assert_eq!(emulator.requests(), []);
    let twice = format!("{ONE}\n{{{}}}\n", ONE.to_uppercase());
    let run = typed(&home, &["access", "grant", "-"], &twice);
    assert_eq!(run.assert_code(0).stdout, format!("{ONE}\n"));
    assert_eq!(emulator.count("put_assignment"), 1);
}

#[test]
fn a_list_with_one_failure_has_its_json() {
    let (home, emulator) = owner("entra");
    fault(&emulator, 403, 1);
    let run = typed(&home, &["access", "grant", "-", "-o", "json"], ONE);
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    assert_eq!(run.json()["failed"][0]["id"], ONE);
    fault(&emulator, 403, 2);
    let run = home.run(&["access", "list", ONE, TWO]);
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    run.assert_does_not_say("No assignments.");
}

#[test]
fn what_is_wrong_is_refused_before_any_request() {
    let (mut home, emulator) = owner("entra");
    for (arguments, words) in [
        (
            &["grant", "ada"][..],
            &[
                "invalid object id `ada`",
                "run `acspass access grant ada -vv --resolve`",
            ][..],
        ),
        (
            &["grant", ONE, "a", "b"],
            &["invalid object id `a`: not a GUID, and 1 more"],
        ),
        (
            &["revoke", ONE, "-"],
            &["`-` cannot be used with other users"],
        ),
        (
            &["grant", ONE, "--client-id", "app"],
            &["--client-id", "invalid client id"],
        ),
        (
            &["grant", ONE, "--type", "resource-account"],
            &["`user`, `group` or `tenant`"],
        ),
        (
            &["grant", "x", "--resolve", "--type", "group"],
            &["--resolve looks up users only"],
        ),
    ] {
        let arguments = [&["access"][..], arguments].concat();
        home.run(&arguments).assert_error(2, words);
    }
    home.unset("ACSPASS_CLIENT_ID");
    home.run(&["access", "grant", ONE])
        .assert_error(2, &["no client id is configured", "--client-id GUID"]);
    typed(
        &home,
        &["access", "revoke", "-"],
        &format!("{ONE}\nnonsense\n"),
    )
    .assert_error(2, &["invalid object id `nonsense`"]);
    assert_eq!(emulator.requests(), []);
}

#[test]
fn the_key_exchange_has_no_assignments_and_the_option_selects_another() {
    let (mut home, emulator) = owner("key");
    home.set("ACSPASS_SCOPES", "Teams.ManageCalls");
    home.run(&["access", "list"]).assert_error(
        2,
        &["the exchange `key` has no assignments", "--exchange entra"],
    );
    assert_eq!(emulator.requests(), []);
    let listed = home.run(&["access", "list", "--exchange", "entra", "-o", "json"]);
    assert_eq!(values(&listed.assert_code(0).json()).len(), 1, "the tenant");
}

#[test]
fn the_extension_has_users_and_resource_accounts_and_no_list() {
    let (home, emulator) = owner("teams-extension");
    let grant = ["access", "grant", ONE, "--type", "resource-account"];
    home.run(&grant).assert_code(0);
    home.run(&["access", "list"]).assert_error(
        2,
        &[
            "does not list",
            "acspass access list --exchange teams-extension OBJECT-ID",
        ],
    );
    let listed = home.run(&["access", "list", ONE, "-o", "json"]).json();
    assert_eq!(listed["value"][0]["principalType"], "resourceAccount");
    assert_eq!(listed["value"][0]["tenantId"], emulator.tenant_id());
    home.run(&["access", "grant", TWO, "--type", "group"])
        .assert_error(2, &["`user` or `resource-account`"]);
    home.run(&["access", "revoke", ONE]).assert_code(0);
    let listed = home.run(&["access", "list", ONE, "-o", "json"]).json();
    assert_eq!(listed, json!({"value": [], "failed": []}));
}

#[test]
fn a_domain_becomes_its_tenant_and_any_tenant_is_none() {
    let (mut home, emulator) = owner("entra");
    home.set("ACSPASS_TENANT_ID", "contoso.example");
    let granted = home.run(&["access", "grant", ONE, "-o", "json"]).json();
    assert_eq!(granted["granted"][0]["tenantId"], emulator.tenant_id());
    home.set("ACSPASS_TENANT_ID", "organizations");
    home.run(&["access", "grant", TWO])
        .assert_error(2, &["no tenant is configured", "--tenant TENANT"]);
    home.run(&["access", "grant", TWO, "--tenant", "nowhere.example"])
        .assert_error(2, &["nowhere.example"]);
    home.run(&["access", "revoke", ONE]).assert_code(0);
    let tenant = ["access", "grant", TWO, "--type", "tenant", "--tenant", ONE];
    let granted = home.run(&[&tenant[..], &["-o", "json"]].concat()).json();
    assert_eq!(granted["granted"][0]["tenantId"], TWO, "a tenant's own id");
}

#[test]
fn a_list_continues_after_a_failure_and_names_it() {
    let (home, emulator) = owner("entra");
    home.run(&["access", "grant", ONE, "--type", "group"])
        .assert_code(0)
        .assert_says(&["Entra ID P1 or P2"]);
    let list = format!("{TWO}\n\n{{{ONE}}}\n");
    let run = typed(&home, &["access", "grant", "-", "-o", "json"], &list);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let json = run.json();
    assert_eq!(json["granted"][0]["objectId"], TWO);
    assert_eq!(json["failed"][0]["id"], format!("{{{ONE}}}"));
    run.assert_says(&[
        "1 of 2 principals were not granted access",
        "already assigned",
    ]);
    // The JSON of a list is the input of another command.
    let listed = home.run(&["access", "list", "-o", "json"]).stdout;
    let run = typed(&home, &["access", "revoke", "-"], &listed);
    run.assert_code(0)
        .assert_says(&["Revoked the access of 3 principals. 0 had none."]);
    let left = home.run(&["access", "list"]);
    left.assert_code(0).assert_says(&["No assignments."]);
    assert_eq!(emulator.count("delete_assignment"), 3);
}

#[test]
fn a_request_is_repeated_and_a_refusal_is_not() {
    let (home, emulator) = owner("entra");
    fault(&emulator, 503, 2);
    home.run(&["access", "grant", ONE]).assert_code(0);
    fault(&emulator, 403, 1);
    home.run(&["access", "grant", TWO])
        .assert_error(5, &["no permission to manage the ACS resource"]);
    fault(&emulator, 403, 1);
    let run = typed(&home, &["access", "revoke", "-"], &format!("{ONE}\n{TWO}"));
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    run.assert_says(&["1 of 2 principals were not revoked"]);
}

#[test]
fn without_the_owners_credential_nothing_is_sent() {
    let (mut home, emulator) = owner("entra");
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    home.run(&["access", "list"])
        .assert_error(2, &["neither an access key nor an Entra credential"]);
    assert_eq!(emulator.requests(), []);
}

//! Entra ID instead of an access key for the resource: the principal that the standard `AZURE_*`
//! variables name. The SDKs' credentials insist on https, and so does this.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use acspass::acs::{Endpoint, IdentityClient, resource_credential};
use acspass::emulator::{Emulator, Options};
use acspass::http::{self, CaFile, Http};
use acspass::time::SystemClock;
use azure_core::credentials::TokenCredential;
use serde_json::json;

use super::{block_on, claims_of};
use crate::harness::{Home, TestBrowser};

/// The resource's own API.
const SCOPE: &str = "https://communication.azure.com//.default";

/// A home whose environment leads to an emulator over https, with an endpoint and no key.
fn over_https() -> (Home, Arc<Emulator>) {
    let options = Options {
        https_port: Some(0),
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    let url = emulator.https_url().expect("https");
    let mut home = Home::new();
    home.point_at(&emulator);
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("ACSPASS_STORE", "memory");
    home.set("AZURE_AUTHORITY_HOST", &url);
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &url);
    let ca = ca_file(&home);
    std::fs::write(&ca, emulator.ca_pem().expect("https")).expect("the home");
    home.set("ACSPASS_CA_FILE", &ca.display().to_string());
    (home, emulator)
}

fn ca_file(home: &Home) -> PathBuf {
    home.path().join("ca.pem")
}

fn name_the_service_app(home: &mut Home, emulator: &Emulator) {
    home.set("AZURE_TENANT_ID", emulator.tenant_id());
    home.set("AZURE_CLIENT_ID", emulator.service_client_id());
}

/// A client that trusts the emulator.
fn http(home: &Home) -> Arc<Http> {
    Arc::new(Http::new(http::Options {
        ca_files: vec![CaFile {
            path: ca_file(home),
            named_by: "the test",
            required: true,
        }],
        ..http::Options::default()
    }))
}

fn credential_of(home: &Home) -> Arc<dyn TokenCredential> {
    let clock = Arc::new(SystemClock);
    resource_credential::from_environment(&home.variables, http(home), clock).unwrap()
}

/// Every operation of the resource's owner, by the command.
fn does_everything(home: &Home, emulator: &Emulator) {
    let id = super::created(home);
    let issue = ["token", "issue", "--user", &id, "--scope", "chat"];
    let token = home.run(&issue).token();
    assert!(emulator.is_token_valid(&token));
    home.run(&["token", "revoke", "--user", &id]).assert_code(0);
    assert!(!emulator.is_token_valid(&token));
    home.run(&["user", "delete", &id]).assert_code(0);
    assert!(emulator.count("client_credentials") > 0, "Entra was asked");
}

#[test]
fn a_client_secret_is_as_good_as_the_access_key() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    home.set("AZURE_CLIENT_SECRET", emulator.service_client_secret());
    does_everything(&home, &emulator);
}

#[test]
fn a_certificate_is_as_good_as_the_access_key() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    let file = home.path().join("certificate.pem");
    std::fs::write(&file, emulator.service_certificate_pem()).unwrap();
    home.set("AZURE_CLIENT_CERTIFICATE_PATH", &file.display().to_string());
    does_everything(&home, &emulator);
}

#[test]
fn a_federated_workload_is_as_good_as_the_access_key() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    // Not in the home, which is searched for secrets.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, emulator.federated_token()).unwrap();
    home.set("AZURE_FEDERATED_TOKEN_FILE", &file.display().to_string());
    does_everything(&home, &emulator);
}

#[test]
fn a_machines_managed_identity_is_as_good_as_the_access_key() {
    let (mut home, emulator) = over_https();
    let (endpoint, header) = emulator.managed_identity();
    home.set("IDENTITY_ENDPOINT", &endpoint);
    home.set("IDENTITY_HEADER", header);
    // A process of its own: the credential reads the address from the environment by itself.
    let run = home.real(&["user", "create"]);
    assert!(run.assert_code(0).stdout.starts_with("8:acs:"));
    assert_eq!(emulator.count("managed_identity"), 1);
}

/// A home over https whose principal is signed in to an `az` that answers as the real one does. The
/// folder holds that `az`, and `calls`: one line for each process of it.
pub(crate) fn signed_in_to_az() -> (Home, Arc<Emulator>, tempfile::TempDir) {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    home.set("AZURE_CLIENT_SECRET", emulator.service_client_secret());
    let token = block_on(credential_of(&home).get_token(&[SCOPE], None)).unwrap();
    for name in ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"] {
        home.unset(name);
    }
    // Not in the home, which is searched for secrets.
    let folder = tempfile::tempdir().unwrap();
    let response = json!({
        "accessToken": token.token.secret(),
        "expires_on": token.expires_on.unix_timestamp(),
        "expiresOn": "2099-01-01 00:00:00.000000",
        "tokenType": "Bearer",
    });
    let az = folder.path().join("az");
    let calls = folder.path().join("calls");
    let script = format!(
        "#!/bin/sh\necho called >> '{}'\necho '{response}'\n",
        calls.display()
    );
    std::fs::write(&az, script).unwrap();
    std::fs::set_permissions(&az, Permissions::from_mode(0o700)).unwrap();
    home.set(
        "PATH",
        &format!("{}:/usr/bin:/bin", folder.path().display()),
    );
    (home, emulator, folder)
}

#[test]
fn whoever_is_signed_in_to_az_is_as_good_as_the_access_key() {
    let (home, _emulator, _az) = signed_in_to_az();
    let run = home.real(&["user", "create"]);
    assert!(run.assert_code(0).stdout.starts_with("8:acs:"));
}

#[test]
fn a_certificate_that_cannot_be_used_is_a_usage_error() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    let file = home.path().join("no-certificate.pem");
    for text in [None, Some("nothing of the kind")] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        home.set("AZURE_CLIENT_CERTIFICATE_PATH", &file.display().to_string());
        home.run(&["user", "create"])
            .assert_error(2, &["AZURE_CLIENT_CERTIFICATE_PATH"]);
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn a_wrong_secret_is_refused_with_entras_own_code() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    let wrong = "a-secret-of-nobody-0123456789";
    home.sweep.add(wrong);
    home.set("AZURE_CLIENT_SECRET", wrong);
    home.run(&["user", "create"])
        .assert_error(
            5,
            &["caused by: Entra says: AADSTS7000215: ", "AZURE_CLIENT_ID"],
        )
        .assert_does_not_say("Trace ID")
        .assert_does_not_say("invalid type");
    let error = home.run(&["user", "create", "-o", "json"]).json_error();
    assert_eq!(error["code"], "AADSTS7000215");
    assert_eq!(emulator.count("create_identity"), 0);
}

#[test]
fn a_principal_without_a_role_is_forbidden_and_told_what_it_lacks() {
    let (mut home, emulator) = over_https();
    let (client_id, secret) = emulator.unprivileged_client();
    home.set("AZURE_TENANT_ID", emulator.tenant_id());
    home.set("AZURE_CLIENT_ID", client_id);
    home.set("AZURE_CLIENT_SECRET", secret);
    home.run(&["user", "create"])
        .assert_error(5, &["Forbidden", "a role on the resource"]);
    assert_eq!(
        emulator.count("create_identity"),
        1,
        "the resource itself said so"
    );
}

#[test]
fn with_no_principal_at_all_the_ways_to_name_one_are_told() {
    let (home, emulator) = over_https();
    // A process of its own: its empty PATH holds no developer tools that could be signed in.
    let run = home.real(&["user", "create"]);
    run.assert_error(
        2,
        &[
            "neither an access key nor an Entra credential",
            "AZURE_CLIENT_SECRET",
            "az login",
        ],
    )
    .assert_does_not_say("caused by: Multiple errors");
    assert_eq!(emulator.requests(), []);
}

#[test]
fn an_authority_that_is_not_https_is_a_usage_error() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    home.set("AZURE_CLIENT_SECRET", emulator.service_client_secret());
    home.set("AZURE_AUTHORITY_HOST", &emulator.http_url());
    home.run(&["user", "create"]).assert_error(2, &["https"]);
    assert_eq!(emulator.requests(), []);
}

#[test]
fn the_resources_principal_exchanges_a_teams_users_token_and_is_never_the_user() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    home.set("AZURE_CLIENT_SECRET", emulator.service_client_secret());
    // The user signs in over http, where the test's browser needs no certificate.
    home.set("AZURE_AUTHORITY_HOST", &emulator.http_url());
    let entra = super::entra_token(&home);
    assert_eq!(
        claims_of(&entra)["appid"],
        emulator.client_id(),
        "not AZURE_CLIENT_ID"
    );
    home.set("AZURE_AUTHORITY_HOST", &emulator.https_url().unwrap());
    let token = home
        .call(&["token", "exchange"])
        .typing(&entra)
        .run()
        .token();
    let claims = claims_of(&token);
    assert_eq!(claims["skypeid"], format!("orgid:{}", emulator.object_id()));
}

#[test]
fn a_session_is_kept_up_with_the_resources_principal() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    home.set("AZURE_CLIENT_SECRET", emulator.service_client_secret());
    let browser = TestBrowser::trusting(&emulator.ca_pem().unwrap());
    let run = home.call(&["get", "--interactive"]).by(&browser).run();
    run.token();
    assert_eq!(emulator.count("exchange"), 1);
}

#[test]
fn the_library_takes_any_entra_credential() {
    let (mut home, emulator) = over_https();
    name_the_service_app(&mut home, &emulator);
    home.set("AZURE_CLIENT_SECRET", emulator.service_client_secret());
    let credential = credential_of(&home);
    let endpoint = Endpoint::parse(&emulator.https_url().unwrap()).unwrap();
    let client = IdentityClient::from_credential(endpoint, credential).with_http(http(&home));
    block_on(async {
        client.create_user().await.unwrap();
        client.create_user().await.unwrap();
    });
    assert_eq!(emulator.count("client_credentials"), 1, "its token is kept");
}

//! `--check`: validates the settings and contacts all systems, without serving. It names all failures.
//!
//! It changes nothing but one request of the resource's budget: an exchange of a token that is none,
//! signed with the credential. The resource refuses the token if it accepts the credential.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::assemble::http_client;
use super::certificates::Certificates;
use crate::error::{Error, Kind, Result};
use crate::exchange_service::database::Database;
use crate::exchange_service::exchange::{OnBehalfOf, Resource};
use crate::exchange_service::settings::Settings;
use crate::exchange_service::tokens::SigningKeys;
use crate::http::Http;
use crate::secret::EntraToken;
use crate::time::Clock;

/// What is exchanged for a check. It is not a JWT.
const NO_TOKEN: &str = "acspass-exchange.check";
/// An application and a user that do not exist.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
// Settings, for hints.
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
const ENDPOINT: &str = "COMMUNICATION_SERVICES_ENDPOINT";
const TENANTS: &str = "ACSPASS_EXCHANGE_TENANTS";
const CREDENTIAL: &str = "ACSPASS_EXCHANGE_KEY_FILE, or the role of the principal";
const PROOF: &str = "AZURE_CLIENT_ID, and its certificate or federated token";

/// A check and its outcome.
pub(super) struct Outcome {
    subject: String,
    /// Success can have a note.
    result: Result<Option<String>>,
}

impl Outcome {
    pub(super) fn new(subject: impl Into<String>, result: Result<()>) -> Self {
        Outcome {
            subject: subject.into(),
            result: result.map(|()| None),
        }
    }

    /// Returns the error, if the check failed.
    pub(super) fn error(&self) -> Option<&Error> {
        self.result.as_ref().err()
    }

    /// Returns the line of text for it.
    pub(super) fn line(&self) -> String {
        let subject = &self.subject;
        match &self.result {
            Ok(None) => format!("ok    {subject}"),
            Ok(Some(note)) => format!("ok    {subject}: {note}"),
            Err(error) => {
                let cause = std::error::Error::source(error);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                let hint = error.hint();
                format!("fail  {subject}: {error}{cause}\n      {hint}")
            }
        }
    }

    /// Returns the JSON for it.
    pub(super) fn json(&self) -> serde_json::Value {
        let note = self.result.as_ref().ok().cloned().flatten();
        json!({
            "check": self.subject,
            "outcome": if self.result.is_ok() { "ok" } else { "fail" },
            "message": self.error().map(ToString::to_string).or(note),
            "hint": self.error().map(Error::hint),
        })
    }
}

/// Reads the settings, and runs all checks that they permit.
pub(super) async fn check(
    environment: &BTreeMap<String, String>,
    file: Option<&Path>,
    clock: Arc<dyn Clock>,
) -> Vec<Outcome> {
    let settings = match Settings::read_with_all_faults(environment, file) {
        Ok(settings) => settings,
        Err((first, others)) => {
            let all = std::iter::once(first).chain(others);
            return all
                .map(|error| Outcome::new("settings", Err(error)))
                .collect();
        }
    };
    let http = http_client(&settings);
    let mut outcomes = Vec::new();
    if let Some(files) = &settings.listen.tls {
        let read = Certificates::read(files).and_then(|read| read.server_config());
        outcomes.push(Outcome::new("TLS files", read.map(drop)));
    }
    outcomes.extend(signing_keys(&settings, &http, &clock).await);
    outcomes.extend(resource(&settings, &http, &clock).await);
    outcomes.extend(on_behalf_of(&settings, &http, &clock).await);
    if let Some(url) = &settings.database {
        let checked = async { Database::new(url, &http, 1)?.check().await };
        outcomes.push(Outcome {
            subject: "database".to_owned(),
            result: checked.await.map(Some),
        });
    }
    outcomes
}

/// Fetches the keys of each tenant.
async fn signing_keys(
    settings: &Settings,
    http: &Arc<Http>,
    clock: &Arc<dyn Clock>,
) -> Vec<Outcome> {
    let (authority, tenants) = (settings.authority.clone(), &settings.rules.tenants);
    let keys = SigningKeys::new(http.clone(), authority, clock.clone(), tenants);
    let fetched = keys.fetch_all().await.into_iter();
    let outcome = |(tenant, fetched): (&str, Result<()>)| {
        let fetched = fetched.map_err(|error| for_operator(error, AUTHORITY, TENANTS));
        Outcome::new(format!("signing keys of {tenant}"), fetched)
    };
    fetched.map(outcome).collect()
}

/// Uses the credential for the resource.
async fn resource(settings: &Settings, http: &Arc<Http>, clock: &Arc<dyn Clock>) -> Vec<Outcome> {
    let resource = match Resource::new(&settings.resource, http.clone(), clock.clone()) {
        Ok(resource) => resource,
        Err(error) => return vec![Outcome::new("credential", Err(error))],
    };
    let renewed = resource.renew_credential().await;
    let renewed = renewed.map_err(|error| for_operator(error, AUTHORITY, CREDENTIAL));
    let has_credential = renewed.is_ok();
    let mut outcomes = vec![Outcome::new("credential", renewed)];
    if has_credential {
        let client = resource.client();
        let token = EntraToken::new(NO_TOKEN);
        let exchanged = client
            .exchange_teams_user_token(&token, NOBODY, NOBODY)
            .await;
        let accepted = match exchanged {
            Err(error) if is_about_the_token(&error) => Ok(()),
            Err(error) => Err(for_operator(error, ENDPOINT, CREDENTIAL)),
            Ok(_) => Ok(()),
        };
        outcomes.push(Outcome::new("ACS resource", accepted));
    }
    outcomes
}

/// Replaces a hint with a command of `acspass`, which has other settings than this service.
fn for_operator(error: Error, address: &str, credential: &str) -> Error {
    if !error.hint().contains("`acspass ") {
        return error;
    }
    let setting = match error.kind() {
        Kind::Unreachable => address,
        _ => credential,
    };
    error.with_hint(format!("Check {setting}."))
}

/// Whether the resource refused the token, not the credential.
fn is_about_the_token(error: &Error) -> bool {
    matches!(error.code(), Some("InvalidAccessToken" | "ValidationError"))
}

/// Uses the credential for on-behalf-of requests in each tenant.
async fn on_behalf_of(
    settings: &Settings,
    http: &Arc<Http>,
    clock: &Arc<dyn Clock>,
) -> Vec<Outcome> {
    let Some(proof) = settings.on_behalf_of.clone() else {
        return Vec::new();
    };
    let authority = settings.authority.clone();
    let on_behalf_of = match OnBehalfOf::new(proof, authority, http.clone(), clock.clone()) {
        Ok(on_behalf_of) => on_behalf_of,
        Err(error) => return vec![Outcome::new("on-behalf-of", Err(error))],
    };
    let mut outcomes = Vec::new();
    for tenant in &settings.rules.tenants {
        let checked = on_behalf_of.check(tenant).await;
        let checked = checked.map_err(|error| for_operator(error, AUTHORITY, PROOF));
        outcomes.push(Outcome::new(format!("on-behalf-of in {tenant}"), checked));
    }
    outcomes
}

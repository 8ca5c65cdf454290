//! `--check`: validates the settings and connects, without serving.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::error::{Error, Result};
use crate::exchange_service::routes::Service;
use crate::exchange_service::settings::Settings;

/// A check and its outcome.
pub(super) struct Outcome {
    subject: &'static str,
    result: Result<()>,
}

impl Outcome {
    /// Returns the error, if the check failed.
    pub(super) fn error(&self) -> Option<&Error> {
        self.result.as_ref().err()
    }

    /// Returns the line of text for it.
    pub(super) fn line(&self) -> String {
        match &self.result {
            Ok(()) => format!("ok    {}", self.subject),
            Err(error) => {
                let cause = std::error::Error::source(error);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                let (subject, hint) = (self.subject, error.hint());
                format!("fail  {subject}: {error}{cause}\n      {hint}")
            }
        }
    }

    /// Returns the JSON for it.
    pub(super) fn json(&self) -> serde_json::Value {
        json!({
            "check": self.subject,
            "outcome": if self.result.is_ok() { "ok" } else { "fail" },
            "message": self.error().map(ToString::to_string),
            "hint": self.error().map(Error::hint),
        })
    }
}

/// Runs the checks that contact other systems.
pub(super) async fn check(service: &Arc<Service>, settings: &Settings) -> Vec<Outcome> {
    service.keys.refresh_old().await;
    let keys = match service.keys.missing().as_slice() {
        [] => Ok(()),
        missing => Err(Error::unreachable(
            format!(
                "the signing keys of {} were not fetched",
                missing.join(", ")
            ),
            "Check AZURE_AUTHORITY_HOST, ACSPASS_EXCHANGE_TENANTS and the network.",
        )),
    };
    let mut outcomes = vec![
        Outcome {
            subject: "signing keys",
            result: keys,
        },
        Outcome {
            subject: "credential",
            result: service.exchanger.resource.renew_credential().await,
        },
        Outcome {
            subject: "ACS resource",
            result: reach(service, settings).await,
        },
    ];
    if let Some(database) = &service.database {
        outcomes.push(Outcome {
            subject: "database",
            result: database.check().await,
        });
    }
    outcomes
}

/// Checks that the resource responds. Each response will do: no request for reading is harmless in all
/// versions.
async fn reach(service: &Service, settings: &Settings) -> Result<()> {
    let url = settings.resource.endpoint.at("/")?;
    let request = crate::http::Request {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Vec::new(),
    };
    service
        .exchanger
        .resource
        .http()
        .send_once(request)
        .await
        .map(drop)
}

//! An entry as it is stored, and as a reader gets it.

use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use super::decoded::{Kept, LoggedToken};
use super::notes::Notes;
use super::text::clean;
use crate::time::Timestamp;

/// A stored entry.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) operation: String,
    pub(crate) service: Service,
    /// 0 if no response was sent.
    pub(crate) status: u16,
    /// The reason of a refusal.
    pub(crate) reason: Option<String>,
    pub(crate) remark: Option<&'static str>,
    pub(crate) fault: Option<String>,
    pub(crate) notes: Notes,
    started: Instant,
    duration: Duration,
}

impl Entry {
    /// Begins the entry of a request that has just arrived.
    pub(crate) fn begin(method: &str, path: &str, service: Service, time: Timestamp) -> Entry {
        Entry {
            sequence: 0,
            time,
            method: clean(method),
            path: clean(path),
            operation: String::new(),
            service,
            status: 0,
            reason: None,
            remark: None,
            fault: None,
            notes: Notes::default(),
            started: Instant::now(),
            duration: Duration::ZERO,
        }
    }

    /// Adds the result. The status is 0 if no response is sent.
    pub(crate) fn end(&mut self, operation: String, status: u16, reason: Option<String>) {
        self.operation = operation;
        self.status = status;
        self.reason = reason;
        if self.reason.is_none() && self.status >= 400 {
            let fault = self
                .fault
                .as_ref()
                .map(|name| format!("the fault `{name}` replaced the response"));
            self.reason = Some(fault.unwrap_or_else(|| "the response has the reason".to_owned()));
        }
        self.duration = self.started.elapsed();
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match (&self.reason, self.notes.is_pending) {
            (_, true) => Outcome::Pending,
            (Some(_), false) => Outcome::Refused,
            (None, false) => Outcome::Accepted,
        }
    }
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// The service did what the request asks for, or showed the next page.
    Accepted,
    /// The service, or a fault, refused it.
    Refused,
    /// The client has to repeat it later: a poll for a device code before the user's decision.
    Pending,
}

/// The service that a request addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Service {
    /// Microsoft Entra ID.
    Entra,
    /// Microsoft Graph.
    Graph,
    /// The ACS resource.
    Acs,
    /// The emulator's own pages.
    Emulator,
}

/// A request in the emulator's journal. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The number of the request, from 1.
    pub sequence: u64,
    /// The time by the emulator's clock.
    #[serde(serialize_with = "rfc3339")]
    pub time: Timestamp,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The operation. Of Entra: `metadata`, `keys`, `instance_discovery`, `authorize`, `logout`,
    /// `authorization_code`, `refresh_token`, `client_credentials`, `on_behalf_of`,
    /// `device_authorization`, `device_code` (a poll), `device_page`, `token` (any other grant) or
    /// `managed_identity`. Of the resource: `create_identity`, `get_identity`, `delete_identity`,
    /// `issue_token`, `revoke_tokens`, `exchange`, `entra_exchange`, `teams_extension_exchange`,
    /// and `get_assignment`, `put_assignment`, `delete_assignment`, `list_assignments` or
    /// `update_assignments`. Of Microsoft Graph: `list_users`. Of Entra and the resource: `preflight`. Of the emulator: `page`, `ca`, `whoami`.
    /// `fault` if a fault replaced the response; empty for an unknown path.
    pub operation: String,
    /// The service.
    pub service: Service,
    /// The response's status; 0 if a fault dropped the connection or left it open.
    pub status: u16,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The proof of the caller that was accepted, for instance an access key's signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticated_by: Option<String>,
    /// The fault of a malformed request that was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// The names of the faults that were applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The id that joins the requests of one sign-in: authorize, code, refresh, exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// The grant of a request to the token endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// The client id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The user's name, or the object id of an unknown user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The audience of the Entra token, or the ACS resource's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
    /// The tokens of the request, without signatures.
    pub received: Vec<LoggedToken>,
    /// The tokens of the response, without signatures.
    pub issued: Vec<LoggedToken>,
    /// The expected string-to-sign of a request with a wrong signature. Values of other headers and of
    /// other query parameters than the API version are not shown, because they may be secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_to_sign: Option<String>,
    /// The known mistake that explains the wrong signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mistake: Option<String>,
    /// The time from the request's head to the response's, in microseconds.
    pub microseconds: u64,
}

impl From<&Entry> for LoggedRequest {
    fn from(entry: &Entry) -> LoggedRequest {
        let notes = &entry.notes;
        let diagnosis = notes.diagnosis.as_ref();
        let decoded = |tokens: &[Kept]| tokens.iter().map(Kept::decode).collect();
        LoggedRequest {
            sequence: entry.sequence,
            time: entry.time,
            method: entry.method.clone(),
            path: entry.path.clone(),
            operation: entry.operation.clone(),
            service: entry.service,
            status: entry.status,
            outcome: entry.outcome(),
            reason: entry.reason.as_deref().map(clean),
            authenticated_by: notes.authenticated.as_deref().map(clean),
            remark: entry.remark.map(str::to_owned),
            fault: entry.fault.clone(),
            flow: notes.flow.map(|flow| flow.to_string()),
            grant: notes.grant.map(str::to_owned),
            client_id: notes.client.clone(),
            user: notes.user.clone(),
            resource: notes.resource.clone(),
            scopes: notes.scopes.as_deref().map(clean),
            received: decoded(&notes.received),
            issued: decoded(&notes.issued),
            string_to_sign: diagnosis.map(|diagnosis| diagnosis.string_to_sign.clone()),
            mistake: diagnosis.and_then(|diagnosis| diagnosis.mistake.clone()),
            microseconds: u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

fn rfc3339<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(time)
}

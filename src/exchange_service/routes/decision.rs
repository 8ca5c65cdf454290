//! A request from its arrival to its response: its ids, its time, its line in the audit.

use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tracing::Span;

use super::response;
use super::service::Service;
use crate::exchange_service::exchange::{Reason, Refusal};
use crate::exchange_service::records::{AuditLine, Slot};
use crate::exchange_service::tokens::UserToken;
use crate::exchange_service::traces;

/// The longest id of a request that is taken over.
const MAX_ID_LENGTH: usize = 64;
const REFUSED: &str = "refused";

/// A word and the response with a token, or a refusal.
pub(super) type Outcome = Result<(&'static str, Response), Refusal>;

/// A decision in progress. If it is dropped, the caller has gone away.
pub(super) struct Decision {
    service: Arc<Service>,
    route: &'static str,
    start: Instant,
    /// The service's own id, so that no caller can select that of another decision.
    request_id: String,
    caller_request_id: Option<String>,
    trace_id: Option<String>,
    span: Span,
    caller: Option<Arc<UserToken>>,
    identity: Option<String>,
    /// The place of its lines.
    slot: Option<Slot>,
    /// The outcome in the line that was sent to the audit.
    recorded: Option<&'static str>,
    has_response: bool,
}

impl Decision {
    pub(super) fn start(service: &Arc<Service>, route: &'static str, headers: &HeaderMap) -> Self {
        service.metrics.started();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let given = text("x-request-id").filter(|id| is_id(id));
        let parent = traces::Parent::of(headers);
        let span = traces::of_request(route, parent);
        Decision {
            service: service.clone(),
            route,
            start: Instant::now(),
            request_id: new_id(),
            caller_request_id: given.map(str::to_owned),
            trace_id: traces::trace_id(&span, parent),
            span,
            caller: None,
            identity: None,
            slot: service.audit.reserve(),
            recorded: None,
            has_response: false,
        }
    }

    /// The span that the request's work belongs to.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Refuses the request if its line could not be written. It must be called before the request has
    /// an effect.
    pub(super) fn admit(&self) -> Result<(), Refusal> {
        match self.slot.is_some() && !self.service.audit.is_stalled() {
            true => Ok(()),
            false => Err(no_audit()),
        }
    }

    /// Records the user of the valid bearer token.
    pub(super) fn by(&mut self, caller: Arc<UserToken>) {
        self.caller = Some(caller);
    }

    /// Records the identity that a token is for.
    pub(super) fn about(&mut self, identity: &str) {
        self.identity = Some(identity.to_owned());
    }

    /// Records the outcome, and returns the response.
    pub(super) async fn finish(mut self, outcome: Outcome) -> Response {
        let (word, status, refusal) = parts(&outcome);
        let line = self.line(word, status, refusal);
        let outcome = match self.record(word, line).await {
            true => outcome,
            false => Err(no_audit()),
        };
        let (word, status, refusal) = parts(&outcome);
        let reason = refusal.map(|refusal| refusal.reason.as_str());
        traces::record(&self.span, word, status, reason);
        self.has_response = true;
        self.service.metrics.finished(self.route, word, reason);
        let response = match outcome {
            Ok((_, response)) => response,
            Err(refusal) => response::refused(&refusal, &self.request_id),
        };
        let is_draining = self.service.health.is_draining();
        response::with_common_headers(response, &self.request_id, is_draining)
    }

    /// Ends the decision without an outcome: the caller has gone away. The response is for one that has only
    /// stopped sending.
    pub(super) fn abandon(self, refusal: &Refusal) -> Response {
        let response = response::refused(refusal, &self.request_id);
        // The connection has the rest of a request.
        response::with_common_headers(response, &self.request_id, true)
    }

    /// Writes the line. Returns whether the decision may have its effect: the line is written, or it is
    /// a refusal because none can be written now.
    async fn record(&mut self, word: &'static str, line: Vec<u8>) -> bool {
        let service = self.service.clone();
        let Some(slot) = self.slot.as_mut() else {
            service.audit.lost();
            return false;
        };
        if !service.audit.is_stalled() {
            self.recorded = Some(word);
            if service.audit.write(slot, line).await {
                return true;
            }
        }
        // The first line may be written later.
        let refusal = no_audit();
        let line = self.line(REFUSED, refusal.status, Some(&refusal));
        if let Some(slot) = self.slot.take() {
            service.audit.write_later(slot, line);
        }
        false
    }

    fn line(
        &self,
        outcome: &'static str,
        status: StatusCode,
        refusal: Option<&Refusal>,
    ) -> Vec<u8> {
        let details = refusal.and_then(|refusal| refusal.details.as_deref());
        let caller = self.caller.as_deref();
        let subject = details.and_then(|details| details.subject.as_deref());
        let line = AuditLine {
            audit: "decision",
            time: self.service.clock.now().to_string(),
            request_id: &self.request_id,
            supersedes: self.recorded.is_some(),
            caller_request_id: self.caller_request_id.as_deref(),
            trace_id: self.trace_id.as_deref(),
            route: self.route,
            outcome,
            status: status.as_u16(),
            reason: refusal.map(|refusal| refusal.reason.as_str()),
            tenant: caller.map(|caller| caller.tenant.as_str()),
            user: caller.map(|caller| caller.user.as_str()),
            client: caller.map(|caller| caller.client.as_str()),
            subject_tenant: subject.map(|subject| subject.tenant.as_str()),
            subject_user: subject.map(|subject| subject.user.as_str()),
            identity: self.identity.as_deref(),
            upstream_code: details.and_then(|details| details.upstream_code.as_deref()),
            upstream_id: details.and_then(|details| details.upstream_id.as_deref()),
            milliseconds: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        line.bytes()
    }
}

fn parts(outcome: &Outcome) -> (&'static str, StatusCode, Option<&Refusal>) {
    match outcome {
        Ok((word, response)) => (word, response.status(), None),
        Err(refusal) => (REFUSED, refusal.status, Some(refusal)),
    }
}

fn no_audit() -> Refusal {
    Refusal::unavailable(
        Reason::AuditUnavailable,
        "The decision could not be recorded, so it has no effect.",
    )
}

impl Drop for Decision {
    fn drop(&mut self) {
        if self.has_response {
            return;
        }
        self.service.metrics.finished(self.route, "abandoned", None);
        traces::record(&self.span, "abandoned", closed_by_client(), None);
        // A refusal stays one. A token that was recorded was not returned.
        if self.recorded == Some(REFUSED) {
            return;
        }
        let line = self.line("abandoned", closed_by_client(), None);
        match self.slot.take() {
            Some(slot) => self.service.audit.write_later(slot, line),
            None => self.service.audit.lost(),
        }
    }
}

/// The status of nginx for a caller that has gone away.
fn closed_by_client() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Returns a new id. It is no secret, so that no system call is needed.
fn new_id() -> String {
    let random = fastrand::u128(..).to_ne_bytes();
    uuid::Builder::from_random_bytes(random)
        .into_uuid()
        .to_string()
}

fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_requests_are_bounded() {
        assert!(is_id("a-1_b.C"));
        for id in ["", "a b", "a\u{e9}", &"a".repeat(65)] {
            assert!(!is_id(id), "{id}");
        }
    }
}

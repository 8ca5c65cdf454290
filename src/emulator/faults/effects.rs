//! The responses of faults.

use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use serde_json::{Map, Value, json};

use super::bodies;
use super::effect::{BodyChange, Effect, JsonChange, ResourceRefusal, RetryAfter};
use super::route::Route;
use super::table::Chosen;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::acs::error::AcsError;
use crate::emulator::acs::operations;
use crate::emulator::entra::params::Params;
use crate::emulator::entra::routes;
use crate::emulator::entra::tokens::RefreshClaims;
use crate::emulator::http::{Reply, Request};
use crate::loopback::serve::Caller;
use crate::time::Timestamp;

/// The outcome of a request with faults.
pub(crate) enum Outcome {
    Replied(Reply),
    /// The connection ends. The reply is for the journal only.
    Dropped(Reply),
    /// The connection stays open. The reply is for the journal only.
    Hung(Reply),
}

/// Answers a request with these faults; `handle` makes the right response.
pub(crate) async fn answer(
    request: &Request,
    faults: &[Chosen],
    handle: fn(&Request) -> Reply,
) -> Outcome {
    for fault in faults {
        if let Effect::Latency(milliseconds) = fault.effect {
            wait(request, Duration::from_millis(milliseconds)).await;
        }
    }
    let effects = || faults.iter().map(|fault| &fault.effect);
    let is_dropped = effects().any(|effect| matches!(effect, Effect::Drop));
    let is_hung = effects().any(|effect| matches!(effect, Effect::Hang));
    let mut reply = match effects().find_map(|effect| replacement(request, effect)) {
        Some(reply) => reply,
        None if is_dropped || is_hung => Reply::default()
            .named("fault")
            .because("a fault dropped the connection before the operation"),
        None => handle(request),
    };
    let is_success = reply.response.status().is_success();
    for fault in faults.iter().filter(|fault| fault.effect.needs_success()) {
        if let Some(id) = fault.id {
            request.state().faults.decide(id, is_success);
        }
    }
    for fault in faults {
        reply = changed(request, reply, &fault.effect).await;
    }
    if is_hung {
        return Outcome::Hung(reply);
    }
    match effects().any(|effect| matches!(effect, Effect::Drop | Effect::DropAfterHandling)) {
        true => Outcome::Dropped(reply),
        false => Outcome::Replied(reply),
    }
}

/// Waits, or until the emulator stops.
async fn wait(request: &Request, time: Duration) {
    Caller::trust(&request.head.extensions);
    let mut stopping = request.context.stopping.clone();
    let stops = stopping.wait_for(|stopping| *stopping);
    // Both ends are the same: the wait is over.
    let _ = tokio::time::timeout(time, stops).await;
}

/// Returns the response that an effect has in place of the right one.
fn replacement(request: &Request, effect: &Effect) -> Option<Reply> {
    let reply = match effect {
        Effect::Entra { error, is_page } => {
            return Some(routes::refuse(request, error.clone(), *is_page));
        }
        Effect::EditedEntra { error, .. } => routes::refuse(request, error.clone(), false),
        Effect::Resource(refusal) => operations::finish(request, refused(request, *refusal)),
        Effect::Throttled(retry_after) => {
            let retry_after = match *retry_after {
                RetryAfter::Absent => None,
                RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
                RetryAfter::Date(seconds) => {
                    let time = request.now.plus(Duration::from_secs(seconds));
                    Some(time.to_http_date())
                }
            };
            let reply = failure(request, 429, aadsts::THROTTLED, "TooManyRequests");
            reply.with_some("retry-after", retry_after.as_deref())
        }
        Effect::Outage(status) => {
            let code = match status {
                502 => "BadGateway",
                503 => "ServiceUnavailable",
                504 => "GatewayTimeout",
                _ => "InternalServerError",
            };
            failure(request, *status, aadsts::TRANSIENT, code)
        }
        Effect::Response {
            status,
            retry_after,
            content_type,
            body,
        } => Reply::new(*status, body.clone())
            .with_some("retry-after", retry_after.as_deref())
            .with("content-type", content_type),
        Effect::OversizedBody(bytes) => {
            Caller::trust(&request.head.extensions);
            let reply = Reply::new(200, bodies::oversized(*bytes));
            reply.with("content-type", "application/json")
        }
        _ => return None,
    };
    Some(reply.named("fault"))
}

fn refused(request: &Request, refusal: ResourceRefusal) -> Reply {
    let error = match refusal {
        ResourceRefusal::Denied => AcsError::denied("a fault"),
        ResourceRefusal::InvalidAccessToken => AcsError::access_token("a fault"),
        ResourceRefusal::NoLicence => {
            AcsError::forbidden("The user has no eligible Teams licence.")
        }
        ResourceRefusal::NoRole => {
            AcsError::forbidden("The principal has no role on the resource.")
        }
        ResourceRefusal::Challenge => AcsError::challenge(request.now),
        ResourceRefusal::IdentityNotOwned => AcsError::IDENTITY_NOT_OWNED,
        ResourceRefusal::NotFound => AcsError::not_found(),
    };
    error.into_reply(&[])
}

/// Returns a failure with this status in the form of the requested service.
fn failure(request: &Request, status: u16, error: EntraError, code: &'static str) -> Reply {
    let error = EntraError { status, ..error };
    let message = "The request cannot be handled now.";
    match Route::of(&request.path) {
        Some(route) if route.is_of_resource() => {
            let reply = AcsError::failure(status, code, message).into_reply(&[]);
            operations::finish(request, reply)
        }
        Some(Route::ManagedIdentity) => {
            Reply::json(status, &json!({"statusCode": status, "message": message}))
        }
        _ => routes::refuse(request, error, true),
    }
}

/// Returns a reply with the change of this effect, if it has one.
async fn changed(request: &Request, reply: Reply, effect: &Effect) -> Reply {
    let is_success = reply.response.status().is_success();
    match effect {
        Effect::EditedEntra { edit, .. } => reply.edited(edit).await,
        Effect::Json(JsonChange::Member(member, value)) => {
            let change = |body: &mut Map<String, Value>| match value {
                Some(value) => _ = body.insert(member.clone(), value.clone()),
                None => _ = body.remove(member),
            };
            reply.edited(change).await
        }
        Effect::Json(JsonChange::Edit(edit)) if is_success => reply.edited(edit).await,
        Effect::Json(JsonChange::Required(member)) if is_success => {
            let change = |body: &mut Map<String, Value>| match member {
                Some(member) => _ = body.remove(member),
                None => remove_required(body),
            };
            reply.edited(change).await
        }
        Effect::Body(change) => changed_body(request, reply, *change).await,
        Effect::Date(seconds) => {
            let now = request.now.unix_seconds().saturating_add(*seconds);
            let date = Timestamp::from_unix_seconds(now).to_http_date();
            reply.with("date", &date)
        }
        Effect::RetiresRefreshToken if is_success => {
            retire(request);
            reply
        }
        _ => reply,
    }
}

/// Removes the member without which a response is useless, of whichever route it is.
fn remove_required(body: &mut Map<String, Value>) {
    const REQUIRED: [&str; 8] = [
        "access_token",
        "device_code",
        "token_endpoint",
        "tenant_discovery_endpoint",
        "keys",
        "identity",
        "token",
        "value",
    ];
    if let Some(member) = REQUIRED.iter().find(|member| body.contains_key(**member)) {
        body.remove(*member);
    }
}

async fn changed_body(request: &Request, mut reply: Reply, change: BodyChange) -> Reply {
    let body = std::mem::take(reply.response.body_mut());
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let (length, half) = (bytes.len(), bytes.slice(..bytes.len() / 2));
    // A response without a body has nothing to change.
    let is_empty = bytes.is_empty();
    let body = match change {
        _ if is_empty => bytes.into(),
        BodyChange::Empty => Bytes::new().into(),
        BodyChange::Half => half.into(),
        BodyChange::Truncated => bodies::broken(half),
        BodyChange::Slow(milliseconds) => {
            Caller::trust(&request.head.extensions);
            bodies::slow(bytes, Duration::from_millis(milliseconds))
        }
        BodyChange::ByteOrderMark => [b"\xef\xbb\xbf", &bytes[..]].concat().into(),
        BodyChange::Gzip => bodies::gzip(&bytes).into(),
    };
    *reply.response.body_mut() = body;
    if is_empty {
        return reply;
    }
    match change {
        BodyChange::Truncated | BodyChange::Slow(_) => {
            reply.with("content-length", &length.to_string())
        }
        BodyChange::Gzip => reply.with("content-encoding", "gzip"),
        _ => reply,
    }
}

/// Refuses the request's refresh token from now on.
fn retire(request: &Request) {
    let params = Params::parse(request.form()).unwrap_or_default();
    let token = params.get("refresh_token").unwrap_or_default();
    let claims: Option<RefreshClaims> = request.context.signer.unseal(token);
    let mut state = request.state();
    state
        .sessions
        .retired
        .extend(claims.map(|claims| claims.id));
}

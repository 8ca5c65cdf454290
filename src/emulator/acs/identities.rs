//! The identities of the resource: create, read, delete, issue tokens and revoke them.
//!
//! Statuses, codes and targets have the service's own, inconsistent spelling.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::AcsError;
use super::identity_id::{self, Owner};
use super::json_body::{read, read_or_default};
use super::token::{self, TokenOptions, service_time};
use super::version::{FIRST, PREVIEW, version};
use crate::emulator::directory::RESOURCE_ID;
use crate::emulator::http::{Reply, Request};
use crate::emulator::options::MissingIdentity;

/// The first version in which a request can choose its token's life.
const LIFETIMES_SINCE: &str = "2022-10-01";
/// The range and the default of a token's life, in minutes.
const LIFETIMES: std::ops::RangeInclusive<i64> = 60..=1440;
const DEFAULT_LIFETIME: i64 = 1440;
/// Each scope and the first version that is known to have it.
const SCOPES: [(&str, &str); 5] = [
    ("chat", FIRST),
    ("voip", FIRST),
    ("chat.join", "2023-10-01"),
    ("chat.join.limited", "2023-10-01"),
    ("voip.join", "2023-10-01"),
];
/// A scope in the packages of the first version only.
const FIRST_SCOPE: &str = "pstn";
const LONGEST_CUSTOM_ID: usize = 256;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Creation {
    create_token_with_scopes: Option<Vec<String>>,
    expires_in_minutes: Option<i32>,
    custom_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issue {
    scopes: Option<Vec<String>>,
    expires_in_minutes: Option<i32>,
}

/// The change of an identity in the first version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    tokens_valid_from: Option<String>,
}

/// Returns whether a creation also asks for a token; the service has a separate rate limit for it.
pub(crate) fn asks_for_token(request: &Request) -> bool {
    let body = serde_json::from_slice::<Creation>(&request.body).unwrap_or_default();
    body.create_token_with_scopes
        .is_some_and(|scopes| !scopes.is_empty())
}

pub(crate) fn create(request: &Request) -> Result<Reply, AcsError> {
    let version = version(request);
    if version == FIRST {
        let (name, _) = request.state().identities.create(None);
        return Ok(Reply::json(200, &shown(request, &name, FIRST)));
    }
    let body: Creation = read_or_default(request)?;
    let custom_id = body.custom_id.filter(|_| version == PREVIEW);
    let length = custom_id.as_ref().map(|id| id.chars().count());
    if length.is_some_and(|length| length == 0 || length > LONGEST_CUSTOM_ID) {
        let message = format!("CustomId must have 1 to {LONGEST_CUSTOM_ID} characters.");
        return Err(AcsError::invalid("CustomId", message));
    }
    let life = lifetime(body.expires_in_minutes, &version)?;
    // An empty list requests no token; the service's own behaviour is not known.
    let scopes = body.create_token_with_scopes.unwrap_or_default();
    check_scopes(&scopes, "createTokenWithScopes", &version)?;

    let (name, is_new) = request.state().identities.create(custom_id.as_deref());
    let mut answer = json!({});
    if !scopes.is_empty() {
        answer["accessToken"] = issue_for(request, &name, &scopes, life);
    }
    answer["identity"] = shown(request, &name, &version);
    Ok(Reply::json(if is_new { 201 } else { 200 }, &answer))
}

pub(crate) fn get(request: &Request) -> Result<Reply, AcsError> {
    let name = existing(request)?;
    Ok(Reply::json(200, &shown(request, &name, PREVIEW)))
}

pub(crate) fn delete(request: &Request) -> Result<Reply, AcsError> {
    let name = named(request)?;
    match request.state().identities.delete(&name) {
        true => Ok(Reply::empty(204)),
        false => Err(missing(request)),
    }
}

pub(crate) fn revoke(request: &Request) -> Result<Reply, AcsError> {
    let name = existing(request)?;
    request.state().identities.revoke(&name);
    Ok(Reply::empty(204))
}

/// Revokes the tokens that were issued before a time, as in the first version. Without a time all
/// of them are revoked, as the packages document.
pub(crate) fn revoke_before(request: &Request) -> Result<Reply, AcsError> {
    let change: Change = read(
        request,
        "application/merge-patch+json",
        AcsError::INVALID_BODY,
    )?;
    let second = match change.tokens_valid_from {
        None => i64::MAX,
        Some(text) => {
            let time: Result<jiff::Timestamp, _> = text.parse();
            let time = time.map_err(|_| AcsError::model(AcsError::INVALID_BODY))?;
            // Tokens have whole seconds: one of the second that contains the time is older.
            time.as_second() + i64::from(time.subsec_nanosecond() > 0)
        }
    };
    let name = existing(request)?;
    request.state().identities.revoke_before(&name, second);
    Ok(Reply::empty(204))
}

/// Issues a token. The first version's response repeats the id.
pub(crate) fn issue(request: &Request) -> Result<Reply, AcsError> {
    let body: Issue = read_or_default(request)?;
    let version = version(request);
    let required = || AcsError::invalid("Scopes", "Scopes: The Scopes field is required.").early();
    let scopes = body.scopes.ok_or_else(required)?;
    if scopes.is_empty() {
        return Err(AcsError::invalid(
            "scopes",
            "At least one scope is required.",
        ));
    }
    check_scopes(&scopes, "scopes", &version)?;
    let life = lifetime(body.expires_in_minutes, &version)?;
    let name = existing(request)?;
    let mut answer = issue_for(request, &name, &scopes, life);
    if version == FIRST {
        answer["id"] = shown(request, &name, FIRST)["id"].take();
    }
    Ok(Reply::json(200, &answer))
}

fn issue_for(request: &Request, name: &str, scopes: &[String], life: Duration) -> Value {
    let mut distinct: Vec<&str> = Vec::new();
    for scope in scopes {
        if !distinct.contains(&scope.as_str()) {
            distinct.push(scope);
        }
    }
    let options = TokenOptions {
        skype_id: &format!("acs:{RESOURCE_ID}_{name}"),
        tenant_id: None,
        scopes: &distinct,
        expires: request.now.plus(life),
    };
    token::issue(request, &options)
}

/// Returns the identity's JSON in this version.
fn shown(request: &Request, name: &str, version: &str) -> Value {
    let mut shown = json!({"id": format!("8:acs:{RESOURCE_ID}_{name}")});
    let state = request.state();
    let identity = state.identities.find(name);
    if let Some(identity) = identity.filter(|_| version == PREVIEW) {
        if let Some(custom_id) = &identity.custom_id {
            shown["customId"] = Value::from(&**custom_id);
        }
        if let Some(time) = identity.last_issued {
            shown["lastTokenIssuedAt"] = service_time(time).into();
        }
    }
    shown
}

/// Returns the name of this resource's identity in the path.
fn named(request: &Request) -> Result<String, AcsError> {
    match identity_id::in_path(&request.path)? {
        Owner::Us(name) => Ok(name),
        Owner::Another => {
            let reason = "the identity is another resource's";
            Err(AcsError::IDENTITY_NOT_OWNED.because(reason))
        }
    }
}

/// Returns the name of the identity in the path if it exists.
fn existing(request: &Request) -> Result<String, AcsError> {
    let name = named(request)?;
    match request.state().identities.find(&name) {
        Some(_) => Ok(name),
        None => Err(missing(request)),
    }
}

fn missing(request: &Request) -> AcsError {
    let error = match request.context.options.missing_identity {
        MissingIdentity::NotOwned => AcsError::IDENTITY_NOT_OWNED,
        MissingIdentity::NotFound => AcsError::IDENTITY_NOT_FOUND,
    };
    error.because("the identity is unknown or deleted")
}

fn lifetime(minutes: Option<i32>, version: &str) -> Result<Duration, AcsError> {
    // An older version ignores the member.
    let minutes = minutes.filter(|_| version >= LIFETIMES_SINCE);
    let minutes = minutes.map_or(DEFAULT_LIFETIME, i64::from);
    if !LIFETIMES.contains(&minutes) {
        let (start, end) = (LIFETIMES.start(), LIFETIMES.end());
        let message = format!(
            "ExpiresInMinutes value {minutes} is invalid. Value must be within the [{start}, {end}] \
             interval."
        );
        return Err(AcsError::invalid("ExpiresInMinutes", message));
    }
    Ok(Duration::from_secs(minutes.unsigned_abs() * 60))
}

fn check_scopes(scopes: &[String], target: &'static str, version: &str) -> Result<(), AcsError> {
    let is_known = |scope: &String| {
        let is_in = |(name, since): &(&str, &str)| name == scope && version >= *since;
        SCOPES.iter().any(is_in) || (scope == FIRST_SCOPE && version == FIRST)
    };
    match scopes.iter().all(is_known) {
        true => Ok(()),
        false => {
            let message = "One of the scopes is not known in this api-version.";
            Err(AcsError::invalid(target, message))
        }
    }
}

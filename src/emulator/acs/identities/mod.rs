//! The identities of the resource: create, read, delete, issue tokens and revoke them.
//!
//! In come requests whose signature holds, out come the service's answers with its statuses, codes
//! and targets in its own uneven spelling. What a token says and whether it still counts is kept
//! elsewhere.

mod id;
pub(in crate::emulator) mod table;

use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::directory::RESOURCE_ID;
use super::super::server::{Context, MissingIdentity, Reply, Request};
use super::operations::{FIRST, PREVIEW};
use super::token::{self, TokenOptions, service_time};
use super::{Refusal, version};
use id::Owner;

/// Before this version a request could not choose its token's life.
const LIFETIMES_SINCE: &str = "2022-10-01";
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
/// A scope that the packages of the first version name, and no later one.
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
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    tokens_valid_from: Option<String>,
}

/// Whether a creation asks for a token as well; the service counts those by themselves.
pub(super) fn asks_for_token(request: &Request) -> bool {
    let body = serde_json::from_slice::<Creation>(&request.body).unwrap_or_default();
    body.create_token_with_scopes.is_some_and(|s| !s.is_empty())
}

pub(super) fn create(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    let version = version(request);
    if version == FIRST {
        let (name, _) = shared.state.lock().ledger.create(None);
        let identity = shown(shared, &name, FIRST);
        return Ok(Reply::json("", StatusCode::OK, &identity));
    }
    let body: Creation = read(request)?;
    let custom_id = body.custom_id.filter(|_| version == PREVIEW);
    if let Some(custom_id) = &custom_id {
        let length = custom_id.chars().count();
        if length == 0 || length > LONGEST_CUSTOM_ID {
            return Err(Refusal::invalid(
                "CustomId",
                format!("CustomId must have 1 to {LONGEST_CUSTOM_ID} characters."),
            ));
        }
    }
    let life = lifetime(body.expires_in_minutes, &version)?;
    // An empty list asks for no token; the service's own view of it is not known.
    let scopes = body.create_token_with_scopes.unwrap_or_default();
    check_scopes(&scopes, "createTokenWithScopes", &version)?;

    let (name, new) = shared.state.lock().ledger.create(custom_id.as_deref());
    let mut answer = json!({});
    if !scopes.is_empty() {
        answer["accessToken"] = issue_for(shared, request, &name, &scopes, life);
    }
    answer["identity"] = shown(shared, &name, &version);
    let status = match new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok(Reply::json("", status, &answer))
}

pub(super) fn get(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    let name = existing(shared, request)?;
    let identity = shown(shared, &name, PREVIEW);
    Ok(Reply::json("", StatusCode::OK, &identity))
}

pub(super) fn delete(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    let name = named(request)?;
    match shared.state.lock().ledger.delete(&name) {
        true => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        false => Err(missing(shared)),
    }
}

pub(super) fn revoke(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    let name = existing(shared, request)?;
    shared.state.lock().ledger.revoke(&name);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Revokes the tokens that were issued before a time: how the first version revokes. Without a time
/// all of them are meant, as the packages describe the call that sends none.
pub(super) fn revoke_before(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    if !request.is_of_type("application/merge-patch+json") {
        return Err(Refusal::media_type());
    }
    let model = || Refusal::model("The request body is not valid JSON of this operation.");
    let change: Change = serde_json::from_slice(&request.body).map_err(|_| model())?;
    let second = match change.tokens_valid_from {
        None => i64::MAX,
        Some(text) => {
            let time: jiff::Timestamp = text.parse().map_err(|_| model())?;
            // Tokens carry whole seconds: one of the second that has begun is older than the time.
            time.as_second() + i64::from(time.subsec_nanosecond() > 0)
        }
    };
    let name = existing(shared, request)?;
    shared.state.lock().ledger.revoke_before(&name, second);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Issues a token; the first version's answer repeats the id.
pub(super) fn issue(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    let body: Issue = read(request)?;
    let version = version(request);
    let scopes = body.scopes.ok_or_else(|| {
        Refusal::invalid("Scopes", "Scopes: The Scopes field is required.").early()
    })?;
    if scopes.is_empty() {
        return Err(Refusal::invalid(
            "scopes",
            "At least one scope is required.",
        ));
    }
    check_scopes(&scopes, "scopes", &version)?;
    let life = lifetime(body.expires_in_minutes, &version)?;
    let name = existing(shared, request)?;
    let mut answer = issue_for(shared, request, &name, &scopes, life);
    if version == FIRST {
        answer["id"] = shown(shared, &name, FIRST)["id"].take();
    }
    Ok(Reply::json("", StatusCode::OK, &answer))
}

fn issue_for(
    shared: &Context,
    request: &Request,
    name: &str,
    scopes: &[String],
    life: Duration,
) -> Value {
    let mut distinct: Vec<&str> = Vec::new();
    for scope in scopes {
        if !distinct.contains(&scope.as_str()) {
            distinct.push(scope);
        }
    }
    let wish = TokenOptions {
        skype_id: &format!("acs:{RESOURCE_ID}_{name}"),
        tenant_id: None,
        scopes: distinct,
        expires: request.now.plus(life),
    };
    token::issue(shared, request.now, &wish)
}

/// The identity as this version shows it.
fn shown(shared: &Context, name: &str, version: &str) -> Value {
    let mut shown = json!({"id": format!("8:acs:{RESOURCE_ID}_{name}")});
    if version != PREVIEW {
        return shown;
    }
    if let Some(identity) = shared.state.lock().ledger.find(name) {
        if let Some(custom_id) = &identity.custom_id {
            shown["customId"] = Value::from(&**custom_id);
        }
        if let Some(time) = identity.last_issued {
            shown["lastTokenIssuedAt"] = service_time(time).into();
        }
    }
    shown
}

/// The name of the identity in the path, which is one of this resource's.
fn named(request: &Request) -> Result<String, Refusal> {
    match id::in_path(&request.path)? {
        Owner::Us(name) => Ok(name),
        Owner::Another => Err(Refusal::not_owned("the identity is another resource's")),
    }
}

/// As [`named`], and it is neither unknown nor deleted.
fn existing(shared: &Context, request: &Request) -> Result<String, Refusal> {
    let name = named(request)?;
    match shared.state.lock().ledger.find(&name) {
        Some(_) => Ok(name),
        None => Err(missing(shared)),
    }
}

fn missing(shared: &Context) -> Refusal {
    let reason = "the identity is unknown or deleted";
    match shared.missing_identity {
        MissingIdentity::NotOwned => Refusal::not_owned(reason),
        MissingIdentity::NotFound => Refusal::new(
            StatusCode::NOT_FOUND,
            "IdentityNotFound",
            "The identity does not exist.",
        )
        .because(reason),
    }
}

/// A body in JSON; none at all counts as one that asks for nothing.
pub(super) fn read<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Refusal> {
    if request.body.is_empty() {
        return Ok(T::default());
    }
    if !request.is_of_type("application/json") {
        return Err(Refusal::media_type());
    }
    serde_json::from_slice::<Option<T>>(&request.body)
        .map(Option::unwrap_or_default)
        .map_err(|_| Refusal::model("The request body is not valid JSON of this operation."))
}

fn lifetime(minutes: Option<i32>, version: &str) -> Result<Duration, Refusal> {
    let minutes = match minutes {
        // An older version does not know the member, and so overlooks it.
        Some(minutes) if version >= LIFETIMES_SINCE => i64::from(minutes),
        _ => DEFAULT_LIFETIME,
    };
    if !LIFETIMES.contains(&minutes) {
        return Err(Refusal::invalid(
            "ExpiresInMinutes",
            format!(
                "ExpiresInMinutes value {minutes} is invalid. Value must be within the [{}, {}] \
                 interval.",
                LIFETIMES.start(),
                LIFETIMES.end()
            ),
        ));
    }
    Ok(Duration::from_secs(minutes.unsigned_abs() * 60))
}

fn check_scopes(scopes: &[String], target: &'static str, version: &str) -> Result<(), Refusal> {
    let known = |scope: &str| {
        SCOPES
            .iter()
            .any(|(name, since)| *name == scope && version >= *since)
            || (scope == FIRST_SCOPE && version == FIRST)
    };
    match scopes.iter().find(|scope| !known(scope)) {
        None => Ok(()),
        Some(_) => Err(Refusal::invalid(
            target,
            "One of the scopes is not known in this api-version.",
        )),
    }
}

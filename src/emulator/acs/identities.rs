//! The identities of the resource: create, read, delete, issue tokens and revoke them.
//!
//! Statuses, codes and targets have the service's own, inconsistent spelling.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::AcsError;
use super::request::{json_or, json_or_default};
use super::token::{self, service_time};
use super::versions::{FIRST, PREVIEW, version};
use crate::emulator::http::{Reply, Request, without_nulls};
use crate::emulator::options::MissingIdentity;
use crate::emulator::verify::{ensure, is_guid};

/// The first version in which a request can choose its token's life.
const LIFETIMES_SINCE: &str = "2022-10-01";
/// The default of a token's life, in minutes.
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
/// The prefixes of other kinds of users, which never belong to a resource.
const OTHER_KINDS: [&str; 7] = [
    "8:gcch-acs:",
    "8:dod-acs:",
    "8:spool:",
    "8:orgid:",
    "8:gcch:",
    "8:dod:",
    "8:teamsvisitor:",
];

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
    let scopes = body.create_token_with_scopes;
    scopes.is_some_and(|scopes| !scopes.is_empty())
}

pub(crate) fn create(request: &Request) -> Result<Reply, AcsError> {
    let version = version(request);
    if version == FIRST {
        let (name, _) = request.with_resource(|of| of.identities.create(None));
        return Ok(Reply::json(200, &shown(request, &name, FIRST)));
    }
    let body: Creation = json_or_default(request)?;
    let custom_id = body.custom_id.filter(|_| version == PREVIEW);
    let length = custom_id.as_ref().map(|id| id.chars().count());
    let is_valid = length.is_none_or(|length| (1..=256).contains(&length));
    let message = "CustomId must have 1 to 256 characters.";
    ensure(is_valid, AcsError::invalid("CustomId", message))?;
    let life = lifetime(body.expires_in_minutes, version)?;
    // An empty list requests no token; the service's own behaviour is not known.
    let scopes = body.create_token_with_scopes.unwrap_or_default();
    check_scopes(&scopes, "createTokenWithScopes", version)?;

    let (name, is_new) = request.with_resource(|of| of.identities.create(custom_id.as_deref()));
    let token = (!scopes.is_empty()).then(|| issue_for(request, &name, &scopes, life));
    let identity = shown(request, &name, version);
    let body = without_nulls(json!({"accessToken": token, "identity": identity}));
    Ok(Reply::json(if is_new { 201 } else { 200 }, &body))
}

pub(crate) fn get(request: &Request) -> Result<Reply, AcsError> {
    let name = existing(request)?;
    Ok(Reply::json(200, &shown(request, &name, PREVIEW)))
}

pub(crate) fn delete(request: &Request) -> Result<Reply, AcsError> {
    let name = name_in(&request.path, &request.resource().id)?;
    let existed = request.with_resource(|of| of.identities.delete(&name));
    ensure(existed, missing(request))?;
    Ok(Reply::new(204, ()))
}

pub(crate) fn revoke(request: &Request) -> Result<Reply, AcsError> {
    let name = existing(request)?;
    let (now, delay) = (request.now, request.resource().revocation_delay);
    request.with_resource(|of| of.identities.revoke(&name, now, delay));
    Ok(Reply::new(204, ()))
}

/// Revokes the tokens that were issued before a time, as in the first version. Without a time all
/// of them are revoked, as the packages document.
pub(crate) fn revoke_before(request: &Request) -> Result<Reply, AcsError> {
    let media_type = "application/merge-patch+json";
    let change: Change = json_or(request, media_type, AcsError::INVALID_BODY)?;
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
    let (now, delay) = (request.now, request.resource().revocation_delay);
    request.with_resource(|of| of.identities.revoke_before(&name, second, now, delay));
    Ok(Reply::new(204, ()))
}

/// Issues a token. The first version's response repeats the id.
pub(crate) fn issue(request: &Request) -> Result<Reply, AcsError> {
    let body: Issue = json_or_default(request)?;
    let version = version(request);
    let required = || AcsError::invalid("Scopes", "Scopes: The Scopes field is required.").early();
    let scopes = body.scopes.ok_or_else(required)?;
    let none = AcsError::invalid("scopes", "At least one scope is required.");
    ensure(!scopes.is_empty(), none)?;
    check_scopes(&scopes, "scopes", version)?;
    let life = lifetime(body.expires_in_minutes, version)?;
    let name = existing(request)?;
    let mut response = issue_for(request, &name, &scopes, life);
    if version == FIRST {
        response["id"] = shown(request, &name, FIRST)["id"].take();
    }
    Ok(Reply::json(200, &response))
}

fn issue_for(request: &Request, name: &str, scopes: &[String], life: Duration) -> Value {
    let mut distinct: Vec<&str> = Vec::new();
    for scope in scopes {
        if !distinct.contains(&scope.as_str()) {
            distinct.push(scope);
        }
    }
    let skype_id = format!("acs:{}_{name}", request.resource().id);
    token::issue(request, &skype_id, None, &distinct, request.now.plus(life))
}

/// Returns the identity's JSON in this version.
fn shown(request: &Request, name: &str, version: &str) -> Value {
    let identity = request.with_resource(|of| of.identities.find(name).cloned());
    let identity = identity.filter(|_| version == PREVIEW);
    let last_issued = identity.as_ref().and_then(|identity| identity.last_issued);
    without_nulls(json!({
        "id": format!("8:acs:{}_{name}", request.resource().id),
        "customId": identity.and_then(|identity| identity.custom_id),
        "lastTokenIssuedAt": last_issued.map(service_time),
    }))
}

/// Returns the name of this resource's identity in a path below `/identities/`. The id is decoded
/// exactly once (RFC 3986, section 2.4), with its colons percent-encoded or not.
fn name_in(path: &str, resource_id: &str) -> Result<String, AcsError> {
    let rest = path.strip_prefix("/identities/").unwrap_or_default();
    let segment = rest.split('/').next().unwrap_or_default();
    let malformed = || AcsError::invalid("id", "The identity is not valid.");
    let other = "the identity belongs to another resource";
    let other = || AcsError::IDENTITY_NOT_OWNED.because(other);
    let id = decode(segment).ok_or_else(malformed)?;
    let is_of = |prefix: &&str| id.len() > prefix.len() && id.starts_with(*prefix);
    if OTHER_KINDS.iter().any(is_of) {
        return Err(other());
    }
    let parts = id.strip_prefix("8:acs:").and_then(|id| id.split_once('_'));
    let (resource, name) = parts.ok_or_else(malformed)?;
    let mut ids = name.strip_prefix("wf_").unwrap_or(name).split('_');
    ensure(is_guid(resource) && ids.all(is_guid), malformed())?;
    ensure(resource == resource_id, other())?;
    Ok(name.to_owned())
}

/// Decodes a segment; `None` if it is not UTF-8 or contains a `%` without two digits.
fn decode(segment: &str) -> Option<String> {
    let mut escapes = segment.split('%').skip(1).map(str::as_bytes);
    let is_escape =
        |rest: &[u8]| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    escapes.all(is_escape).then(|| decoded.into_owned())
}

/// Returns the name of the identity in the path if it exists.
fn existing(request: &Request) -> Result<String, AcsError> {
    let name = name_in(&request.path, &request.resource().id)?;
    let exists = request.with_resource(|of| of.identities.find(&name).is_some());
    ensure(exists, missing(request)).map(|()| name)
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
    let interval = "Value must be within the [60, 1440] interval.";
    let message = format!("ExpiresInMinutes value {minutes} is invalid. {interval}");
    let outside = AcsError::invalid("ExpiresInMinutes", message);
    ensure((60..=1440).contains(&minutes), outside)?;
    Ok(Duration::from_secs(minutes.unsigned_abs() * 60))
}

fn check_scopes(scopes: &[String], target: &'static str, version: &str) -> Result<(), AcsError> {
    let is_known = |scope: &String| {
        let is_in = |(name, since): &(&str, &str)| name == scope && version >= *since;
        SCOPES.iter().any(is_in) || (scope == FIRST_SCOPE && version == FIRST)
    };
    let message = "One of the scopes is not known in this api-version.";
    let unknown = AcsError::invalid(target, message);
    ensure(scopes.iter().all(is_known), unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOURCE_ID: &str = "ac5ba55e-0ac5-4000-8000-0000000000e1";
    const NAME: &str = "00000007-0464-274b-b274-5a3a0d000101";

    #[test]
    fn an_id_is_decoded_exactly_once() {
        for colon in [":", "%3A", "%3a"] {
            let path = format!("/identities/8{colon}acs{colon}{RESOURCE_ID}_{NAME}/:x");
            assert_eq!(
                name_in(&path, RESOURCE_ID).expect("well formed"),
                NAME,
                "{colon}"
            );
        }
        for segment in [
            format!("8%253Aacs%253A{RESOURCE_ID}_{NAME}"),
            format!("8:acs:{RESOURCE_ID}"),
            format!("8:acs:{RESOURCE_ID}_"),
            format!("8:acs:{RESOURCE_ID}_x"),
            format!("acs:{RESOURCE_ID}_{NAME}"),
            "8:acs:x_y".to_owned(),
            "8:orgid:".to_owned(),
            "%".to_owned(),
            "%3".to_owned(),
            "%zz".to_owned(),
            "%ff".to_owned(),
            String::new(),
        ] {
            let refused = name_in(&format!("/identities/{segment}"), RESOURCE_ID);
            let code = refused.expect_err("malformed").code;
            assert_eq!(code, "ValidationError", "{segment}");
        }
    }

    #[test]
    fn other_ids_belong_to_another_owner() {
        for id in [
            "8:orgid:a%2525b".to_owned(),
            format!("8:acs:{NAME}_{NAME}"),
            format!("8:orgid:{NAME}"),
            format!("8:gcch-acs:{RESOURCE_ID}_{NAME}"),
        ] {
            let refused = name_in(&format!("/identities/{id}"), RESOURCE_ID);
            let code = refused.expect_err("another's").code;
            assert_eq!(code, "IdentityNotOwned", "{id}");
        }
        let exchanged = format!("/identities/8:acs:{RESOURCE_ID}_wf_{NAME}_{NAME}");
        let name = name_in(&exchanged, RESOURCE_ID).expect("this resource's");
        assert_eq!(name, format!("wf_{NAME}_{NAME}"));
    }
}

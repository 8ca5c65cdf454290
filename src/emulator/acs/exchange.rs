//! The exchanges of a user's Entra token for a Communication token: the Teams exchange with the access
//! key, and two without it, in which the user's own token authenticates the request.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::AcsError;
use super::request::{self, EntraClaims};
use super::token;
use super::versions::{TEAMS_PREVIEW, version};
use crate::emulator::http::{Reply, Request};
use crate::emulator::verify::{ensure, is_guid};
use crate::emulator::world::api::{CLIENTS_AUDIENCES, TEAMS_AUDIENCES};
use crate::emulator::world::resource::ExchangeKind;
use crate::emulator::world::user::User;
use crate::time::Timestamp;

/// The longest life of a Communication token from an exchange without the access key; one of the
/// Teams exchange lives as long as the user's token.
const LIFE: Duration = Duration::from_secs(3600);
/// Each accepted Entra scope of the Teams exchange and its ACS scope.
const TEAMS_SCOPES: [(&str, &str); 2] =
    [("Teams.ManageChats", "chat"), ("Teams.ManageCalls", "voip")];
/// Each Entra scope of the clients and its ACS scope.
const CLIENT_SCOPES: [(&str, &str); 5] = [
    ("Chat", "chat"),
    ("VoIP", "voip"),
    ("Chat.Join", "chat.join"),
    ("Chat.Join.Limited", "chat.join.limited"),
    ("VoIP.Join", "voip.join"),
];
const EXTENSION_SCOPES: [(&str, &str); 1] = [("TeamsExtension.ManageCalls", "voip")];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    token: Option<String>,
    app_id: Option<String>,
    user_id: Option<String>,
}

/// The Teams exchange.
pub(crate) fn exchange(request: &Request) -> Result<Reply, AcsError> {
    let body: Body = request::json_or(request, "application/json", AcsError::INVALID_BODY)?;
    let token = body.token;
    let token = token.ok_or_else(|| AcsError::model("The token field is required."))?;
    request.state().keep_secret(&token);
    let claims = EntraClaims::read(request, &token).map_err(AcsError::access_token)?;
    let checked = claims.check_audience(&TEAMS_AUDIENCES);
    checked.map_err(AcsError::access_token)?;
    claims.check_not_revoked(request)?;
    claims.accept(request);
    let scopes = claims.granted(&TEAMS_SCOPES);
    let no_scope = AcsError::access_token("the token has neither of the two Teams scopes");
    ensure(!scopes.is_empty(), no_scope)?;
    // In the preview the token alone identifies the user.
    if version(request) != TEAMS_PREVIEW {
        let app_id = body.app_id.unwrap_or_default();
        check_ids(&app_id, &body.user_id.unwrap_or_default(), &claims)?;
    }
    let user = request.world.user_in_tenant(&claims.oid, &claims.tid);
    let user = user.ok_or_else(|| AcsError::access_token("the token's user does not exist"))?;
    check_licence(user)?;
    let skype_id = format!("orgid:{}", claims.oid);
    let expires = Timestamp::from_unix_seconds(claims.exp);
    let token = token::issue(request, &skype_id, Some(&claims.tid), &scopes, expires);
    Ok(Reply::json(200, &token))
}

/// Checks the form of both ids, then that they are the token's.
fn check_ids(app_id: &str, user_id: &str, claims: &EntraClaims) -> Result<(), AcsError> {
    let ids = [
        (app_id, &claims.appid, "appId"),
        (user_id, &claims.oid, "userId"),
    ];
    // The service spells the target of an empty value differently.
    for ((value, _, target), empty) in ids.into_iter().zip(["AppId", "UserId"]) {
        let required = format!("The {empty} field is required.");
        ensure(!value.is_empty(), AcsError::invalid(empty, required))?;
        let malformed = format!("The {target} is not a GUID.");
        ensure(is_guid(value), AcsError::invalid(target, malformed))?;
    }
    for (value, claim, target) in ids {
        let other = format!("The {target} does not match the access token's.");
        let is_same = value.eq_ignore_ascii_case(claim);
        ensure(is_same, AcsError::invalid(target, other))?;
    }
    Ok(())
}

/// Checks that a user has a Teams licence.
fn check_licence(user: &User) -> Result<(), AcsError> {
    let no_licence = AcsError::forbidden("The user has no eligible Teams licence.");
    ensure(user.has_teams_licence, no_licence)
}

/// The exchanges without the access key.
pub(crate) fn exchange_by_user(request: &Request, kind: ExchangeKind) -> Result<Reply, AcsError> {
    let (audiences, table, prefix) = match kind {
        ExchangeKind::Entra => (CLIENTS_AUDIENCES, &CLIENT_SCOPES[..], "wf_"),
        ExchangeKind::TeamsExtension => (TEAMS_AUDIENCES, &EXTENSION_SCOPES[..], ""),
    };
    let token = request::bearer(request);
    let token = token.ok_or_else(|| AcsError::denied("the request has no bearer token"))?;
    let claims = EntraClaims::read(request, token).map_err(AcsError::denied)?;
    claims.check_not_revoked(request)?;
    let checked = claims.check_audience(&audiences);
    checked.map_err(AcsError::denied)?;
    claims.accept(request);
    let user = request.world.user_in_tenant(&claims.oid, &claims.tid);
    let user = user.ok_or_else(|| AcsError::denied("the token's user does not exist"))?;
    let scopes = claims.granted(table);
    let no_scope = AcsError::forbidden("The token has none of the scopes of this exchange.");
    ensure(!scopes.is_empty(), no_scope)?;
    if kind == ExchangeKind::TeamsExtension {
        check_licence(user)?;
    }
    let problem = "The request body is not a JSON object.";
    request::json_or::<Map<String, Value>>(request, "application/json", problem)?;
    let EntraClaims { tid, oid, .. } = &claims;
    let is_assigned = request.with_resource(|of| {
        let app = &claims.appid;
        of.assignments.admits(&request.world, kind, tid, oid, app)
    });
    let message = "The principal is not assigned to the resource for this client.";
    ensure(is_assigned, AcsError::forbidden(message))?;
    let name = format!("{prefix}{tid}_{oid}");
    request.with_resource(|of| of.identities.ensure(&name));
    let skype_id = format!("acs:{}_{name}", request.resource().id);
    let until = Timestamp::from_unix_seconds(claims.exp);
    let expires = request.now.plus(LIFE).min(until);
    let token = token::issue(request, &skype_id, None, &scopes, expires);
    let identity = json!({"id": format!("8:{skype_id}")});
    let body = json!({"identity": identity, "accessToken": token});
    Ok(Reply::json(200, &body))
}

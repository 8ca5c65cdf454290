//! The exchange of a Teams user's Entra token for a Communication token of the same life.

use serde::Deserialize;

use super::caller::EntraClaims;
use super::error::AcsError;
use super::json_body;
use super::token::{self, TokenOptions};
use super::version::{TEAMS_PREVIEW, version};
use crate::emulator::directory::User;
use crate::emulator::http::{Reply, Request};
use crate::emulator::scopes::TEAMS_AUDIENCES;
use crate::emulator::verify::is_guid;
use crate::time::Timestamp;

/// Each accepted Entra scope and its ACS scope.
const SCOPES: [(&str, &str); 2] = [("Teams.ManageChats", "chat"), ("Teams.ManageCalls", "voip")];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    token: Option<String>,
    app_id: Option<String>,
    user_id: Option<String>,
}

pub(crate) fn exchange(request: &Request) -> Result<Reply, AcsError> {
    let body: Body = json_body::read(request, "application/json", AcsError::INVALID_BODY)?;
    let token = body
        .token
        .ok_or_else(|| AcsError::model("The token field is required."))?;
    request.state().keep_secret(&token);
    let claims = EntraClaims::read(request, &token).map_err(AcsError::access_token)?;
    let checked = claims.check_audience(&TEAMS_AUDIENCES);
    checked.map_err(AcsError::access_token)?;
    claims.check_not_revoked(request)?;
    let scopes = claims.granted(&SCOPES);
    if scopes.is_empty() {
        let reason = "the token has neither of the two Teams scopes";
        return Err(AcsError::access_token(reason));
    }
    // In the preview the token alone identifies the user.
    if version(request) != TEAMS_PREVIEW {
        let app_id = body.app_id.unwrap_or_default();
        check_ids(&app_id, &body.user_id.unwrap_or_default(), &claims)?;
    }
    let user = User::in_directory(&claims.oid, &claims.tid)
        .ok_or_else(|| AcsError::access_token("the token's user does not exist"))?;
    check_licence(user)?;
    let options = TokenOptions {
        skype_id: &format!("orgid:{}", claims.oid),
        tenant_id: Some(&claims.tid),
        scopes: &scopes,
        expires: Timestamp::from_unix_seconds(claims.exp),
    };
    Ok(Reply::json(200, &token::issue(request, &options)))
}

/// Checks that a user has a Teams licence.
pub(crate) fn check_licence(user: &User) -> Result<(), AcsError> {
    match user.lacks_teams_licence {
        false => Ok(()),
        true => Err(AcsError::forbidden(
            "The user has no eligible Teams licence.",
        )),
    }
}

/// Checks the form of both ids, then that they are the token's.
fn check_ids(app_id: &str, user_id: &str, claims: &EntraClaims) -> Result<(), AcsError> {
    // The service spells the target of an empty value differently.
    for (value, empty, target) in [(app_id, "AppId", "appId"), (user_id, "UserId", "userId")] {
        if value.is_empty() {
            let message = format!("The {empty} field is required.");
            return Err(AcsError::invalid(empty, message));
        }
        if !is_guid(value) {
            let message = format!("The {target} is not a GUID.");
            return Err(AcsError::invalid(target, message));
        }
    }
    let ids = [
        (app_id, &claims.appid, "appId"),
        (user_id, &claims.oid, "userId"),
    ];
    match ids
        .iter()
        .find(|(value, claim, _)| !value.eq_ignore_ascii_case(claim))
    {
        None => Ok(()),
        Some((_, _, target)) => {
            let message = format!("The {target} does not match the access token's.");
            Err(AcsError::invalid(target, message))
        }
    }
}

//! The Teams exchange: a Teams user's Entra token in, their Communication token out.
//!
//! In comes a signed request with token, appId and userId, out comes a token that lives exactly
//! as long as the Entra token. It knows the user by the token alone; the two ids are only compared.

use axum::http::StatusCode;
use serde::Deserialize;

use super::super::directory::User;
use super::super::scopes::TEAMS_API;
use super::super::server::{Context, Reply, Request};
use super::super::verify::is_guid;
use super::caller::EntraClaims;
use super::operations::TEAMS_PREVIEW;
use super::token::{self, TokenOptions};
use super::{Refusal, version};
use crate::time::Timestamp;

/// The audiences of the tokens that it takes: the API's URI and its application id.
pub(super) const AUDIENCES: [&str; 2] = ["https://auth.msft.communication.azure.com", TEAMS_API];
/// Each Entra scope that the exchange takes, and what it turns into.
const SCOPES: [(&str, &str); 2] = [("Teams.ManageChats", "chat"), ("Teams.ManageCalls", "voip")];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    token: Option<String>,
    app_id: Option<String>,
    user_id: Option<String>,
}

pub(super) fn run(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    if !request.is_of_type("application/json") {
        return Err(Refusal::media_type());
    }
    let body: Body = serde_json::from_slice(&request.body)
        .map_err(|_| Refusal::model("The request body is not valid JSON of this operation."))?;
    let token = body
        .token
        .ok_or_else(|| Refusal::model("The token field is required."))?;
    shared.state.lock().keep_secret(&token);
    let claims = read_token(shared, &token, request.now)?;
    // The preview knows the user by the token alone.
    if version(request) != TEAMS_PREVIEW {
        let app_id = body.app_id.unwrap_or_default();
        let user_id = body.user_id.unwrap_or_default();
        check_ids(&app_id, &user_id, &claims)?;
    }
    let user = User::in_directory(&claims.oid, &claims.tid)
        .ok_or_else(|| Refusal::access_token("the token's user does not exist"))?;
    if user.lacks_teams_licence {
        return Err(Refusal::forbidden(
            "The user has no eligible Teams licence.",
        ));
    }

    let wish = TokenOptions {
        skype_id: &format!("orgid:{}", claims.oid),
        tenant_id: Some(&claims.tid),
        scopes: claims.granted(&SCOPES),
        expires: Timestamp::from_unix_seconds(claims.exp),
    };
    let answer = token::issue(shared, request.now, &wish);
    Ok(Reply::json("", StatusCode::OK, &answer))
}

/// First of all the token must be one of Entra's, alive, and meant for Teams interoperability.
fn read_token(shared: &Context, token: &str, now: Timestamp) -> Result<EntraClaims, Refusal> {
    let claims = EntraClaims::read(shared, token, now).map_err(Refusal::access_token)?;
    if !AUDIENCES.contains(&claims.aud.as_str()) {
        return Err(Refusal::access_token("the token is for another audience"));
    }
    claims.check_not_taken_back(shared)?;
    match claims.granted(&SCOPES).is_empty() {
        true => Err(Refusal::access_token(
            "the token has neither of the two Teams scopes",
        )),
        false => Ok(claims),
    }
}

/// Only then the ids: their form, then that they are the token's own.
fn check_ids(app_id: &str, user_id: &str, claims: &EntraClaims) -> Result<(), Refusal> {
    // The service spells the target otherwise where the value is empty.
    for (value, empty, target) in [(app_id, "AppId", "appId"), (user_id, "UserId", "userId")] {
        if value.is_empty() {
            return Err(Refusal::invalid(
                empty,
                format!("The {empty} field is required."),
            ));
        }
        if !is_guid(value) {
            return Err(Refusal::invalid(
                target,
                format!("The {target} is not a GUID."),
            ));
        }
    }
    for (value, claim, target) in [
        (app_id, &claims.appid, "appId"),
        (user_id, &claims.oid, "userId"),
    ] {
        if !value.eq_ignore_ascii_case(claim) {
            let message = format!("The {target} does not match the access token's.");
            return Err(Refusal::invalid(target, message));
        }
    }
    Ok(())
}

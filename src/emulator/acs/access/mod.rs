//! Exchanges that need no access key: the user's own Entra token opens the resource.
//!
//! In comes a bearer token of a user whom the resource's owner has assigned, out come an identity
//! and its Communication token. Who is assigned is kept next door.

pub(in crate::emulator) mod assignments;

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::directory::{RESOURCE_ID, User};
use super::super::scopes::CLIENTS_API;
use super::super::server::{Context, Reply, Request};
use super::caller::{self, EntraClaims};
use super::token::{self, TokenOptions};
use super::{Refusal, exchange};
use crate::time::Timestamp;
use assignments::Family;

/// A Communication token of these exchanges never lives longer, nor longer than the Entra token.
const LIFE: Duration = Duration::from_secs(3600);

/// The audiences of the clients' tokens: the API's URI and its application id.
const CLIENTS: [&str; 2] = ["https://communication.azure.com/clients", CLIENTS_API];
/// Each Entra scope of the clients, and what it turns into.
const CLIENT_SCOPES: [(&str, &str); 5] = [
    ("Chat", "chat"),
    ("VoIP", "voip"),
    ("Chat.Join", "chat.join"),
    ("Chat.Join.Limited", "chat.join.limited"),
    ("VoIP.Join", "voip.join"),
];
const EXTENSION_SCOPES: [(&str, &str); 1] = [("TeamsExtension.ManageCalls", "voip")];

pub(super) fn exchange_entra(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (claims, scopes, _) = user(shared, request, &CLIENTS, &CLIENT_SCOPES)?;
    let name = format!("wf_{}_{}", claims.tid, claims.oid);
    answer(shared, request, Family::Entra, &claims, scopes, &name)
}

pub(super) fn exchange_teams_extension(
    shared: &Context,
    request: &Request,
) -> Result<Reply, Refusal> {
    let (claims, scopes, user) = user(shared, request, &exchange::AUDIENCES, &EXTENSION_SCOPES)?;
    if user.lacks_teams_licence {
        return Err(Refusal::forbidden(
            "The user has no eligible Teams licence.",
        ));
    }
    let name = format!("{}_{}", claims.tid, claims.oid);
    answer(
        shared,
        request,
        Family::TeamsExtension,
        &claims,
        scopes,
        &name,
    )
}

/// Who asks, by their token, and what it allows.
fn user<'a>(
    shared: &Context,
    request: &Request,
    audiences: &[&str],
    table: &[(&str, &'a str)],
) -> Result<(EntraClaims, Vec<&'a str>, &'static User), Refusal> {
    let token = caller::bearer(shared, request)
        .ok_or_else(|| Refusal::denied("there is no bearer token"))?;
    let claims = EntraClaims::read(shared, token, request.now).map_err(Refusal::denied)?;
    claims.check_not_taken_back(shared)?;
    if !audiences.contains(&claims.aud.as_str()) {
        return Err(Refusal::denied("the token is for another audience"));
    }
    let user = User::in_directory(&claims.oid, &claims.tid)
        .ok_or_else(|| Refusal::denied("the token's user does not exist"))?;
    let scopes = claims.granted(table);
    match scopes.is_empty() {
        true => Err(Refusal::forbidden(
            "The token has none of the scopes of this exchange.",
        )),
        false => Ok((claims, scopes, user)),
    }
}

fn answer(
    shared: &Context,
    request: &Request,
    family: Family,
    claims: &EntraClaims,
    scopes: Vec<&str>,
    name: &str,
) -> Result<Reply, Refusal> {
    if !request.is_of_type("application/json") {
        return Err(Refusal::media_type());
    }
    serde_json::from_slice::<Map<String, Value>>(&request.body)
        .map_err(|_| Refusal::model("The request body is not a JSON object."))?;
    let assigned =
        shared
            .state
            .lock()
            .assignments
            .admits(family, &claims.tid, &claims.oid, &claims.appid);
    if !assigned {
        return Err(Refusal::forbidden(
            "The principal is not assigned to the resource for this client.",
        ));
    }
    shared.state.lock().ledger.admit(name);
    let wish = TokenOptions {
        skype_id: &format!("acs:{RESOURCE_ID}_{name}"),
        tenant_id: None,
        scopes,
        expires: request
            .now
            .plus(LIFE)
            .min(Timestamp::from_unix_seconds(claims.exp)),
    };
    let token = token::issue(shared, request.now, &wish);
    let body = json!({
        "identity": {"id": format!("8:acs:{RESOURCE_ID}_{name}")},
        "accessToken": token,
    });
    Ok(Reply::json("", StatusCode::OK, &body))
}

//! Exchanges without an access key: the user's own Entra token authenticates the request.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::caller::{self, EntraClaims};
use super::error::AcsError;
use super::token::{self, TokenOptions};
use super::{exchange, json_body};
use crate::emulator::directory::{RESOURCE_ID, User};
use crate::emulator::http::{Reply, Request};
use crate::emulator::scopes::{CLIENTS_AUDIENCES, TEAMS_AUDIENCES};
use crate::emulator::state::assignments::ExchangeKind;
use crate::time::Timestamp;

/// The longest life of a Communication token from these exchanges.
const LIFE: Duration = Duration::from_secs(3600);
/// Each Entra scope of the clients and its ACS scope.
const CLIENT_SCOPES: [(&str, &str); 5] = [
    ("Chat", "chat"),
    ("VoIP", "voip"),
    ("Chat.Join", "chat.join"),
    ("Chat.Join.Limited", "chat.join.limited"),
    ("VoIP.Join", "voip.join"),
];
const EXTENSION_SCOPES: [(&str, &str); 1] = [("TeamsExtension.ManageCalls", "voip")];

pub(crate) fn exchange_entra(request: &Request) -> Result<Reply, AcsError> {
    let (claims, scopes, _) = user(request, &CLIENTS_AUDIENCES, &CLIENT_SCOPES)?;
    let name = format!("wf_{}_{}", claims.tid, claims.oid);
    respond(request, ExchangeKind::Entra, &claims, &scopes, &name)
}

pub(crate) fn exchange_teams_extension(request: &Request) -> Result<Reply, AcsError> {
    let (claims, scopes, user) = user(request, &TEAMS_AUDIENCES, &EXTENSION_SCOPES)?;
    exchange::check_licence(user)?;
    let name = format!("{}_{}", claims.tid, claims.oid);
    respond(
        request,
        ExchangeKind::TeamsExtension,
        &claims,
        &scopes,
        &name,
    )
}

/// Returns the user of the bearer token and the ACS scopes of its scopes.
fn user<'a>(
    request: &Request,
    audiences: &[&str],
    table: &[(&str, &'a str)],
) -> Result<(EntraClaims, Vec<&'a str>, &'static User), AcsError> {
    let token = caller::bearer(request);
    let token = token.ok_or_else(|| AcsError::denied("there is no bearer token"))?;
    let claims = EntraClaims::read(request, token).map_err(AcsError::denied)?;
    claims.check_not_revoked(request)?;
    claims.check_audience(audiences).map_err(AcsError::denied)?;
    let user = User::in_directory(&claims.oid, &claims.tid)
        .ok_or_else(|| AcsError::denied("the token's user does not exist"))?;
    let scopes = claims.granted(table);
    match scopes.is_empty() {
        true => Err(AcsError::forbidden(
            "The token has none of the scopes of this exchange.",
        )),
        false => Ok((claims, scopes, user)),
    }
}

fn respond(
    request: &Request,
    kind: ExchangeKind,
    claims: &EntraClaims,
    scopes: &[&str],
    name: &str,
) -> Result<Reply, AcsError> {
    let problem = "The request body is not a JSON object.";
    json_body::read::<Map<String, Value>>(request, "application/json", problem)?;
    {
        let mut state = request.state();
        let EntraClaims {
            tid, oid, appid, ..
        } = claims;
        if !state.assignments.admits(kind, tid, oid, appid) {
            return Err(AcsError::forbidden(
                "The principal is not assigned to the resource for this client.",
            ));
        }
        state.identities.ensure(name);
    }
    let skype_id = format!("acs:{RESOURCE_ID}_{name}");
    let until = Timestamp::from_unix_seconds(claims.exp);
    let options = TokenOptions {
        skype_id: &skype_id,
        tenant_id: None,
        scopes,
        expires: request.now.plus(LIFE).min(until),
    };
    let token = token::issue(request, &options);
    let identity = json!({"id": format!("8:{skype_id}")});
    let body = json!({"identity": identity, "accessToken": token});
    Ok(Reply::json(200, &body))
}

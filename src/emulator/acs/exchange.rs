//! The Teams exchange: a Teams user's Entra token in, their Communication token out.
//!
//! In comes a signed request with token, appId and userId, out comes a token that lives exactly
//! as long as the Entra token. It knows the user by the token alone; the two ids are only compared.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::door::{Asked, Reply, Shared};
use super::super::verify::is_guid;
use super::super::world::{RESOURCE_ID, User};
use super::Refusal;
use crate::time::Timestamp;

pub(super) const NAME: &str = "exchange";
/// Since its preview the operation has had other bodies, which are not emulated.
pub(super) const VERSIONS: [&str; 5] = [
    "2022-06-01",
    "2022-10-01",
    "2023-10-01",
    "2025-03-02-preview",
    "2025-06-30",
];
const AUDIENCE: &str = "https://auth.msft.communication.azure.com";
/// Each Entra scope that the exchange takes, and what it turns into.
const SCOPES: [(&str, &str); 2] = [("Teams.ManageChats", "chat"), ("Teams.ManageCalls", "voip")];
/// The bit mask seen in real tokens, whatever their scopes.
const SCOPE_MASK: u32 = 0x700;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    token: Option<String>,
    app_id: Option<String>,
    user_id: Option<String>,
}

/// The claims of an Entra token that the exchange looks at.
#[derive(Deserialize)]
struct EntraClaims {
    aud: String,
    iss: String,
    nbf: i64,
    exp: i64,
    scp: String,
    appid: String,
    oid: String,
    tid: String,
}

/// The claims of a Communication token, in the service's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommunicationClaims<'a> {
    skypeid: String,
    scp: u32,
    csi: String,
    exp: i64,
    rgn: &'static str,
    iat: i64,
    acs_scope: String,
    resource_id: &'static str,
    resource_location: &'static str,
    tenant_id: &'a str,
    emulator: bool,
}

pub(super) fn run(shared: &Shared, asked: &Asked) -> Result<Reply, Refusal> {
    if !asked.is_of_type("application/json") {
        return Err(Refusal::media_type());
    }
    let body: Body = serde_json::from_slice(&asked.body)
        .map_err(|_| Refusal::model("The request body is not valid JSON of this operation."))?;
    let token = body
        .token
        .ok_or_else(|| Refusal::model("The token field is required."))?;
    shared.state.lock().keep_secret(token.clone());
    let claims = read_token(shared, &token, asked.now)?;
    let (app_id, user_id) = (
        body.app_id.unwrap_or_default(),
        body.user_id.unwrap_or_default(),
    );
    check_ids(&app_id, &user_id, &claims)?;
    let user = User::in_directory(&claims.oid, &claims.tid)
        .ok_or_else(|| Refusal::access_token("the token's user does not exist"))?;
    if !user.teams_licence {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "The user has no eligible Teams licence.",
        )
        .because("the user has no Teams licence"));
    }

    let now = asked.now.unix_seconds();
    let granted: Vec<&str> = SCOPES
        .iter()
        .filter(|(entra, _)| claims.scp.split(' ').any(|scope| scope == *entra))
        .map(|(_, acs)| *acs)
        .collect();
    let token = shared.signer.communication_token(&CommunicationClaims {
        skypeid: format!("orgid:{}", claims.oid),
        scp: SCOPE_MASK,
        csi: now.to_string(),
        exp: claims.exp,
        rgn: "amer",
        iat: now,
        acs_scope: granted.join(","),
        resource_id: RESOURCE_ID,
        resource_location: "unitedstates",
        tenant_id: &claims.tid,
        emulator: true,
    });
    shared.state.lock().keep_secret(token.clone());
    let expires_on = service_time(Timestamp::from_unix_seconds(claims.exp));
    let answer = json!({"token": token, "expiresOn": expires_on});
    Ok(Reply::json(NAME, StatusCode::OK, &answer))
}

/// First of all the token must be one of Entra's, alive, and meant for Teams interoperability.
fn read_token(shared: &Shared, token: &str, now: Timestamp) -> Result<EntraClaims, Refusal> {
    let claims: EntraClaims = shared
        .signer
        .read(token)
        .ok_or_else(|| Refusal::access_token("the token is not one of this emulator's Entra"))?;
    let now = now.unix_seconds();
    let refuse = |why: &str| Err(Refusal::access_token(why));
    if !claims.iss.ends_with(&format!("/{}/", claims.tid)) {
        return refuse("the token's issuer is not its tenant's");
    }
    if now >= claims.exp || now < claims.nbf {
        return refuse("the token is expired or not yet valid");
    }
    if claims.aud != AUDIENCE {
        return refuse("the token is for another audience");
    }
    let known = |scope| SCOPES.iter().any(|(entra, _)| *entra == scope);
    if !claims.scp.split(' ').any(known) {
        return refuse("the token has neither of the two Teams scopes");
    }
    Ok(claims)
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

/// The service's own spelling of a time: seven fractional digits, and an offset for a `Z`.
fn service_time(time: Timestamp) -> String {
    time.to_string().replace('Z', ".0000000+00:00")
}

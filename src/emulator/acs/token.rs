//! Communication tokens: made here, and asked here whether they still count.
//!
//! In comes whom a token speaks for and what it allows, out comes the token with the claims of the
//! real one in their order. Two claims are the emulator's own: `emulator`, so that nobody takes it
//! for real, and `emulatorSerial`, by which a revocation tells apart tokens of the same second.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::directory::RESOURCE_ID;
use super::super::server::{Context, Reply, Request};
use crate::time::Timestamp;

/// The bit mask seen in real tokens, whatever their scopes.
const SCOPE_MASK: u32 = 0x700;

/// The claims, in the service's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claims<'a> {
    skypeid: &'a str,
    scp: u32,
    csi: String,
    exp: i64,
    rgn: &'static str,
    iat: i64,
    acs_scope: String,
    resource_id: &'static str,
    resource_location: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    emulator: bool,
    emulator_serial: u64,
}

/// What a token is to say.
pub(super) struct TokenOptions<'a> {
    /// Whom it speaks for: their raw id without `8:`.
    pub(super) skype_id: &'a str,
    /// The directory, for a Teams user.
    pub(super) tenant_id: Option<&'a str>,
    pub(super) scopes: Vec<&'a str>,
    pub(super) expires: Timestamp,
}

/// Issues a token: `token` and `expiresOn`, as the service answers them.
pub(super) fn issue(shared: &Context, now: Timestamp, wish: &TokenOptions<'_>) -> Value {
    let name = name_in(wish.skype_id).unwrap_or_default();
    let serial = shared.state.lock().ledger.issue(name, now);
    let iat = now.unix_seconds();
    let token = shared.signer.communication_token(&Claims {
        skypeid: wish.skype_id,
        scp: SCOPE_MASK,
        csi: iat.to_string(),
        exp: wish.expires.unix_seconds(),
        rgn: "amer",
        iat,
        acs_scope: wish.scopes.join(","),
        resource_id: RESOURCE_ID,
        resource_location: "unitedstates",
        tenant_id: wish.tenant_id,
        emulator: true,
        emulator_serial: serial,
    });
    shared.state.lock().keep_secret(&token);
    json!({"token": token, "expiresOn": service_time(wish.expires)})
}

/// What is read back of a token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Presented {
    skypeid: String,
    exp: i64,
    resource_id: String,
    emulator_serial: u64,
}

/// The claims of a token that the data plane would still accept; `None` for any other text.
pub(in crate::emulator) fn accepted(shared: &Context, token: &str) -> Option<Value> {
    let claims: Value = shared.signer.read(token)?;
    let presented: Presented = serde_json::from_value(claims.clone()).ok()?;
    if presented.resource_id != RESOURCE_ID || shared.clock.now().unix_seconds() >= presented.exp {
        return None;
    }
    let counts = match name_in(&presented.skypeid) {
        Some(name) => shared
            .state
            .lock()
            .ledger
            .honours(name, presented.emulator_serial),
        // Nobody can revoke a Teams user's token.
        None => presented.skypeid.starts_with("orgid:"),
    };
    counts.then_some(claims)
}

/// `GET /emulator/whoami`: is the bearer's token still good, and what does it say? The service has
/// no such operation; here it stands for the data plane that would be asked with the token.
pub(in crate::emulator) fn whoami(shared: &Context, request: &Request) -> Reply {
    let token = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    if let Some(token) = token {
        shared.state.lock().keep_secret(token);
    }
    match token.and_then(|token| accepted(shared, token)) {
        Some(claims) => Reply::json("whoami", StatusCode::OK, &claims),
        None => {
            let error = json!({"error": {
                "code": "Unauthorized",
                "message": "The Communication token is missing, expired, revoked or not of here.",
            }});
            Reply::json("whoami", StatusCode::UNAUTHORIZED, &error)
        }
    }
}

/// The ledger's name for whom a token of this resource's identities speaks for.
fn name_in(skype_id: &str) -> Option<&str> {
    skype_id
        .strip_prefix("acs:")?
        .strip_prefix(RESOURCE_ID)?
        .strip_prefix('_')
}

/// The service's own spelling of a time: seven fractional digits, and an offset for a `Z`.
pub(super) fn service_time(time: Timestamp) -> String {
    time.to_string().replace('Z', ".0000000+00:00")
}

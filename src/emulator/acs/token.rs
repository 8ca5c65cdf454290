//! Communication tokens: issue and validation.
//!
//! A token has the real one's claims in their order, and two more: `emulator`, which marks it, and
//! `emulatorSerial`, which separates tokens of the same second for a revocation.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::emulator::context::Context;
use crate::emulator::directory::RESOURCE_ID;
use crate::emulator::http::{Reply, Request};
use crate::time::Timestamp;

/// The bit mask of real tokens, which is the same for all scopes.
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

/// The content of a new token.
pub(crate) struct TokenOptions<'a> {
    /// The identity's raw id without `8:`.
    pub(crate) skype_id: &'a str,
    /// The tenant of a Teams user.
    pub(crate) tenant_id: Option<&'a str>,
    pub(crate) scopes: &'a [&'a str],
    pub(crate) expires: Timestamp,
}

/// Issues a token. Returns the service's `token` and `expiresOn`.
pub(crate) fn issue(request: &Request, options: &TokenOptions<'_>) -> Value {
    let name = name_in(options.skype_id).unwrap_or_default();
    let mut state = request.state();
    let iat = request.now.unix_seconds();
    let token = request.context.signer.communication_token(&Claims {
        skypeid: options.skype_id,
        scp: SCOPE_MASK,
        csi: iat.to_string(),
        exp: options.expires.unix_seconds(),
        rgn: "amer",
        iat,
        acs_scope: options.scopes.join(","),
        resource_id: RESOURCE_ID,
        resource_location: "unitedstates",
        tenant_id: options.tenant_id,
        emulator: true,
        emulator_serial: state.identities.issue(name, request.now),
    });
    state.keep_secret(&token);
    json!({"token": token, "expiresOn": service_time(options.expires)})
}

/// The claims that a validation reads.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Presented {
    skypeid: String,
    exp: i64,
    resource_id: String,
    emulator_serial: u64,
}

/// Returns the claims of a valid token; `None` for any other text.
pub(crate) fn accepted(context: &Context, token: &str) -> Option<Value> {
    let claims: Value = context.signer.read(token)?;
    let presented: Presented = serde_json::from_value(claims.clone()).ok()?;
    if presented.resource_id != RESOURCE_ID || context.now().unix_seconds() >= presented.exp {
        return None;
    }
    let is_valid = match name_in(&presented.skypeid) {
        Some(name) => {
            let state = context.state();
            state.identities.is_valid(name, presented.emulator_serial)
        }
        // A Teams user's token cannot be revoked.
        None => presented.skypeid.starts_with("orgid:"),
    };
    is_valid.then_some(claims)
}

/// `GET /emulator/whoami`: returns the claims of a valid bearer token. The service has no such
/// operation; here it represents the services that accept a token.
pub(crate) fn whoami(request: &Request) -> Reply {
    let authorization = request.header("authorization");
    let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
    if let Some(token) = token {
        request.state().keep_secret(token);
    }
    let reply = match token.and_then(|token| accepted(&request.context, token)) {
        Some(claims) => Reply::json(200, &claims),
        None => {
            let error = json!({"error": {
                "code": "Unauthorized",
                "message": "The Communication token is missing, expired, revoked or not of here.",
            }});
            Reply::json(401, &error)
        }
    };
    reply.named("whoami")
}

/// Returns the name of an identity of this resource.
fn name_in(skype_id: &str) -> Option<&str> {
    let of_resource = skype_id.strip_prefix("acs:")?.strip_prefix(RESOURCE_ID)?;
    of_resource.strip_prefix('_')
}

/// Returns a time in the service's spelling: seven fractional digits, and an offset for `Z`.
pub(crate) fn service_time(time: Timestamp) -> String {
    time.to_string().replace('Z', ".0000000+00:00")
}

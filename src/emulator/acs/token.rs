//! Communication tokens: issue and validation.
//!
//! A token has the real one's claims in their order. A Teams user's token has the user's tenant too, by two
//! names: `tenantId`, and `tid`, which the calling SDK looks for. All tokens have claims of the emulator:
//! `emulator`, which marks it, `emulatorSerial`, which separates tokens of the same second for a
//! revocation, and `emulatorKey`, which names the access key of the request that issued it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::emulator::context::Context;
use crate::emulator::http::{Reply, Request};
use crate::time::Timestamp;

/// The bit mask of real tokens, which is the same for all scopes.
const SCOPE_MASK: u32 = 0x700;

/// The claims, in the service's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claims<'a> {
    skypeid: &'a str,
    scp: u32,
    csi: String,
    exp: i64,
    rgn: &'static str,
    iat: i64,
    acs_scope: String,
    resource_id: &'a str,
    resource_location: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    /// The calling SDK makes a Teams user's agent only of a token with this claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<&'a str>,
    emulator: bool,
    emulator_serial: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    emulator_key: Option<&'a str>,
}

impl<'a> Claims<'a> {
    /// Returns the claims of an identity's token.
    pub(crate) fn new(
        resource_id: &'a str,
        skype_id: &'a str,
        scopes: &[&str],
        now: Timestamp,
        expires: Timestamp,
        serial: u64,
    ) -> Claims<'a> {
        let iat = now.unix_seconds();
        Claims {
            skypeid: skype_id,
            scp: SCOPE_MASK,
            csi: iat.to_string(),
            exp: expires.unix_seconds(),
            rgn: "amer",
            iat,
            acs_scope: scopes.join(","),
            resource_id,
            resource_location: "unitedstates",
            tenant_id: None,
            tid: None,
            emulator: true,
            emulator_serial: serial,
            emulator_key: None,
        }
    }
}

/// Issues a token. Returns the service's `token` and `expiresOn`.
/// `skype_id` is the identity's raw id without `8:`, and `tenant_id` the tenant of a Teams user.
pub(crate) fn issue(
    request: &Request,
    skype_id: &str,
    tenant_id: Option<&str>,
    scopes: &[&str],
    expires: Timestamp,
) -> Value {
    let resource_id = &request.resource().id;
    let name = name_in(skype_id, resource_id).unwrap_or_default();
    let mut state = request.state();
    let of_resource = &mut state.resources[request.at.resource];
    let serial = of_resource.identities.issue(name, request.now);
    let claims = Claims {
        tenant_id,
        tid: tenant_id,
        emulator_key: request.access_key.get().map(String::as_str),
        ..Claims::new(resource_id, skype_id, scopes, request.now, expires, serial)
    };
    let token = request.context.signer.communication_token(&claims);
    state.keep_secret(&token);
    let mut notes = request.notes();
    notes.issued("communication_token", &token);
    notes.scopes = Some(scopes.join(" "));
    json!({"token": token, "expiresOn": service_time(expires)})
}

/// Returns the claims of a valid token; `None` for any other text.
pub(crate) fn accepted(context: &Context, token: &str) -> Option<Value> {
    let claims: Value = context.signer.read_communication_token(token)?;
    let (skype_id, expires) = (claims["skypeid"].as_str()?, claims["exp"].as_i64()?);
    let serial = claims["emulatorSerial"].as_u64()?;
    let resource_id = claims["resourceId"].as_str()?;
    let world = context.world();
    let mut resources = world.resources.iter();
    let index = resources.position(|resource| resource.id == resource_id)?;
    let now = context.now();
    // A regenerated key ends the tokens that were issued under the old one.
    let key = claims["emulatorKey"].as_str();
    let is_of_key = key.is_none_or(|key| world.resources[index].keys.has(key));
    if now.unix_seconds() >= expires || !is_of_key {
        return None;
    }
    let is_valid = match name_in(skype_id, resource_id) {
        Some(name) => {
            let state = context.state();
            state.resources[index]
                .identities
                .is_valid(name, serial, now)
        }
        // A Teams user's token cannot be revoked.
        None => skype_id.starts_with("orgid:"),
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
        request.notes().received("communication_token", token);
    }
    let reply = match token.and_then(|token| accepted(&request.context, token)) {
        Some(claims) => {
            request.notes().authenticated("Communication token");
            Reply::json(200, &claims)
        }
        None => {
            let message =
                "The Communication token is missing, expired, revoked or from another service.";
            let error = json!({"code": "Unauthorized", "message": message});
            Reply::json(401, &json!({"error": error})).because(message)
        }
    };
    reply.named("whoami")
}

/// Returns the name of an identity of this resource.
fn name_in<'a>(skype_id: &'a str, resource_id: &str) -> Option<&'a str> {
    let of_resource = skype_id.strip_prefix("acs:")?.strip_prefix(resource_id)?;
    of_resource.strip_prefix('_')
}

/// Returns a time in the service's spelling: seven fractional digits, and an offset for `Z`.
pub(crate) fn service_time(time: Timestamp) -> String {
    time.to_string().replace('Z', ".0000000+00:00")
}

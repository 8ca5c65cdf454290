//! Refusals and unusual responses of the ACS resource.

use serde_json::{Map, Value};

use super::row::{NamedFault, RESOURCE};
use crate::emulator::faults::effect::{Effect, JsonChange, ResourceRefusal};
use crate::emulator::faults::route::Route;

const RECORDED: &str = "recorded responses of the service";
const REPORTED: &str = "a user's output of the service";
const UNPUBLISHED: &str = "not published by Microsoft: the emulator's own choice";

const EXCHANGE: &[Route] = &[Route::Exchange];
const IDENTITIES: &[Route] = &[Route::Identities];
const MANAGED: &[Route] = &[Route::Identities, Route::Assignments];
const TOKENS: &[Route] = &[Route::Exchange, Route::Identities];

#[rustfmt::skip]
pub(super) static TABLE: [NamedFault; 8] = [
    NamedFault { name: "denied", routes: RESOURCE, summary: "the access key or the credential is wrong", response: "401 `Denied`", source: REPORTED, parameter: None, effect: |_| Effect::Resource(ResourceRefusal::Denied) },
    NamedFault { name: "invalid-access-token", routes: EXCHANGE, summary: "the Entra token is not valid", response: "401 `InvalidAccessToken`", source: RECORDED, parameter: None, effect: |_| Effect::Resource(ResourceRefusal::InvalidAccessToken) },
    NamedFault { name: "access-revoked", routes: EXCHANGE, summary: "continuous access evaluation rejects the Entra token", response: "401 `InvalidAccessToken` with a claims challenge in `WWW-Authenticate`", source: "Microsoft: claims challenges", parameter: None, effect: |_| Effect::Resource(ResourceRefusal::Challenge) },
    NamedFault { name: "licence-missing", routes: EXCHANGE, summary: "the user has no Teams licence", response: "403 `Forbidden`", source: UNPUBLISHED, parameter: None, effect: |_| Effect::Resource(ResourceRefusal::NoLicence) },
    NamedFault { name: "role-missing", routes: MANAGED, summary: "the principal has no role on the resource", response: "403 `Forbidden`", source: UNPUBLISHED, parameter: None, effect: |_| Effect::Resource(ResourceRefusal::NoRole) },
    NamedFault { name: "identity-not-owned", routes: IDENTITIES, summary: "the identity belongs to another resource, or was deleted", response: "401 `IdentityNotOwned`", source: RECORDED, parameter: None, effect: |_| Effect::Resource(ResourceRefusal::IdentityNotOwned) },
    NamedFault { name: "not-found", routes: RESOURCE, summary: "the resource has no such operation", response: "404 `NotFound`", source: UNPUBLISHED, parameter: None, effect: |_| Effect::Resource(ResourceRefusal::NotFound) },
    NamedFault { name: "token-expired", routes: TOKENS, summary: "the access token of the response has expired", response: "`expiresOn` is `2020-01-01T00:00:00.0000000+00:00`", source: "the form of the service's times", parameter: None, effect: |_| Effect::Json(JsonChange::Edit(expire)) },
];

/// Sets the time of expiry of a token, which may be a member of the response.
fn expire(body: &mut Map<String, Value>) {
    let token = match body.get_mut("accessToken") {
        Some(Value::Object(token)) => token,
        _ => body,
    };
    if let Some(time) = token.get_mut("expiresOn") {
        *time = "2020-01-01T00:00:00.0000000+00:00".into();
    }
}

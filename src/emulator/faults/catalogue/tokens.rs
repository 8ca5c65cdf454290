//! Token and device responses in other forms than those of the RFCs, each of which occurs.

use serde_json::{Map, Value, json};

use super::row::{NamedFault, TOKEN};
use crate::emulator::faults::effect::{Effect, JsonChange};
use crate::emulator::faults::route::Route;

/// The source of the forms.
pub(super) const SEEN: &str = "oauth2-rs 85 and 151, azure-sdk-for-rust 419";
const OAUTH: &str = "RFC 6749, section 5.1";
const REFRESH: &str = "RFC 6749, section 6";
const DEVICE: &[Route] = &[Route::Device];

fn edit(change: fn(&mut Map<String, Value>)) -> Effect {
    Effect::Json(JsonChange::Edit(change))
}

fn set(body: &mut Map<String, Value>, member: &str, value: Value) {
    body.insert(member.to_owned(), value);
}

/// Returns members that no client knows.
pub(super) fn unknown() -> Map<String, Value> {
    let mut members = Map::new();
    set(
        &mut members,
        "emulator_unknown",
        json!({"a": [null, 1.5, "\u{1f600}"]}),
    );
    set(&mut members, "", json!([]));
    members
}

/// Returns a number of seconds in another form.
fn life(body: &Map<String, Value>) -> u64 {
    body.get("expires_in")
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

fn scope_list(body: &mut Map<String, Value>) {
    let scope = body
        .get("scope")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let list: Vec<String> = scope.split(' ').map(str::to_owned).collect();
    set(body, "scope", json!(list));
}

#[rustfmt::skip]
pub(super) static TABLE: [NamedFault; 13] = [
    NamedFault { name: "expires-in-text", routes: TOKEN, summary: "the lifetime is a text", response: "`expires_in` is a JSON string", source: SEEN, parameter: None, effect: |_| edit(|body| { let life = life(body); set(body, "expires_in", life.to_string().into()); }) },
    NamedFault { name: "expires-in-float", routes: TOKEN, summary: "the lifetime has a fraction", response: "`expires_in` is a float", source: SEEN, parameter: None, effect: |_| edit(|body| { let life = life(body); set(body, "expires_in", json!(life as f64 + 0.5)); }) },
    NamedFault { name: "only-ext-expires-in", routes: TOKEN, summary: "the lifetime has another name", response: "`ext_expires_in` without `expires_in`", source: SEEN, parameter: None, effect: |_| edit(|body| _ = body.remove("expires_in")) },
    NamedFault { name: "refresh-in", routes: TOKEN, summary: "a renewal is recommended before the expiry", response: "`refresh_in` is half of `expires_in`", source: "MSAL: the member `refresh_in` of a token response", parameter: None, effect: |_| edit(|body| { let life = life(body); set(body, "refresh_in", (life / 2).into()); }) },
    NamedFault { name: "scope-absent", routes: TOKEN, summary: "the granted scopes are those of the request", response: "no `scope`", source: OAUTH, parameter: None, effect: |_| edit(|body| _ = body.remove("scope")) },
    NamedFault { name: "scope-list", routes: TOKEN, summary: "the scopes are a list", response: "`scope` is an array", source: SEEN, parameter: None, effect: |_| edit(scope_list) },
    NamedFault { name: "token-type-absent", routes: TOKEN, summary: "the type of token is missing", response: "no `token_type`", source: SEEN, parameter: None, effect: |_| edit(|body| _ = body.remove("token_type")) },
    NamedFault { name: "token-type-lower-case", routes: TOKEN, summary: "the type of token is in lower case", response: "`token_type` is `bearer`", source: OAUTH, parameter: None, effect: |_| edit(|body| set(body, "token_type", "bearer".into())) },
    NamedFault { name: "refresh-token-missing", routes: TOKEN, summary: "no new refresh token is issued", response: "no `refresh_token`", source: REFRESH, parameter: None, effect: |_| edit(|body| _ = body.remove("refresh_token")) },
    NamedFault { name: "refresh-token-rotated", routes: TOKEN, summary: "the old refresh token ends with its use", response: "the right response; the old refresh token is then refused", source: "RFC 9700, section 4.14.2", parameter: None, effect: |_| Effect::RetiresRefreshToken },
    NamedFault { name: "id-token-missing", routes: TOKEN, summary: "no id_token is issued", response: "no `id_token`", source: "OpenID Connect Core 1.0, section 12.2", parameter: None, effect: |_| edit(|body| _ = body.remove("id_token")) },
    NamedFault { name: "interval-null", routes: DEVICE, summary: "the interval is null", response: "`interval` is null", source: SEEN, parameter: None, effect: |_| edit(|body| set(body, "interval", Value::Null)) },
    NamedFault { name: "interval-text", routes: DEVICE, summary: "the interval is a text", response: "`interval` is a JSON string", source: SEEN, parameter: None, effect: |_| edit(|body| { let text = body.get("interval").map(Value::to_string); set(body, "interval", text.into()); }) },
];

//! The emulator's clock: freeze, advance, set, and set back.

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::route::{Body, Call, Refusal, Route, shown};
use crate::emulator::clock::{Change, MAX_SHIFT_SECONDS};
use crate::emulator::http::Reply;
use crate::time::Timestamp;

pub(super) const SHOW: Route = Route {
    method: Method::GET,
    path: "/clock",
    id: "getClock",
    summary: "Show the clock",
    description: "",
    parameters: &[],
    body: Body::None,
    success: ("The clock", Some(clock)),
    refusals: &[],
    handler: |call| shown(&state(call)),
};

pub(super) const CHANGE: Route = Route {
    method: Method::PUT,
    path: "/clock",
    id: "changeClock",
    summary: "Freeze, advance or set the clock, or set it back",
    description: "The clock is that of every expiry, every date check and every Date header. The members are applied in the order offsetSeconds, now, advanceSeconds, frozen. With offsetSeconds 0 and frozen false the clock is the machine's again.",
    parameters: &[],
    body: Body::Required(change),
    success: ("The clock after the change", Some(clock)),
    refusals: &[],
    handler: set,
};

fn clock() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["now", "offsetSeconds", "frozen"],
        "properties": {
            "now": {"type": "string", "format": "date-time", "description": "The emulator's time"},
            "offsetSeconds": {"type": "integer", "description": "The emulator's time minus the machine's"},
            "frozen": {"type": "boolean", "description": "Whether the clock stands still"},
        },
    })
}

fn change() -> Value {
    let (least, most) = (-MAX_SHIFT_SECONDS, MAX_SHIFT_SECONDS);
    json!({
        "type": "object", "additionalProperties": false, "minProperties": 1,
        "properties": {
            "offsetSeconds": {"type": "integer", "minimum": least, "maximum": most, "description": "Sets the clock to the machine's time plus these seconds"},
            "now": {"type": "string", "format": "date-time", "description": "Sets the clock to this time"},
            "advanceSeconds": {"type": "integer", "minimum": least, "maximum": most, "description": "Moves the clock; a negative number moves it back"},
            "frozen": {"type": "boolean", "description": "Stops the clock, or lets it run on from its time"},
        },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    offset_seconds: Option<i64>,
    now: Option<String>,
    advance_seconds: Option<i64>,
    frozen: Option<bool>,
}

fn set(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: Wanted = call.read()?;
    call.context().clock.change(Change {
        offset_seconds: wanted.offset_seconds,
        now: wanted.now.as_deref().and_then(Timestamp::parse_rfc3339),
        advance_seconds: wanted.advance_seconds,
        frozen: wanted.frozen,
    });
    shown(&state(call))
}

fn state(call: &Call<'_>) -> Value {
    let state = call.context().clock.reading();
    json!({
        "now": state.now.to_string(),
        "offsetSeconds": state.offset_seconds,
        "frozen": state.frozen,
    })
}

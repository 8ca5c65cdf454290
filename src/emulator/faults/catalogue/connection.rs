//! Faults of time, of the connection, and of a response's bytes.

use super::row::{ALL, JSON, MILLISECONDS, NamedFault, Parameter, SECONDS};
use crate::emulator::faults::effect::{BodyChange, Effect, JsonChange};

const HTTP: &str = "RFC 9110, RFC 9112";
const CLOCK: &str = "RFC 9110, section 6.6.1";
const PROXY: &str = "reports of proxies and test servers";

const TIME: Option<Parameter> = Some(Parameter::Number {
    name: "milliseconds",
    default: 1000,
    max: MILLISECONDS,
});
const SHIFT: Option<Parameter> = Some(Parameter::Number {
    name: "seconds",
    default: 600,
    max: 365 * SECONDS,
});
const SIZE: Option<Parameter> = Some(Parameter::Number {
    name: "bytes",
    default: 30_000_000,
    max: 1_000_000_000,
});
const MEMBER: Option<Parameter> = Some(Parameter::Text { name: "member" });

fn shifted(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or_default()
}

#[rustfmt::skip]
pub(super) static TABLE: [NamedFault; 16] = [
    NamedFault { name: "latency", routes: ALL, summary: "the service is slow", response: "the right response after `milliseconds` (1000)", source: HTTP, parameter: TIME, effect: |given| Effect::Latency(given.number) },
    NamedFault { name: "hang", routes: ALL, summary: "the service never responds", response: "none; the connection stays open", source: HTTP, parameter: None, effect: |_| Effect::Hang },
    NamedFault { name: "connection-dropped", routes: ALL, summary: "the connection breaks before the operation", response: "none; nothing was executed", source: HTTP, parameter: None, effect: |_| Effect::Drop },
    NamedFault { name: "connection-dropped-after", routes: ALL, summary: "the connection breaks after the operation", response: "none; the operation was executed", source: HTTP, parameter: None, effect: |_| Effect::DropAfterHandling },
    NamedFault { name: "date-ahead", routes: ALL, summary: "the service's clock is ahead", response: "`Date` is `seconds` (600) late", source: CLOCK, parameter: SHIFT, effect: |given| Effect::Date(shifted(given.number)) },
    NamedFault { name: "date-behind", routes: ALL, summary: "the service's clock is behind", response: "`Date` is `seconds` (600) early", source: CLOCK, parameter: SHIFT, effect: |given| Effect::Date(-shifted(given.number)) },
    NamedFault { name: "slow-body", routes: JSON, summary: "the body arrives slowly", response: "the right body in ten pieces over `milliseconds` (1000)", source: HTTP, parameter: TIME, effect: |given| Effect::Body(BodyChange::Slow(given.number)) },
    NamedFault { name: "truncated-body", routes: JSON, summary: "the connection breaks within the body", response: "half of the body; `Content-Length` is that of all", source: HTTP, parameter: None, effect: |_| Effect::Body(BodyChange::Truncated) },
    NamedFault { name: "truncated-json", routes: JSON, summary: "the JSON is not complete", response: "half of the body; `Content-Length` is that of the half", source: PROXY, parameter: None, effect: |_| Effect::Body(BodyChange::Half) },
    NamedFault { name: "empty-body", routes: JSON, summary: "the body is empty", response: "the right status and headers without a body", source: PROXY, parameter: None, effect: |_| Effect::Body(BodyChange::Empty) },
    NamedFault { name: "oversized-body", routes: JSON, summary: "the body is too large", response: "200 with `bytes` (30000000) of JSON, without `Content-Length`", source: PROXY, parameter: SIZE, effect: |given| Effect::OversizedBody(given.number) },
    NamedFault { name: "gzip", routes: JSON, summary: "the body is coded unasked", response: "the right body with `Content-Encoding: gzip`", source: "RFC 9110, section 12.5.3", parameter: None, effect: |_| Effect::Body(BodyChange::Gzip) },
    NamedFault { name: "byte-order-mark", routes: JSON, summary: "the body begins with a byte order mark", response: "the right body after U+FEFF", source: "RFC 8259, section 8.1", parameter: None, effect: |_| Effect::Body(BodyChange::ByteOrderMark) },
    NamedFault { name: "member-missing", routes: JSON, summary: "the JSON lacks a member", response: "the right body without `member` (the one that clients need most)", source: PROXY, parameter: MEMBER, effect: |given| Effect::Json(JsonChange::Required(given.text.clone())) },
    NamedFault { name: "extra-members", routes: JSON, summary: "the JSON has unknown members", response: "the right body with more members", source: "RFC 6749, section 5.1", parameter: None, effect: |_| Effect::Json(JsonChange::Edit(|body| body.extend(super::tokens::unknown()))) },
    NamedFault { name: "json-list", routes: JSON, summary: "the JSON is not an object", response: "200 with `[]`", source: PROXY, parameter: None, effect: |_| Effect::Response { status: 200, retry_after: None, content_type: "application/json".to_owned(), body: "[]".to_owned() } },
];

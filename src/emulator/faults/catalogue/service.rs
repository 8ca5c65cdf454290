//! Throttling, outages, and responses that are not the service's own.

use super::row::{ALL, NamedFault, Parameter, SECONDS};
use crate::emulator::faults::effect::{Effect, RetryAfter};

const LIMITS: &str = "Microsoft: service limits of ACS; Entra error codes";
const HTTP: &str = "RFC 9110";
const PROXY: &str = "reports of proxies and captive portals";
const AFTER: Option<Parameter> = Some(Parameter::Number {
    name: "seconds",
    default: 1,
    max: SECONDS,
});

/// A proxy's page about itself.
const GATEWAY_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\
                            <body><h1>502 Bad Gateway</h1><hr>proxy</body></html>\n";
/// The page of a captive portal.
const PORTAL_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to this network</title></head>\n\
                           <body><form><input name=\"room\"></form></body></html>\n";

fn page(status: u16, body: &str) -> Effect {
    Effect::Response {
        status,
        retry_after: None,
        content_type: "text/html; charset=utf-8".to_owned(),
        body: body.to_owned(),
    }
}

#[rustfmt::skip]
pub(super) static TABLE: [NamedFault; 9] = [
    NamedFault { name: "throttled", routes: ALL, summary: "too many requests", response: "429 with `Retry-After` in `seconds` (1); `TooManyRequests` or AADSTS90055", source: LIMITS, parameter: AFTER, effect: |given| Effect::Throttled(RetryAfter::Seconds(given.number)) },
    NamedFault { name: "throttled-until", routes: ALL, summary: "too many requests, with a date", response: "429 with `Retry-After` as an HTTP date in `seconds` (1)", source: HTTP, parameter: AFTER, effect: |given| Effect::Throttled(RetryAfter::Date(given.number)) },
    NamedFault { name: "throttled-without-retry-after", routes: ALL, summary: "too many requests, without a time", response: "429 without `Retry-After`", source: LIMITS, parameter: None, effect: |_| Effect::Throttled(RetryAfter::Absent) },
    NamedFault { name: "internal-server-error", routes: ALL, summary: "the service fails", response: "500 in the service's form", source: HTTP, parameter: None, effect: |_| Effect::Outage(500) },
    NamedFault { name: "bad-gateway", routes: ALL, summary: "a gateway of the service fails", response: "502 in the service's form", source: HTTP, parameter: None, effect: |_| Effect::Outage(502) },
    NamedFault { name: "service-unavailable", routes: ALL, summary: "the service is unavailable", response: "503 in the service's form", source: HTTP, parameter: None, effect: |_| Effect::Outage(503) },
    NamedFault { name: "gateway-timeout", routes: ALL, summary: "a gateway of the service times out", response: "504 in the service's form", source: HTTP, parameter: None, effect: |_| Effect::Outage(504) },
    NamedFault { name: "html-page", routes: ALL, summary: "a captive portal responds", response: "200 with an HTML page", source: PROXY, parameter: None, effect: |_| page(200, PORTAL_PAGE) },
    NamedFault { name: "html-bad-gateway", routes: ALL, summary: "a proxy responds", response: "502 with an HTML page", source: PROXY, parameter: None, effect: |_| page(502, GATEWAY_PAGE) },
];

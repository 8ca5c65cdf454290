//! Spans of requests, for a collector of traces (W3C Trace Context, OTLP). Without the feature `otlp`
//! there are none, and the audit has the id of the caller's trace alone.

use std::collections::BTreeMap;

#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod export;
#[cfg(not(feature = "otlp"))]
mod no_export;
mod parent;
mod spans;

#[cfg(feature = "otlp")]
pub(super) use export::Export;
#[cfg(not(feature = "otlp"))]
pub(super) use no_export::Export;
pub(super) use parent::Parent;
pub(super) use spans::{of_client, of_request, propagation, record, trace_id};

/// Either names the collector.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// Returns the value of a variable, or an empty text.
fn text<'e>(environment: &'e BTreeMap<String, String>, name: &str) -> &'e str {
    environment.get(name).map_or("", |value| value.trim())
}

/// Returns whether the environment names a collector.
fn has_collector(environment: &BTreeMap<String, String>) -> bool {
    let is_off = text(environment, "OTEL_SDK_DISABLED").eq_ignore_ascii_case("true")
        || text(environment, "OTEL_TRACES_EXPORTER").eq_ignore_ascii_case("none");
    let is_named = |name: &&str| !text(environment, name).is_empty();
    !is_off && ENDPOINTS.iter().any(is_named)
}

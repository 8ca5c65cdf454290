//! The variables of OpenTelemetry that decide whether there is a collector.

use std::collections::BTreeMap;

/// Either names the collector.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// Returns the value of a variable, or an empty text.
pub(super) fn text<'e>(environment: &'e BTreeMap<String, String>, name: &str) -> &'e str {
    environment.get(name).map_or("", |value| value.trim())
}

/// Returns whether the environment names a collector.
pub(super) fn has_collector(environment: &BTreeMap<String, String>) -> bool {
    let is_off = text(environment, "OTEL_SDK_DISABLED").eq_ignore_ascii_case("true")
        || text(environment, "OTEL_TRACES_EXPORTER").eq_ignore_ascii_case("none");
    let is_named = |name: &&str| !text(environment, name).is_empty();
    !is_off && ENDPOINTS.iter().any(is_named)
}

//! The figures for Prometheus.

use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The upper bounds of the exchange's latency, in seconds.
const LATENCIES: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: String,
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Exchange {
    result: String,
}

/// The figures of this replica.
pub(in crate::exchange_service) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    refusals: Family<Refusal, Counter>,
    latencies: Family<Exchange, Histogram, fn() -> Histogram>,
    cache_hits: Counter,
    in_flight: Gauge,
    cached_tokens: Gauge,
    keys_age: Gauge<f64, AtomicU64>,
    share: Gauge,
    remaining: Gauge,
    lost_lines: Gauge,
}

/// Figures that are read when they are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::exchange_service) struct Gauges {
    pub(in crate::exchange_service) cached_tokens: usize,
    pub(in crate::exchange_service) keys_age: Option<Duration>,
    pub(in crate::exchange_service) share: u32,
    pub(in crate::exchange_service) remaining: u32,
    pub(in crate::exchange_service) lost_lines: u64,
}

impl Metrics {
    pub(in crate::exchange_service) fn new() -> Self {
        let mut registry = Registry::with_prefix("acspass_exchange");
        let metrics = Metrics {
            registry: Mutex::default(),
            requests: Family::default(),
            refusals: Family::default(),
            latencies: Family::new_with_constructor(|| Histogram::new(LATENCIES)),
            cache_hits: Counter::default(),
            in_flight: Gauge::default(),
            cached_tokens: Gauge::default(),
            keys_age: Gauge::default(),
            share: Gauge::default(),
            remaining: Gauge::default(),
            lost_lines: Gauge::default(),
        };
        registry.register(
            "requests",
            "Requests by route and outcome",
            metrics.requests.clone(),
        );
        registry.register("refusals", "Refusals by reason", metrics.refusals.clone());
        registry.register(
            "exchange_seconds",
            "Time of the requests to the ACS resource",
            metrics.latencies.clone(),
        );
        registry.register(
            "cache_hits",
            "Responses with a token from memory",
            metrics.cache_hits.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests without a response yet",
            metrics.in_flight.clone(),
        );
        registry.register(
            "cached_tokens",
            "Tokens in memory",
            metrics.cached_tokens.clone(),
        );
        registry.register(
            "signing_keys_age_seconds",
            "Age of the oldest signing keys in use",
            metrics.keys_age.clone(),
        );
        registry.register(
            "budget_share",
            "Requests to the ACS resource that this replica may send in 30 seconds",
            metrics.share.clone(),
        );
        registry.register(
            "budget_remaining",
            "Requests to the ACS resource that are left now",
            metrics.remaining.clone(),
        );
        registry.register(
            "audit_lines_lost",
            "Lines of the audit that could not be written",
            metrics.lost_lines.clone(),
        );
        *metrics.registry() = registry;
        metrics
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request whose response is not sent yet.
    pub(in crate::exchange_service) fn started(&self) {
        self.in_flight.inc();
    }

    /// Counts a response.
    pub(in crate::exchange_service) fn finished(
        &self,
        route: &str,
        outcome: &str,
        reason: Option<&str>,
    ) {
        self.in_flight.dec();
        let request = Request {
            route: route.to_owned(),
            outcome: outcome.to_owned(),
        };
        self.requests.get_or_create(&request).inc();
        if outcome == "cached" {
            self.cache_hits.inc();
        }
        if let Some(reason) = reason {
            let reason = reason.to_owned();
            self.refusals.get_or_create(&Refusal { reason }).inc();
        }
    }

    /// Counts a request to the resource.
    pub(in crate::exchange_service) fn exchanged(&self, time: Duration, is_ok: bool) {
        let result = if is_ok { "ok" } else { "error" }.to_owned();
        let latencies = self.latencies.get_or_create(&Exchange { result });
        latencies.observe(time.as_secs_f64());
    }

    /// Returns the figures as text.
    pub(in crate::exchange_service) fn text(&self, gauges: Gauges) -> String {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.cached_tokens.set(number(gauges.cached_tokens));
        self.share.set(gauges.share.into());
        self.remaining.set(gauges.remaining.into());
        let lost = i64::try_from(gauges.lost_lines).unwrap_or(i64::MAX);
        self.lost_lines.set(lost);
        let age = gauges.keys_age.map_or(f64::NAN, |age| age.as_secs_f64());
        self.keys_age.set(age);
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry());
        text
    }
}

//! The export of spans. The variables of OpenTelemetry configure it (`OTEL_EXPORTER_OTLP_ENDPOINT`,
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER` and others); its library reads them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::Registry;

use super::collector::Collector;
use crate::error::{Error, Result};
use crate::http::Http;

/// Either names the collector.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
/// How long the end waits for the last spans.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The export of this process's spans.
pub(in crate::exchange_service) struct Export {
    provider: SdkTracerProvider,
    collector: Collector,
}

impl Export {
    /// Prepares the export, if the environment names a collector.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if a variable has a value that cannot be used.
    pub(in crate::exchange_service) fn from_environment(
        environment: &BTreeMap<String, String>,
    ) -> Result<Option<Self>> {
        let text = |name: &str| environment.get(name).map_or("", |value| value.trim());
        let is_off = text("OTEL_SDK_DISABLED").eq_ignore_ascii_case("true")
            || text("OTEL_TRACES_EXPORTER").eq_ignore_ascii_case("none");
        if is_off || ENDPOINTS.iter().all(|name| text(name).is_empty()) {
            return Ok(None);
        }
        let collector = Collector::default();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector.clone())
            .build();
        // The library's error may quote the endpoint, which can contain a secret.
        let exporter = exporter.map_err(|_| {
            Error::usage(
                "a variable for the export of traces has a value that cannot be used",
                "Check OTEL_EXPORTER_OTLP_ENDPOINT and the other variables that start with \
                 OTEL_EXPORTER_OTLP_.",
            )
        })?;
        let resource = match text("OTEL_SERVICE_NAME").is_empty() {
            true => Resource::builder().with_service_name("acspass-exchange"),
            false => Resource::builder(),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Export {
            provider,
            collector,
        }))
    }

    /// Returns the layer that takes the spans. It takes no event, because a message is for the log.
    pub(in crate::exchange_service) fn layer(&self) -> impl Layer<Registry> + use<> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("acspass-exchange"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|metadata| metadata.is_span()))
    }

    /// Sends with this client from now on. It must be called in the runtime that sends.
    pub(in crate::exchange_service) fn send_with(&self, http: Arc<Http>) {
        self.collector.connect(http);
    }

    /// Sends the last spans, and ends the export. The collector reports a failure itself.
    pub(in crate::exchange_service) fn end(self) {
        let _ = self.provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
    }
}

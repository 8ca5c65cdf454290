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
use super::variables::{has_collector, text};
use crate::error::{Error, Result};
use crate::http::Http;

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
        if !has_collector(environment) {
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
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource(environment))
            .build();
        Ok(Some(Export {
            provider,
            collector,
        }))
    }

    /// This build uses all variables.
    pub(in crate::exchange_service) fn warn_if_unused(_: &BTreeMap<String, String>) {}

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

/// Describes this process. The library reads both variables, but lets the second one override the first.
fn resource(environment: &BTreeMap<String, String>) -> Resource {
    let builder = Resource::builder();
    let attributes = text(environment, "OTEL_RESOURCE_ATTRIBUTES").split(',');
    let mut names = attributes.filter_map(|attribute| attribute.split_once('='));
    let has_name =
        names.any(|(key, value)| key.trim() == "service.name" && !value.trim().is_empty());
    match text(environment, "OTEL_SERVICE_NAME") {
        "" if has_name => builder.build(),
        "" => builder.with_service_name("acspass-exchange").build(),
        name => builder.with_service_name(name.to_owned()).build(),
    }
}

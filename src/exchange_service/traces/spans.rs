//! The spans, with the names of OpenTelemetry's conventions for HTTP. No attribute names a user or has
//! a token.

use axum::http::{HeaderMap, StatusCode};
use tracing::Span;

/// Starts the span of a request, as a part of the caller's trace if there is one.
#[cfg(feature = "otlp")]
pub(in crate::exchange_service) fn of_request(route: &'static str, headers: &HeaderMap) -> Span {
    use opentelemetry::propagation::TextMapPropagator as _;
    use opentelemetry_http::HeaderExtractor;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing::field::Empty;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let span = tracing::info_span!(
        "request",
        otel.name = route,
        otel.kind = "server",
        otel.status_code = Empty,
        http.route = route,
        http.response.status_code = Empty,
        error.type = Empty,
        acspass.outcome = Empty,
    );
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    // It fails only for a span that has started its work, or without a collector.
    let _ = span.set_parent(parent);
    span
}

/// Without the feature `otlp` there is no span.
#[cfg(not(feature = "otlp"))]
pub(in crate::exchange_service) fn of_request(_: &'static str, _: &HeaderMap) -> Span {
    Span::none()
}

/// Starts the span of a request to the resource, as a part of the current span.
pub(in crate::exchange_service) fn of_exchange() -> Span {
    match cfg!(feature = "otlp") {
        true => tracing::info_span!("exchange", otel.kind = "client"),
        false => Span::none(),
    }
}

/// Records the outcome of a request.
pub(in crate::exchange_service) fn record(
    span: &Span,
    outcome: &'static str,
    status: StatusCode,
    reason: Option<&str>,
) {
    span.record("acspass.outcome", outcome);
    span.record("http.response.status_code", status.as_u16());
    if let Some(reason) = reason {
        span.record("error.type", reason);
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// Returns what adds the current trace to a request to Entra ID or the resource.
pub(in crate::exchange_service) fn propagation() -> Option<fn(&mut HeaderMap)> {
    #[cfg(feature = "otlp")]
    return Some(add_trace);
    #[cfg(not(feature = "otlp"))]
    None
}

#[cfg(feature = "otlp")]
fn add_trace(headers: &mut HeaderMap) {
    use opentelemetry::propagation::TextMapPropagator as _;
    use opentelemetry_http::HeaderInjector;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(headers));
}

#[cfg(feature = "otlp")]
#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry::Registry;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    /// Returns `traceparent` of a request to the resource, if that of the caller's request is this.
    fn sent(received: &str) -> Option<String> {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            let received = received.parse().expect("a header");
            let headers =
                HeaderMap::from_iter([("traceparent".parse().expect("a name"), received)]);
            let request = of_request("token", &headers);
            let _in_request = request.enter();
            let exchange = of_exchange();
            let _in_exchange = exchange.enter();
            let mut headers = HeaderMap::new();
            propagation().expect("with the feature")(&mut headers);
            let header = headers.get("traceparent")?;
            Some(header.to_str().expect("text").to_owned())
        })
    }

    #[test]
    fn requests_to_the_resource_continue_the_callers_trace() {
        let header = sent(&format!("00-{TRACE}-{PARENT}-01")).expect("a header");
        let parts: Vec<&str> = header.split('-').collect();
        assert_eq!([parts[0], parts[1], parts[3]], ["00", TRACE, "01"]);
        assert_ne!(parts[2], PARENT, "it is the span of the exchange");
        // The caller decides whether a trace is sampled.
        let header = sent(&format!("00-{TRACE}-{PARENT}-00")).expect("a header");
        assert!(header.ends_with("-00"), "{header}");
    }

    #[test]
    fn a_trace_that_is_none_starts_a_new_one() {
        let header = sent("00-0-0-01").expect("a header");
        assert!(header.starts_with("00-") && header.len() == 55, "{header}");
        assert!(!header.contains(TRACE));
    }

    #[test]
    fn no_span_adds_no_header() {
        let mut headers = HeaderMap::new();
        propagation().expect("with the feature")(&mut headers);
        assert!(headers.is_empty(), "{headers:?}");
    }
}

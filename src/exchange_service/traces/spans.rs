//! The spans, with the names of OpenTelemetry's conventions for HTTP. No attribute names a user or has
//! a token.

use axum::http::{HeaderMap, StatusCode};
use tracing::Span;

use super::parent::Parent;

/// Starts the span of a request, as a part of the caller's trace if there is one. The caller's
/// `tracestate` is not used: the caller is not authenticated yet, and it would be sent on.
#[cfg(feature = "otlp")]
pub(in crate::exchange_service) fn of_request(route: &'static str, parent: Option<Parent>) -> Span {
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
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
    if let Some(parent) = parent {
        let flags = TraceFlags::default().with_sampled(parent.is_sampled);
        let parent = SpanContext::new(
            TraceId::from(parent.trace),
            SpanId::from(parent.span),
            flags,
            true,
            TraceState::default(),
        );
        // It fails only for a span that has started its work, or without a collector.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// Without the feature `otlp` there is no span.
#[cfg(not(feature = "otlp"))]
pub(in crate::exchange_service) fn of_request(_: &'static str, _: Option<Parent>) -> Span {
    Span::none()
}

/// Returns the id of the span's trace, or without an export that of the caller's.
pub(in crate::exchange_service) fn trace_id(span: &Span, parent: Option<Parent>) -> Option<String> {
    let own = context(span).map(|(trace, ..)| trace);
    let trace = own.or_else(|| parent.map(|parent| parent.trace))?;
    Some(format!("{trace:032x}"))
}

/// Starts the span of a request to the resource or to Entra ID, as a part of the current span.
pub(in crate::exchange_service) fn of_client(name: &'static str) -> Span {
    match cfg!(feature = "otlp") {
        true => tracing::info_span!("client", otel.name = name, otel.kind = "client"),
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
    use axum::http::HeaderValue;

    let Some((trace, span, is_sampled)) = context(&Span::current()) else {
        return;
    };
    let text = format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(is_sampled));
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert("traceparent", value);
    }
}

/// Returns the ids of a span and of its trace, and whether it is sampled. Without an export, there are
/// none.
#[cfg(feature = "otlp")]
fn context(span: &Span) -> Option<(u128, u64, bool)> {
    use opentelemetry::trace::TraceContextExt as _;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let context = span.context();
    let span = context.span();
    let context = span.span_context();
    context.is_valid().then(|| {
        let trace = u128::from_be_bytes(context.trace_id().to_bytes());
        let span = u64::from_be_bytes(context.span_id().to_bytes());
        (trace, span, context.is_sampled())
    })
}

#[cfg(not(feature = "otlp"))]
fn context(_: &Span) -> Option<(u128, u64, bool)> {
    None
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

    /// Returns the headers of a request to the resource, and the trace id for the audit, if this is
    /// `traceparent` of the caller's request.
    fn sent(received: &str) -> (HeaderMap, String) {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", received.parse().expect("a header"));
            headers.insert("tracestate", "vendor=value".parse().expect("a header"));
            let parent = Parent::of(&headers);
            let request = of_request("token", parent);
            let id = trace_id(&request, parent).expect("an id");
            let _in_request = request.enter();
            let exchange = of_client("exchange");
            let _in_exchange = exchange.enter();
            let mut headers = HeaderMap::new();
            propagation().expect("with the feature")(&mut headers);
            (headers, id)
        })
    }

    fn traceparent(headers: &HeaderMap) -> String {
        let header = headers.get("traceparent").expect("a header");
        header.to_str().expect("text").to_owned()
    }

    #[test]
    fn requests_to_the_resource_continue_the_callers_trace() {
        let (headers, id) = sent(&format!("00-{TRACE}-{PARENT}-01"));
        let header = traceparent(&headers);
        let parts: Vec<&str> = header.split('-').collect();
        assert_eq!([parts[0], parts[1], parts[3]], ["00", TRACE, "01"]);
        assert_ne!(parts[2], PARENT, "it is the span of the exchange");
        assert_eq!(id, TRACE);
        assert!(!headers.contains_key("tracestate"), "{headers:?}");
        // The caller decides whether a trace is sampled.
        let (headers, _) = sent(&format!("00-{TRACE}-{PARENT}-00"));
        let header = traceparent(&headers);
        assert!(header.ends_with("-00"), "{header}");
    }

    #[test]
    fn a_trace_that_is_none_starts_a_new_one_with_its_id_in_the_audit() {
        for received in [
            "00-0-0-01",
            "00-1-1-01",
            "00-+-+-01",
            &format!("ff-{TRACE}-{PARENT}-01"),
        ] {
            let (headers, id) = sent(received);
            let header = traceparent(&headers);
            assert!(header.starts_with("00-") && header.len() == 55, "{header}");
            assert_eq!(header[3..35], id, "{received}");
            assert_ne!(id, TRACE, "{received}");
            assert!(!id.starts_with("0000000000"), "{received}: {id}");
        }
    }

    #[test]
    fn without_an_export_the_audit_has_the_callers_trace() {
        let mut headers = HeaderMap::new();
        let value = format!("00-{TRACE}-{PARENT}-01");
        headers.insert("traceparent", value.parse().expect("a header"));
        let parent = Parent::of(&headers);
        let span = of_request("token", parent);
        assert_eq!(trace_id(&span, parent).as_deref(), Some(TRACE));
        assert_eq!(trace_id(&span, None), None);
    }

    #[test]
    fn no_span_adds_no_header() {
        let mut headers = HeaderMap::new();
        propagation().expect("with the feature")(&mut headers);
        assert!(headers.is_empty(), "{headers:?}");
    }
}

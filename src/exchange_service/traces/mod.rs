//! Spans of requests, for a collector of traces (W3C Trace Context, OTLP). Without the feature `otlp`
//! there are none, and the audit has the id of the caller's trace alone.

#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod export;
#[cfg(not(feature = "otlp"))]
mod no_export;
mod parent;
mod spans;
mod variables;

#[cfg(feature = "otlp")]
pub(super) use export::Export;
#[cfg(not(feature = "otlp"))]
pub(super) use no_export::Export;
pub(super) use parent::Parent;
pub(super) use spans::{of_client, of_request, propagation, record, trace_id};

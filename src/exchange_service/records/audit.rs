//! The audit: one JSON line for each decision. A line contains no token.
//!
//! A line is written before its response is sent. So a slow reader slows the service down, and no
//! decision is without a line.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Writes the lines.
pub(in crate::exchange_service) struct Audit(Mutex<Box<dyn Write + Send>>);

/// One decision. Users and applications are those of valid tokens.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::exchange_service) struct AuditLine<'a> {
    /// `decision`: the other lines of the stream are messages.
    pub(in crate::exchange_service) audit: &'static str,
    pub(in crate::exchange_service) time: String,
    pub(in crate::exchange_service) request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) trace_id: Option<&'a str>,
    pub(in crate::exchange_service) route: &'static str,
    pub(in crate::exchange_service) outcome: &'static str,
    pub(in crate::exchange_service) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) upstream_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) upstream_id: Option<&'a str>,
    pub(in crate::exchange_service) milliseconds: u64,
}

impl Audit {
    /// Writes to this stream.
    pub(in crate::exchange_service) fn new(stream: impl Write + Send + 'static) -> Self {
        Audit(Mutex::new(Box::new(stream)))
    }

    /// Writes a line. Returns whether it was written: without its line, a decision has no effect.
    pub(in crate::exchange_service) fn write(&self, line: &AuditLine<'_>) -> bool {
        let Ok(mut bytes) = serde_json::to_vec(line) else {
            return false;
        };
        bytes.push(b'\n');
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream
            .write_all(&bytes)
            .and_then(|()| stream.flush())
            .is_ok()
    }
}

//! The audit: one JSON line for each decision. A line contains no token.
//!
//! A line is written before its response is sent, so that no decision is without a line.

use serde::Serialize;

/// One decision. Users and applications are those of valid tokens.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::exchange_service) struct AuditLine<'a> {
    /// `decision`: the other lines of the stream are messages.
    pub(in crate::exchange_service) audit: &'static str,
    pub(in crate::exchange_service) time: String,
    pub(in crate::exchange_service) request_id: &'a str,
    /// Whether this line replaces the decision's first one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::exchange_service) supersedes: bool,
    /// The id that the caller selected. Several decisions can have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) caller_request_id: Option<&'a str>,
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
    pub(in crate::exchange_service) subject_tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) subject_user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) upstream_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::exchange_service) upstream_id: Option<&'a str>,
    pub(in crate::exchange_service) milliseconds: u64,
}

impl AuditLine<'_> {
    /// Returns the line.
    pub(in crate::exchange_service) fn bytes(&self) -> Vec<u8> {
        // Texts, numbers and absent members are always JSON.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

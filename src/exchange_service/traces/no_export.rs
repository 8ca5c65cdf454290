//! Builds without the feature `otlp` export nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;
use tracing_subscriber::layer::Identity;

use super::variables::has_collector;
use crate::error::Result;
use crate::http::Http;

/// There is no value of it.
pub(in crate::exchange_service) enum Export {}

impl Export {
    pub(in crate::exchange_service) fn from_environment(
        environment: &BTreeMap<String, String>,
    ) -> Result<Option<Self>> {
        let _ = environment;
        Ok(None)
    }

    /// Warns if the environment names a collector.
    pub(in crate::exchange_service) fn warn_if_unused(environment: &BTreeMap<String, String>) {
        if has_collector(environment) {
            warn!(
                "OTEL_EXPORTER_OTLP_ENDPOINT has no effect: this program was built without the \
                 feature `otlp`, and exports no traces."
            );
        }
    }

    pub(in crate::exchange_service) fn layer(&self) -> Identity {
        match *self {}
    }

    pub(in crate::exchange_service) fn send_with(&self, _: Arc<Http>) {
        match *self {}
    }

    pub(in crate::exchange_service) fn end(self) {
        match self {}
    }
}

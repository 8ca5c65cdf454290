//! Builds without the feature `otlp` export nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing_subscriber::layer::Identity;

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

//! Requests to the collector, with the same client as all others.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;
use tracing::{info, warn};
use url::Url;

use crate::http::{Http, Request as Message};

/// The client for the collector. It sends as soon as it is connected.
#[derive(Clone, Default)]
pub(super) struct Collector(Arc<State>);

#[derive(Default)]
struct State {
    client: OnceLock<(Arc<Http>, Handle)>,
    is_failing: AtomicBool,
}

impl Collector {
    /// Sends with this client, in the current runtime.
    pub(super) fn connect(&self, http: Arc<Http>) {
        let _ = self.0.client.set((http, Handle::current()));
    }

    /// Reports the start and the end of an outage, and not each failure.
    fn report(&self, failure: Option<String>) {
        let was_failing = self.0.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match (failure, was_failing) {
            (Some(failure), false) => {
                warn!("The collector of traces gets no spans at present: {failure}.");
            }
            (None, true) => info!("The collector of traces gets spans again."),
            _ => {}
        }
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (http, runtime) = self.0.client.get().ok_or("the service has not started")?;
        let (parts, body) = request.into_parts();
        let message = Message {
            method: parts.method,
            url: Url::parse(&parts.uri.to_string())?,
            headers: parts.headers,
            body: body.to_vec(),
        };
        let http = http.clone();
        // The exporter has a thread of its own, outside of the runtime.
        let sent = runtime.spawn(async move { http.send_once(message).await });
        let answer = sent.await??;
        let mut response = Response::new(Bytes::from(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.send(request).await;
        self.report(match &response {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("HTTP status {}", response.status().as_u16())),
            Err(error) => Some(error.to_string()),
        });
        response
    }
}

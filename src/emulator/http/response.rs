//! A reply and its entry in the journal.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

/// A reply.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) response: Response,
    /// The operation in the journal.
    pub(crate) operation: String,
    /// The reason of a refusal, for the journal.
    pub(crate) reason: Option<String>,
}

impl Reply {
    /// Makes a reply without a body; an invalid status becomes 500.
    pub(crate) fn empty(status: u16) -> Reply {
        Reply::new(status, Body::empty())
    }

    pub(crate) fn new(status: u16, body: impl Into<Body>) -> Reply {
        let mut response = Response::new(body.into());
        let status = StatusCode::from_u16(status);
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Reply {
            response,
            ..Reply::default()
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Reply {
        let reply = Reply::new(status, body.to_string());
        reply.with("content-type", "application/json; charset=utf-8")
    }

    pub(crate) fn text(status: u16, text: &'static str) -> Reply {
        Reply::new(status, text).with("content-type", "text/plain; charset=utf-8")
    }

    /// Adds a header. Ignores a value that no header can hold.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            let headers = self.response.headers_mut();
            headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds a header if there is a value.
    pub(crate) fn with_some(self, name: &'static str, value: Option<&str>) -> Reply {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Forbids caches to store the reply.
    pub(crate) fn not_stored(self) -> Reply {
        let reply = self.with("cache-control", "no-store, no-cache");
        reply.with("pragma", "no-cache")
    }

    /// Sets the operation in the journal.
    pub(crate) fn named(mut self, operation: &str) -> Reply {
        operation.clone_into(&mut self.operation);
        self
    }

    /// Adds a reason to the journal.
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Reply {
        self.reason = Some(reason.into());
        self
    }

    /// Removes or replaces one member of the reply's JSON object.
    pub(crate) async fn edited(self, member: &str, value: Option<Value>) -> Reply {
        let (mut head, body) = self.response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let body = match serde_json::from_slice::<Value>(&bytes) {
            Ok(Value::Object(mut object)) => {
                match value {
                    Some(value) => object.insert(member.to_owned(), value),
                    None => object.remove(member),
                };
                Value::Object(object).to_string().into()
            }
            _ => bytes,
        };
        head.headers.remove(header::CONTENT_LENGTH);
        Reply {
            response: Response::from_parts(head, Body::from(body)),
            operation: self.operation,
            reason: None,
        }
    }
}

//! An answer of the emulator, before the headers that every answer carries.
//!
//! In come a status, headers and a body, out goes the response with the words for the journal.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

/// An answer, and what the journal says about it.
pub(super) struct Reply {
    pub(super) response: Response,
    pub(super) operation: String,
    pub(super) reason: Option<String>,
}

impl Reply {
    pub(super) fn new(operation: impl Into<String>, response: Response) -> Reply {
        Reply {
            response,
            operation: operation.into(),
            reason: None,
        }
    }

    pub(super) fn json(operation: impl Into<String>, status: StatusCode, body: &Value) -> Reply {
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        Reply::new(operation, response)
    }

    pub(super) fn empty(status: StatusCode) -> Reply {
        let mut response = Response::default();
        *response.status_mut() = status;
        Reply::new("", response)
    }

    pub(super) fn text(status: StatusCode, text: &'static str) -> Reply {
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        Reply::new("", response)
    }

    /// Adds a header; a value that no header can hold is left out.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// The same answer with one member of its JSON object gone or changed.
    pub(super) async fn edited(self, member: &str, value: Option<Value>) -> Reply {
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
            ..Reply::new(self.operation, Response::default())
        }
    }

    /// Adds what only the journal is told.
    pub(super) fn because(mut self, reason: impl Into<String>) -> Reply {
        self.reason = Some(reason.into());
        self
    }
}

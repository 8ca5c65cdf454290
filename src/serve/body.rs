//! The JSON body of a request, read member by member.
//!
//! An error names the member that cannot be read. It repeats no value, because a value may be a token.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::input;
use crate::text::quoted;
use crate::time::parse_duration;

use super::response::Refusal;

/// Longest body that is read, in bytes.
const BODY: usize = 64 * 1024;
/// The time limit for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const HINT: &str = "See `GET /openapi.json`.";

/// The members that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// Reads the body as a JSON object. An empty body is an empty object.
    pub(super) async fn read(request: Request) -> Result<Members, Refusal> {
        let (parts, body) = request.into_parts();
        let bytes = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY)).await;
        let bytes = bytes.map_err(|_| {
            Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                "TooSlow",
                "the body of the request did not arrive within 10 s",
                "Send the body within 10 s.",
            )
        })?;
        let bytes = bytes.map_err(|_| {
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "TooLarge",
                "the body of the request is too large or incomplete",
                "Send a body of 64 KiB at most.",
            )
        })?;
        if bytes.is_empty() {
            return Ok(Members::default());
        }
        if !is_json(&parts.headers) {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "NotJson",
                "the body of the request is not declared as JSON",
                "Send the header `Content-Type: application/json`.",
            ));
        }
        serde_json::from_slice(&input::utf8(&bytes))
            .map(Members)
            .map_err(|_| Refusal::of_request("the body is not a JSON object", HINT))
    }

    /// Takes a text member, without surrounding spaces and quotes. `null` counts as absent.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(input::bare(&text).to_owned())),
            Some(_) => Err(wrong(name, "text")),
        }
    }

    /// Takes a list of text. One text counts as a list of one.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, Refusal> {
        let list = match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(one) => vec![one],
        };
        let texts = list.into_iter().map(|one| match one {
            Value::String(text) => Ok(text),
            _ => Err(wrong(name, "a list of text")),
        });
        texts.collect()
    }

    /// Takes a number of whole minutes: a number, or text with a number or a duration such as `24h`.
    pub(super) fn minutes(&mut self, name: &str) -> Result<Option<Duration>, Refusal> {
        let minutes = match self.take(name) {
            None => return Ok(None),
            Some(Value::String(text)) => match input::bare(&text).parse() {
                Ok(minutes) => minutes,
                Err(_) => return Ok(Some(parse_duration(input::bare(&text))?)),
            },
            Some(value) => value
                .as_u64()
                .ok_or_else(|| wrong(name, "a whole number of minutes"))?,
        };
        Ok(Some(Duration::from_secs(minutes.saturating_mul(60))))
    }

    /// Rejects members that were not taken.
    pub(super) fn end(self) -> Result<(), Refusal> {
        let Some(name) = self.0.keys().next() else {
            return Ok(());
        };
        let name = quoted(name);
        let message = format!("the body has the unknown member {name}");
        Err(Refusal::of_request(message, HINT))
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let sent = headers.get(header::CONTENT_TYPE);
    let sent = sent
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = sent.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

fn wrong(name: &str, expected: &str) -> Refusal {
    let message = format!("the body's member `{name}` is not {expected}");
    Refusal::of_request(message, HINT)
}

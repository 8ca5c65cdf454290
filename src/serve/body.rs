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
const HINT: &str = "see GET /openapi.json";

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
                "the request's body did not come in time",
                "send it within ten seconds",
            )
        })?;
        let bytes = bytes.map_err(|_| {
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "TooLarge",
                "the request's body is too large or broke off",
                "send 64 KiB at most",
            )
        })?;
        if bytes.is_empty() {
            return Ok(Members::default());
        }
        if !is_json(&parts.headers) {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "NotJson",
                "the request's body is not said to be JSON",
                "send `Content-Type: application/json`",
            ));
        }
        let object = serde_json::from_slice(&input::utf8(&bytes));
        let object =
            object.map_err(|_| Refusal::of_request("the body is not a JSON object", HINT))?;
        Ok(Members(object))
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
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(text @ Value::String(_)) => vec![text],
            Some(_) => return Err(wrong(name, "a list of text")),
        };
        let texts = list.into_iter().map(|one| match one {
            Value::String(text) => Ok(text),
            _ => Err(wrong(name, "a list of text")),
        });
        texts.collect()
    }

    /// Takes a number of whole minutes: a number, or text with a number or a duration such as `24h`.
    pub(super) fn minutes(&mut self, name: &str) -> Result<Option<Duration>, Refusal> {
        let of = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => {
                let text = input::bare(&text);
                match text.parse() {
                    Ok(minutes) => Ok(Some(of(minutes))),
                    Err(_) => Ok(Some(parse_duration(text)?)),
                }
            }
            Some(value) => {
                let minutes = value.as_u64().map(of);
                let minutes = minutes.ok_or_else(|| wrong(name, "a whole number of minutes"));
                minutes.map(Some)
            }
        }
    }

    /// Rejects members that were not taken.
    pub(super) fn end(self) -> Result<(), Refusal> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Refusal::of_request(
                format!(
                    "the body has a member {}, which this route does not take",
                    quoted(name)
                ),
                HINT,
            )),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    media_type.is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"))
}

fn wrong(name: &str, expected: &str) -> Refusal {
    Refusal::of_request(
        format!("the body's member `{name}` is not {expected}"),
        HINT,
    )
}

//! Entra's way of saying no.
//!
//! In comes an error with its AADSTS number, out comes the JSON, the redirect parameters or the
//! page that carries it. Which refusal fits is decided where the rule is.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::pages;
use super::super::server::{Reply, Request};

/// The heading of Entra's pages that say no.
const SORRY: &str = "Sorry, but we\u{2019}re having trouble signing you in.";

/// Sign-in frequency.
const WITHOUT_PAGE: u32 = 70043;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    error: Cow<'static, str>,
    number: u32,
    text: String,
    suberror: Option<Cow<'static, str>>,
    /// A claims challenge: JSON, sent in a string.
    claims: Option<&'static str>,
    status: StatusCode,
}

impl Refusal {
    pub(super) fn new(error: &'static str, number: u32, text: impl Into<String>) -> Refusal {
        Refusal {
            error: Cow::Borrowed(error),
            number,
            text: text.into(),
            suberror: None,
            claims: None,
            status: StatusCode::BAD_REQUEST,
        }
    }

    /// One that a test asks for. Without a number it has one that Entra does not have.
    pub(super) fn staged(error: String, number: Option<u32>, suberror: Option<String>) -> Refusal {
        Refusal {
            error: Cow::Owned(error),
            number: number.unwrap_or(9_000_000),
            text: "The emulator was asked to refuse this.".to_owned(),
            suberror: suberror.map(Cow::Owned),
            claims: None,
            status: StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn with_suberror(mut self, suberror: &'static str) -> Refusal {
        self.suberror = Some(Cow::Borrowed(suberror));
        self
    }

    pub(super) fn with_claims(mut self, claims: &'static str) -> Refusal {
        self.claims = Some(claims);
        self
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Refusal {
        self.status = status;
        self
    }

    fn description(&self, request: &Request) -> String {
        format!(
            "AADSTS{}: {}\r\nTrace ID: {}\r\nCorrelation ID: {}\r\nTimestamp: {}",
            self.number,
            self.text,
            request.request_id,
            request.correlation_id,
            timestamp(request),
        )
    }

    fn uri(&self, request: &Request) -> String {
        format!("{}/error?code={}", request.base, self.number)
    }

    /// As the token endpoint answers it.
    pub(super) fn into_json(self, request: &Request, operation: &str) -> Reply {
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(request),
            "error_codes": [self.number],
            "timestamp": timestamp(request),
            "trace_id": request.request_id,
            "correlation_id": request.correlation_id,
        });
        // As in recordings: some numbers have no page.
        if self.number != WITHOUT_PAGE {
            body["error_uri"] = self.uri(request).into();
        }
        if let Some(suberror) = self.suberror {
            body["suberror"] = Value::from(suberror.into_owned());
        }
        if let Some(claims) = self.claims {
            body["claims"] = claims.into();
        }
        let telemetry = format!("1,{},0,,", self.number);
        Reply::json(operation, self.status, &body)
            .with("x-ms-clitelem", &telemetry)
            .because(format!("AADSTS{}", self.number))
    }

    /// As it is sent to a redirect URI.
    pub(super) fn to_fields(&self, request: &Request) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("error", self.error.clone().into_owned()),
            ("error_description", self.description(request)),
            ("error_uri", self.uri(request)),
        ];
        if let Some(subcode) = &self.suberror {
            fields.push(("error_subcode", subcode.clone().into_owned()));
        }
        fields
    }

    /// As a person sees it where nobody may be redirected.
    pub(super) fn into_page(self, request: &Request) -> Reply {
        self.into_page_titled(request, SORRY)
    }

    /// The same under another heading.
    pub(super) fn into_page_titled(self, request: &Request, title: &str) -> Reply {
        pages::refused(
            request,
            title,
            &format!("AADSTS{}: {}", self.number, self.text),
            &timestamp(request),
        )
        .because(format!("AADSTS{}", self.number))
    }
}

/// The page that [`Refusal::uri`] names.
pub(super) fn explain(request: &Request) -> Reply {
    let number = request.query.strip_prefix("code=").map(str::parse);
    match number {
        Some(Ok(number)) => pages::explained(number),
        _ => Reply::text(StatusCode::NOT_FOUND, "There is no such error.\n"),
    }
}

/// Entra's own spelling of a time.
fn timestamp(request: &Request) -> String {
    request.now.to_string().replace('T', " ")
}

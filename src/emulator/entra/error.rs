//! The forms of an error of Entra: JSON, the parameters of a redirect, a page.

use serde_json::json;

use crate::emulator::aadsts::EntraError;
use crate::emulator::http::{Reply, Request, without_nulls};
use crate::emulator::pages::Page;

/// The heading of Entra's error pages.
const TITLE: &str = "Sorry, but we\u{2019}re having trouble signing you in.";
/// Recordings of these errors have no `error_uri`: the grant type, and the sign-in frequency.
const WITHOUT_URI: [u32; 2] = [70003, 70043];

impl EntraError {
    fn message(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.text)
    }

    /// Returns the reason for the journal.
    pub(crate) fn journal_reason(&self) -> String {
        let reason = self.reason.as_ref().unwrap_or(&self.text);
        format!("AADSTS{}: {reason}", self.number)
    }

    fn description(&self, request: &Request) -> String {
        let (message, time) = (self.message(), timestamp(request));
        let (trace, correlation) = (&request.request_id, &request.correlation_id);
        format!(
            "{message}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {time}"
        )
    }

    fn uri(&self, request: &Request) -> String {
        format!("{}/error?code={}", request.base, self.number)
    }

    /// Returns the JSON response of an endpoint.
    pub(crate) fn into_json(self, request: &Request) -> Reply {
        let body = json!({
            "error": self.error,
            "error_description": self.description(request),
            "error_codes": [self.number],
            "timestamp": timestamp(request),
            "trace_id": request.request_id,
            "correlation_id": request.correlation_id,
            "error_uri": (!WITHOUT_URI.contains(&self.number)).then(|| self.uri(request)),
            "suberror": self.suberror,
            "claims": self.claims,
        });
        Reply::json(self.status, &without_nulls(body))
            .with("x-ms-clitelem", &format!("1,{},0,,", self.number))
            .because(self.journal_reason())
    }

    /// Returns the code for the redirect URI. `invalid_grant` is one of the token endpoint only (RFC 6749,
    /// section 5.2): the page of the sign-in has the codes of OpenID Connect Core 1.0, section 3.1.2.6.
    fn redirected_code(&self) -> &str {
        match (&*self.error, self.suberror.as_deref()) {
            ("invalid_grant", Some("consent_required")) => "consent_required",
            ("invalid_grant", _) => "interaction_required",
            (code, _) => code,
        }
    }

    /// Returns the error of a page as the token endpoint sends it. RFC 6749, section 5.2 has no
    /// `access_denied` for it; clients sign in again after `invalid_grant`.
    pub(crate) fn at_token_endpoint(&self) -> EntraError {
        match &*self.error {
            "access_denied" => EntraError {
                error: "invalid_grant".into(),
                suberror: Some("message_only".into()),
                ..self.clone()
            },
            _ => self.clone(),
        }
    }

    /// Returns the parameters for the redirect URI.
    pub(crate) fn to_fields(&self, request: &Request) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("error", self.redirected_code().to_owned()),
            ("error_description", self.description(request)),
            ("error_uri", self.uri(request)),
        ];
        let subcode = self.suberror.as_ref();
        fields.extend(subcode.map(|subcode| ("error_subcode", subcode.to_string())));
        fields
    }

    /// Returns the page for an error that may not be redirected, with the usual heading if there is
    /// no `title`.
    pub(crate) fn to_page(&self, request: &Request, title: Option<&str>) -> Reply {
        let page = Page::Notice {
            title: title.unwrap_or(TITLE),
            text: &self.message(),
            details: &[
                ("Request Id", &request.request_id),
                ("Correlation Id", &request.correlation_id),
                ("Timestamp", &timestamp(request)),
            ],
        };
        page.reply(self.status).because(self.journal_reason())
    }
}

/// Returns the page of an error's `error_uri`.
pub(crate) fn explain(request: &Request) -> Reply {
    let number = request.query().strip_prefix("code=").map(str::parse::<u32>);
    let Some(Ok(number)) = number else {
        return Reply::text(404, "The address names no error code.\n");
    };
    let page = Page::Notice {
        title: &format!("AADSTS{number}"),
        text: "The emulator uses Entra\u{2019}s error codes. Microsoft documents them.",
        details: &[(
            "Reference",
            "learn.microsoft.com/entra/identity-platform/reference-error-codes",
        )],
    };
    page.reply(200)
}

/// Returns the time in Entra's spelling.
fn timestamp(request: &Request) -> String {
    request.now.to_string().replace('T', " ")
}

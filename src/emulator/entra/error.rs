//! An error of Entra: as JSON, as parameters of a redirect, or as a page.

use std::borrow::Cow;

use serde_json::json;

use crate::emulator::directory::Refused;
use crate::emulator::http::{Reply, Request};
use crate::emulator::pages::Page;

/// The heading of Entra's error pages.
const TITLE: &str = "Sorry, but we\u{2019}re having trouble signing you in.";
/// The number for a fault without one; Entra has no such number.
const UNUSED_NUMBER: u32 = 9_000_000;
/// Sign-in frequency: recordings of this error have no `error_uri`.
const WITHOUT_URI: u32 = 70043;

/// An error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntraError {
    status: u16,
    error: Cow<'static, str>,
    number: u32,
    text: Cow<'static, str>,
    suberror: Option<Cow<'static, str>>,
    /// A claims challenge: JSON in a string.
    claims: Option<&'static str>,
}

impl EntraError {
    pub(crate) const fn new(
        status: u16,
        error: &'static str,
        number: u32,
        text: &'static str,
    ) -> EntraError {
        EntraError {
            status,
            error: Cow::Borrowed(error),
            number,
            text: Cow::Borrowed(text),
            suberror: None,
            claims: None,
        }
    }

    /// Makes the error of a fault.
    pub(crate) fn of_fault(error: String, number: Option<u32>, suberror: Option<String>) -> Self {
        let text = "The emulator was asked to refuse this.";
        EntraError {
            error: error.into(),
            suberror: suberror.map(Cow::Owned),
            ..EntraError::new(400, "", number.unwrap_or(UNUSED_NUMBER), text)
        }
    }

    /// Replaces each `{}` of the text by the next value.
    pub(crate) fn about(mut self, values: &[&str]) -> EntraError {
        let mut parts = self.text.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for (part, value) in parts.zip(values) {
            text.extend([value, part]);
        }
        self.text = text.into();
        self
    }

    pub(crate) fn with_suberror(mut self, suberror: &'static str) -> EntraError {
        self.suberror = Some(suberror.into());
        self
    }

    pub(crate) fn with_claims(mut self, claims: &'static str) -> EntraError {
        self.claims = Some(claims);
        self
    }

    fn description(&self, request: &Request) -> String {
        format!(
            "{}\r\nTrace ID: {}\r\nCorrelation ID: {}\r\nTimestamp: {}",
            self.message(),
            request.request_id,
            request.correlation_id,
            timestamp(request),
        )
    }

    fn message(&self) -> String {
        format!("{}: {}", self.code(), self.text)
    }

    fn code(&self) -> String {
        format!("AADSTS{}", self.number)
    }

    fn uri(&self, request: &Request) -> String {
        format!("{}/error?code={}", request.base, self.number)
    }

    /// Returns the JSON response of an endpoint.
    pub(crate) fn into_json(self, request: &Request) -> Reply {
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(request),
            "error_codes": [self.number],
            "timestamp": timestamp(request),
            "trace_id": request.request_id,
            "correlation_id": request.correlation_id,
        });
        if self.number != WITHOUT_URI {
            body["error_uri"] = self.uri(request).into();
        }
        if let Some(suberror) = &self.suberror {
            body["suberror"] = suberror.as_ref().into();
        }
        if let Some(claims) = self.claims {
            body["claims"] = claims.into();
        }
        Reply::json(self.status, &body)
            .with("x-ms-clitelem", &format!("1,{},0,,", self.number))
            .because(self.code())
    }

    /// Returns the parameters for the redirect URI.
    pub(crate) fn to_fields(&self, request: &Request) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("error", self.error.to_string()),
            ("error_description", self.description(request)),
            ("error_uri", self.uri(request)),
        ];
        let subcode = self.suberror.as_ref();
        fields.extend(subcode.map(|subcode| ("error_subcode", subcode.to_string())));
        fields
    }

    /// Returns the page for an error that may not be redirected, with the usual heading if there is
    /// no `title`.
    pub(crate) fn into_page(self, request: &Request, title: Option<&str>) -> Reply {
        let page = Page::Notice {
            title: title.unwrap_or(TITLE),
            text: &self.message(),
            details: &[
                ("Request Id", &request.request_id),
                ("Correlation Id", &request.correlation_id),
                ("Timestamp", &timestamp(request)),
            ],
        };
        page.reply(400).because(self.code())
    }
}

impl From<Refused> for EntraError {
    fn from(why: Refused) -> EntraError {
        let error = EntraError::new(400, why.error, why.number, why.text);
        match why.suberror {
            Some(suberror) => error.with_suberror(suberror),
            None => error,
        }
    }
}

/// Returns the page of [`EntraError::uri`].
pub(crate) fn explain(request: &Request) -> Reply {
    let number = request.query.strip_prefix("code=").map(str::parse::<u32>);
    let Some(Ok(number)) = number else {
        return Reply::text(404, "There is no such error.\n");
    };
    let page = Page::Notice {
        title: &format!("AADSTS{number}"),
        text: "The emulator uses Entra\u{2019}s own numbers, and Microsoft explains them.",
        details: &[(
            "Where",
            "learn.microsoft.com/entra/identity-platform/reference-error-codes",
        )],
    };
    page.reply(200)
}

/// Returns the time in Entra's spelling.
fn timestamp(request: &Request) -> String {
    request.now.to_string().replace('T', " ")
}

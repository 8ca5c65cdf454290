//! Recognizes the response to the sign-in among the requests at the redirect address.
//!
//! Pure: inputs are a whole request and the expected values, the output is the response or the
//! refusal of the request. Entra checks the code.

use std::fmt;

use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::refusal::{Refusal, Refused};
use super::request::Request;
use crate::entra::denial::Denial;
use crate::loopback;
use crate::secret::AuthorizationCode;
use crate::text::{collapsed, is_unprintable};

const CODE_LIMIT: usize = 32 * 1024;
const CLAIMS_LIMIT: usize = 16 * 1024;
const CLIENT_INFO_LIMIT: usize = 8 * 1024;
const TEXT_LIMIT: usize = 2048;
const WORD_LIMIT: usize = 128;

/// The parameters of a response (RFC 6749, sections 4.1.2 and 4.1.2.1; RFC 9207; MSAL's
/// `AuthorizeResponse`). Others are ignored.
const PARAMETERS: [&str; 12] = [
    "state",
    "code",
    "client_info",
    "iss",
    "error",
    "error_description",
    "error_subcode",
    "suberror",
    "correlation_id",
    "trace_id",
    "timestamp",
    "claims",
];

const NOT_THE_ANSWER: Refusal = not_the_answer("a parameter of the answer is missing or not valid");

pub(super) const WRONG_HOST: Refusal = Refusal::new(
    421,
    "This request was meant for another host",
    Refused::Request("its Host header does not name this listener"),
);

pub(super) const NO_NAVIGATION: Refusal = Refusal::new(
    403,
    "Only a page that is opened is answered here",
    Refused::Request("it comes from a page's script or resource, not from a page that opens"),
);

const fn not_the_answer(why: &'static str) -> Refusal {
    Refusal::new(
        400,
        "This is not the answer to the sign-in",
        Refused::Request(why),
    )
}

/// The outcome of a sign-in.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Callback {
    /// The user signed in.
    Code {
        /// The authorization code, which Entra redeems once.
        code: AuthorizationCode,
        /// The user, as Base64url of JSON. Personal data, which `Debug` does not show.
        client_info: Option<String>,
    },
    /// The user, the tenant or Entra refused.
    Denied(Denial),
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Callback::Code { .. } => f.write_str("Code([redacted])"),
            Callback::Denied(denial) => f.debug_tuple("Denied").field(denial).finish(),
        }
    }
}

/// How Entra sends its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// As a posted form, which stays out of the browser's history.
    FormPost,
    /// In the address's query.
    Query,
}

impl ResponseMode {
    /// Returns the value of the parameter `response_mode`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ResponseMode::FormPost => "form_post",
            ResponseMode::Query => "query",
        }
    }
}

/// The values that the response must match.
pub(super) struct Expected<'a> {
    pub(super) path: &'a str,
    pub(super) port: u16,
    pub(super) state: &'a str,
    pub(super) mode: ResponseMode,
}

/// An authorization response with the expected `state`.
#[derive(Debug, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// The code, or Entra's refusal.
    pub outcome: Callback,
    /// The issuer (RFC 9207), if the response has one. The caller compares it with the authority's.
    pub issuer: Option<String>,
}

/// Reads the request as the response, or returns the refusal of another request.
///
/// `Origin` is ignored: on a form_post it is the authority's, or `null`.
pub(super) fn read(
    request: &Request,
    expected: &Expected<'_>,
) -> Result<AuthorizationResponse, Refusal> {
    if !loopback::is_our_host(&request.host, expected.port) {
        return Err(WRONG_HOST);
    }
    // A page's script may send requests here; the sign-in is a navigation.
    if request
        .fetch_mode
        .as_deref()
        .is_some_and(|mode| mode != "navigate")
    {
        return Err(NO_NAVIGATION);
    }
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&**request.target, None),
    };
    if path != expected.path {
        return Err(Refusal {
            why: not_found(path),
            ..Refusal::new(404, "There is nothing here", NO_SUCH_PATH)
        });
    }
    let form = match (expected.mode, request.method.as_str()) {
        (ResponseMode::Query, "GET") => query.unwrap_or_default().as_bytes(),
        (ResponseMode::Query, _) => return Err(method_not_allowed("GET", "its method is not GET")),
        (ResponseMode::FormPost, "POST") if query.is_some() => {
            return Err(not_the_answer("it has a query beside its form"));
        }
        (ResponseMode::FormPost, "POST") => {
            if !is_form(request.content_type.as_deref()) {
                return Err(Refusal::new(
                    415,
                    "This is not a form",
                    Refused::Request("its body is not a form"),
                ));
            }
            &request.body[..]
        }
        (ResponseMode::FormPost, "GET")
            if query.is_some_and(|query| read_form(query.as_bytes(), expected.state).is_ok()) =>
        {
            return Err(Refusal::new(
                400,
                "The answer came in the address, where the browser's history keeps it",
                Refused::Request("it has the answer in its address instead of in a form"),
            ));
        }
        (ResponseMode::FormPost, _) => {
            return Err(method_not_allowed("POST", "its method is not POST"));
        }
    };
    read_form(form, expected.state)
}

pub(super) fn method_not_allowed(allow: &'static str, why: &'static str) -> Refusal {
    Refusal {
        allow: Some(allow),
        ..Refusal::new(
            405,
            "The sign-in has not come back yet",
            Refused::Request(why),
        )
    }
}

const NO_SUCH_PATH: Refused = Refused::Request("its path is not that of the redirect address");

/// Returns the reason for the terminal. Browsers request icons and well-known files by themselves;
/// those are not reported.
fn not_found(path: &str) -> Option<Refused> {
    let is_browsers_own = path == "/favicon.ico"
        || path.starts_with("/apple-touch-icon")
        || path.starts_with("/.well-known/");
    (!is_browsers_own).then_some(NO_SUCH_PATH)
}

fn is_form(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| {
        essence
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// Reads a response that the user pasted, as strictly as one from a browser.
pub(crate) fn read_pasted(form: &[u8], state: &str) -> Option<AuthorizationResponse> {
    read_form(form, state).ok()
}

fn read_form(form: &[u8], state: &str) -> Result<AuthorizationResponse, Refusal> {
    let mut parameters = Parameters::parse(form)?;
    let issuer = parameters.take("iss");
    if issuer
        .as_deref()
        .is_some_and(|issuer| !is_printable(issuer, TEXT_LIMIT))
    {
        return Err(NOT_THE_ANSWER);
    }
    match parameters.take("state") {
        Some(theirs) if is_same_state(&theirs, state) => {}
        Some(_) => return Err(not_the_answer("its state is that of another sign-in")),
        None => return Err(not_the_answer("it has no state")),
    }
    let outcome = match (parameters.take("code"), parameters.take("error")) {
        (Some(code), None) if is_printable(&code, CODE_LIMIT) => Callback::Code {
            code: AuthorizationCode::new(code),
            client_info: parameters
                .take("client_info")
                .filter(|info| is_printable(info, CLIENT_INFO_LIMIT)),
        },
        (None, Some(error)) => Callback::Denied(Denial {
            error: collapsed(&error, WORD_LIMIT).ok_or(NOT_THE_ANSWER)?,
            description: parameters.text("error_description", TEXT_LIMIT),
            subcode: parameters.text("error_subcode", WORD_LIMIT),
            suberror: parameters.text("suberror", WORD_LIMIT),
            correlation_id: parameters.text("correlation_id", WORD_LIMIT),
            trace_id: parameters.text("trace_id", WORD_LIMIT),
            timestamp: parameters.text("timestamp", WORD_LIMIT),
            claims: parameters
                .take("claims")
                .filter(|claims| claims.len() <= CLAIMS_LIMIT && !claims.contains(is_unprintable)),
        }),
        _ => return Err(NOT_THE_ANSWER),
    };
    Ok(AuthorizationResponse { outcome, issuer })
}

/// Compares two states. The time does not depend on the first byte that differs.
pub(crate) fn is_same_state(theirs: &str, ours: &str) -> bool {
    // The comparison is of digests, which a sender cannot steer.
    !ours.is_empty() && Sha256::digest(theirs) == Sha256::digest(ours)
}

/// The parameters that are read, each at most once.
struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    fn parse(form: &[u8]) -> Result<Self, Refusal> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(form) {
            let Some(known) = PARAMETERS.iter().find(|known| **known == name) else {
                continue;
            };
            // A parameter must not be repeated (RFC 6749, section 3.1).
            if found.iter().any(|(before, _)| before == known) {
                return Err(NOT_THE_ANSWER);
            }
            found.push((known, value.into_owned()));
        }
        Ok(Parameters(found))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    fn text(&mut self, name: &str, most: usize) -> Option<String> {
        self.take(name).and_then(|value| collapsed(&value, most))
    }
}

/// Visible ASCII and spaces, as RFC 6749, appendix A, has codes; not empty.
fn is_printable(value: &str, most: usize) -> bool {
    !value.is_empty() && value.len() <= most && value.bytes().all(|b| (0x20..0x7f).contains(&b))
}

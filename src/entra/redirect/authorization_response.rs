//! Recognizes the response to the sign-in among the requests at the redirect address.
//!
//! Pure: inputs are a whole request and the expected values, the output is the response or the
//! refusal of the request. Entra checks the code.

use std::fmt;

use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::refusal::Refusal;
use super::request::Request;
use crate::secret::AuthorizationCode;
use crate::text::{collapsed, is_unprintable};

const CODE_LIMIT: usize = 32 * 1024;
const CLAIMS_LIMIT: usize = 16 * 1024;
const CLIENT_INFO_LIMIT: usize = 8 * 1024;
const TEXT_LIMIT: usize = 2048;
const WORD_LIMIT: usize = 128;

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

/// Entra's refusal of a sign-in, as a redirect reports it. The texts are bounded, on one line, and free of control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Denial {
    /// The code of RFC 6749, such as `access_denied`.
    pub error: String,
    /// The sentence, which begins with `AADSTS` and a number.
    pub description: Option<String>,
    /// `cancel` if the user went back.
    pub subcode: Option<String>,
    /// The kind of interaction that would help.
    pub suberror: Option<String>,
    /// The request's id in Entra's logs.
    pub correlation_id: Option<String>,
    /// The id of this attempt in Entra's logs.
    pub trace_id: Option<String>,
    /// The time, by Entra's clock and in its format.
    pub timestamp: Option<String>,
    /// A claims challenge, which is JSON.
    pub claims: Option<String>,
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

/// An authorization response with the expected `state`.
#[derive(Debug, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// The code, or Entra's refusal.
    pub outcome: Callback,
    /// The issuer (RFC 9207), if the response has one. The caller compares it with the authority's.
    pub issuer: Option<String>,
}

/// Reads a request to this path as the response with this state, or returns the refusal of another
/// request.
///
/// `Origin` is ignored: on a form_post it is the authority's, or `null`.
pub(super) fn read(
    request: &Request,
    path: &str,
    state: &str,
    mode: ResponseMode,
) -> Result<AuthorizationResponse, Refusal> {
    // A page's script may send requests here; the sign-in is a navigation.
    if request
        .header("sec-fetch-mode")
        .is_some_and(|mode| mode != "navigate")
    {
        return Err(Refusal::NoNavigation);
    }
    let (requested, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target.as_str(), None),
    };
    if requested != path {
        // Browsers request icons and well-known files by themselves.
        let is_browsers_own = requested == "/favicon.ico"
            || requested.starts_with("/apple-touch-icon")
            || requested.starts_with("/.well-known/");
        return Err(match is_browsers_own {
            true => Refusal::BrowsersOwnPath,
            false => Refusal::NotFound,
        });
    }
    let in_query = query.unwrap_or_default().as_bytes();
    match (mode, request.method.as_str()) {
        (ResponseMode::Query, "GET") => read_form(in_query, state),
        (ResponseMode::Query, _) => Err(Refusal::NotGet),
        (ResponseMode::FormPost, "POST") if query.is_some() => Err(Refusal::QueryBesideForm),
        (ResponseMode::FormPost, "POST") if !is_form(request) => Err(Refusal::NotAForm),
        (ResponseMode::FormPost, "POST") => read_form(&request.body, state),
        (ResponseMode::FormPost, "GET") if read_form(in_query, state).is_ok() => {
            Err(Refusal::InAddress)
        }
        (ResponseMode::FormPost, _) => Err(Refusal::NotPost),
    }
}

fn is_form(request: &Request) -> bool {
    let content_type = request.header("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    essence
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Reads a response that the user pasted, as strictly as one from a browser.
pub(crate) fn read_pasted(form: &[u8], state: &str) -> Option<AuthorizationResponse> {
    read_form(form, state).ok()
}

/// Reads the parameters of a response (RFC 6749, sections 4.1.2 and 4.1.2.1; RFC 9207; MSAL's
/// `AuthorizeResponse`). Others are ignored.
fn read_form(form: &[u8], state: &str) -> Result<AuthorizationResponse, Refusal> {
    // A parameter must not be repeated (RFC 6749, section 3.1).
    let parameter = |name: &str| {
        let mut found = form_urlencoded::parse(form).filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (first, None) => Ok(first.map(|(_, value)| value.into_owned())),
            _ => Err(Refusal::NotTheAnswer),
        }
    };
    let text = |name: &str, most: usize| {
        parameter(name).map(|value| value.and_then(|value| collapsed(&value, most)))
    };
    let (theirs, code, error) = (parameter("state")?, parameter("code")?, parameter("error")?);
    let (client_info, issuer) = (parameter("client_info")?, parameter("iss")?);
    let denial = Denial {
        error: error
            .as_deref()
            .and_then(|error| collapsed(error, WORD_LIMIT))
            .unwrap_or_default(),
        description: text("error_description", TEXT_LIMIT)?,
        subcode: text("error_subcode", WORD_LIMIT)?,
        suberror: text("suberror", WORD_LIMIT)?,
        correlation_id: text("correlation_id", WORD_LIMIT)?,
        trace_id: text("trace_id", WORD_LIMIT)?,
        timestamp: text("timestamp", WORD_LIMIT)?,
        claims: parameter("claims")?
            .filter(|claims| claims.len() <= CLAIMS_LIMIT && !claims.contains(is_unprintable)),
    };
    if issuer
        .as_deref()
        .is_some_and(|issuer| !is_printable(issuer, TEXT_LIMIT))
    {
        return Err(Refusal::NotTheAnswer);
    }
    if !is_same_state(&theirs.ok_or(Refusal::NoState)?, state) {
        return Err(Refusal::OtherState);
    }
    let outcome = match (code, error) {
        (Some(code), None) if is_printable(&code, CODE_LIMIT) => Callback::Code {
            code: AuthorizationCode::new(code),
            client_info: client_info.filter(|info| is_printable(info, CLIENT_INFO_LIMIT)),
        },
        (None, Some(_)) if !denial.error.is_empty() => Callback::Denied(denial),
        _ => return Err(Refusal::NotTheAnswer),
    };
    Ok(AuthorizationResponse { outcome, issuer })
}

/// Compares two states. The time does not depend on the first byte that differs.
pub(crate) fn is_same_state(theirs: &str, ours: &str) -> bool {
    // The comparison is of digests, which a sender cannot steer.
    !ours.is_empty() && Sha256::digest(theirs) == Sha256::digest(ours)
}

/// Visible ASCII and spaces, as RFC 6749, appendix A, has codes; not empty.
fn is_printable(value: &str, most: usize) -> bool {
    !value.is_empty() && value.len() <= most && value.bytes().all(|b| (0x20..0x7f).contains(&b))
}

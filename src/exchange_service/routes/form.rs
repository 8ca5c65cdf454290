//! The form of a token request (RFC 8693, section 2.1).

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::exchange_service::exchange::{Reason, Refusal};
use crate::secret::EntraToken;

/// The longest body. A longer token than every one of Entra still gets the reason for its refusal.
const MAX_BODY_BYTES: usize = 128 * 1024;
/// The time limit for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The type of the issued token, and one of those of a subject token.
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The parameters that are used.
#[derive(Debug)]
pub(super) struct TokenForm {
    /// The user's token, if the request has one.
    pub(super) subject: Option<EntraToken>,
}

impl TokenForm {
    /// Reads the body. `endpoint` is the resource whose tokens this service returns.
    pub(super) async fn read(
        headers: &HeaderMap,
        body: Body,
        endpoint: &Url,
    ) -> Result<TokenForm, Refusal> {
        let media = headers.get(header::CONTENT_TYPE);
        let media = media
            .and_then(|media| media.to_str().ok())
            .unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refusal::of_request(
                Reason::NotAForm,
                "The body must be a form (application/x-www-form-urlencoded).",
            ));
        }
        let bytes = tokio::time::timeout(BODY_TIMEOUT, read_body(body)).await;
        let bytes = bytes.map_err(|_| {
            Refusal::of_request(Reason::BodyTooSlow, "The body did not arrive within 10 s.")
        })?;
        parse(&bytes?, endpoint)
    }
}

async fn read_body(body: Body) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut stream = body.into_data_stream();
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            let description = "The body is longer than 128 KiB.";
            return Err(Refusal::of_request(Reason::BodyTooLarge, description));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Returns the refusal for a body that is not read to its end: its chunks are not valid (RFC 9112, section
/// 7.1), or the connection has ended.
fn broken(error: &axum::Error) -> Refusal {
    let first: &(dyn StdError + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |&cause| cause.source());
    let io = causes.find_map(|cause| cause.downcast_ref::<io::Error>());
    let is_invalid = io.is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        )
    });
    match is_invalid {
        true => Refusal::of_request(Reason::BodyMalformed, "The body is not valid HTTP."),
        false => Refusal::of_request(Reason::CallerGone, "The body is incomplete."),
    }
}

/// The parameters that occur once at most. Those that are left out below are unknown, and are ignored
/// (RFC 6749, section 3.2).
#[derive(Default)]
struct Parameters {
    grant_type: Option<String>,
    subject_token: Option<String>,
    subject_token_type: Option<String>,
    requested_token_type: Option<String>,
    actor_token: Option<String>,
    actor_token_type: Option<String>,
    scope: Option<String>,
    /// The values of `resource` and `audience`, which may occur repeatedly.
    targets: Vec<String>,
}

impl Parameters {
    fn read(bytes: &[u8]) -> Result<Parameters, Refusal> {
        let mut found = Parameters::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            let slot = match name.as_ref() {
                "grant_type" => &mut found.grant_type,
                "subject_token" => &mut found.subject_token,
                "subject_token_type" => &mut found.subject_token_type,
                "requested_token_type" => &mut found.requested_token_type,
                "actor_token" => &mut found.actor_token,
                "actor_token_type" => &mut found.actor_token_type,
                "scope" => &mut found.scope,
                "resource" | "audience" => {
                    found.targets.push(value.into_owned());
                    continue;
                }
                _ => continue,
            };
            if seen.iter().any(|seen| *seen == name) {
                return Err(Refusal::of_request(
                    Reason::RepeatedParameter,
                    "A parameter occurs more than once.",
                ));
            }
            seen.push(name.into_owned());
            // A parameter without a value counts as omitted (RFC 6749, section 3.2).
            *slot = Some(value.into_owned()).filter(|value| !value.is_empty());
        }
        found.targets.retain(|target| !target.is_empty());
        Ok(found)
    }
}

fn parse(bytes: &[u8], endpoint: &Url) -> Result<TokenForm, Refusal> {
    let found = Parameters::read(bytes)?;
    check_grant(found.grant_type.as_deref())?;
    if found.actor_token.is_some() || found.actor_token_type.is_some() {
        return Err(Refusal::of_request(
            Reason::ActorToken,
            "The parameters `actor_token` and `actor_token_type` are not supported.",
        ));
    }
    let is_token_type = |text: &String| text == ACCESS_TOKEN || text == JWT;
    let subject_type = found.subject_token_type.as_ref();
    if found.subject_token.is_some() && !subject_type.is_some_and(is_token_type) {
        return Err(Refusal::of_request(
            Reason::SubjectTokenType,
            "The parameter `subject_token_type` is not that of an access token.",
        ));
    }
    let requested = found.requested_token_type;
    if requested.is_some_and(|requested| requested != ACCESS_TOKEN) {
        return Err(Refusal::of_request(
            Reason::RequestedTokenType,
            "The parameter `requested_token_type` is not that of an access token.",
        ));
    }
    check_targets(&found.targets, found.scope.as_deref(), endpoint)?;
    Ok(TokenForm {
        subject: found.subject_token.map(EntraToken::new),
    })
}

fn check_grant(grant: Option<&str>) -> Result<(), Refusal> {
    let description = "The parameter `grant_type` is not that of a token exchange.";
    let status = StatusCode::BAD_REQUEST;
    match grant {
        Some(GRANT) => Ok(()),
        Some(_) => Err(Refusal::new(
            status,
            "unsupported_grant_type",
            Reason::GrantType,
            description,
        )),
        None => Err(Refusal::of_request(Reason::GrantTypeMissing, description)),
    }
}

/// Refuses a token for another service, or with other rights: all tokens of this service are for one
/// resource, which decides their scopes (RFC 8693, section 2.2.2).
fn check_targets(targets: &[String], scope: Option<&str>, endpoint: &Url) -> Result<(), Refusal> {
    let is_endpoint = |target: &String| Url::parse(target).is_ok_and(|target| target == *endpoint);
    let refused = |error, reason, description| {
        Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            error,
            reason,
            description,
        ))
    };
    if !targets.iter().all(is_endpoint) {
        let description = "Tokens of this service are for its own ACS resource only. Omit the \
             parameters `resource` and `audience`.";
        return refused("invalid_target", Reason::Target, description);
    }
    match scope {
        None => Ok(()),
        Some(_) => refused(
            "invalid_scope",
            Reason::Scope,
            "The ACS resource decides the scopes of the token. Omit the parameter `scope`.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(pairs: &[(&str, &str)]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        let endpoint = Url::parse("https://contoso.communication.azure.com").expect("a URL");
        match parse(form.finish().as_bytes(), &endpoint) {
            Ok(form) => format!("ok, subject {}", form.subject.is_some()),
            Err(refusal) => format!("{} {}", refusal.error, refusal.reason.as_str()),
        }
    }

    #[test]
    fn each_wrong_parameter_has_its_reason() {
        let grant = ("grant_type", GRANT);
        let subject = ("subject_token", "e30.e30.x");
        let kind = ("subject_token_type", ACCESS_TOKEN);
        for (pairs, expected) in [
            (&[grant, subject, kind][..], "ok, subject true"),
            (
                &[grant, subject, ("subject_token_type", JWT)],
                "ok, subject true",
            ),
            (&[grant, subject, kind, ("new", "1")], "ok, subject true"),
            (&[grant], "ok, subject false"),
            (&[grant, ("subject_token", ""), kind], "ok, subject false"),
            (&[subject, kind], "invalid_request grant_type_missing"),
            (
                &[("grant_type", "password"), subject, kind],
                "unsupported_grant_type grant_type",
            ),
            (&[grant, subject], "invalid_request subject_token_type"),
            (
                &[grant, subject, ("subject_token_type", "saml")],
                "invalid_request subject_token_type",
            ),
            (
                &[grant, subject, subject, kind],
                "invalid_request repeated_parameter",
            ),
            (
                &[("grant_type", ""), grant, subject, kind],
                "invalid_request repeated_parameter",
            ),
            (
                &[grant, subject, kind, ("actor_token", "x")],
                "invalid_request actor_token",
            ),
            (
                &[grant, subject, kind, ("actor_token_type", ACCESS_TOKEN)],
                "invalid_request actor_token",
            ),
            (
                &[grant, subject, kind, ("requested_token_type", ACCESS_TOKEN)],
                "ok, subject true",
            ),
            (
                &[grant, subject, kind, ("resource", ""), ("scope", "")],
                "ok, subject true",
            ),
            (
                &[
                    grant,
                    subject,
                    kind,
                    ("resource", "https://contoso.communication.azure.com/"),
                    ("audience", "https://contoso.communication.azure.com"),
                ],
                "ok, subject true",
            ),
            (
                &[
                    grant,
                    subject,
                    kind,
                    ("resource", "https://contoso.communication.azure.com"),
                    ("resource", "https://graph.microsoft.com"),
                ],
                "invalid_target target",
            ),
            (
                &[grant, subject, kind, ("audience", "graph")],
                "invalid_target target",
            ),
            (
                &[grant, subject, kind, ("scope", "voip")],
                "invalid_scope scope",
            ),
            (
                &[grant, subject, kind, ("requested_token_type", JWT)],
                "invalid_request requested_token_type",
            ),
        ] {
            assert_eq!(reason(pairs), expected, "{pairs:?}");
        }
    }
}

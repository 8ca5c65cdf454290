//! The form of a token request (RFC 8693, section 2.1).

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use url::form_urlencoded;

use crate::exchange_service::exchange::Refusal;
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
    /// Reads the body.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<TokenForm, Refusal> {
        let media = headers.get(header::CONTENT_TYPE);
        let media = media
            .and_then(|media| media.to_str().ok())
            .unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refusal::of_request(
                "not_a_form",
                "The body must be a form (application/x-www-form-urlencoded).",
            ));
        }
        let bytes = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await;
        let bytes = bytes.map_err(|_| {
            Refusal::of_request("body_too_slow", "The body did not arrive within 10 s.")
        })?;
        let bytes = bytes.map_err(|_| {
            Refusal::of_request(
                "body_too_large",
                "The body is incomplete, or longer than 128 KiB.",
            )
        })?;
        parse(&bytes)
    }
}

fn parse(bytes: &[u8]) -> Result<TokenForm, Refusal> {
    let mut found: [(&str, Option<String>); 5] = [
        ("grant_type", None),
        ("subject_token", None),
        ("subject_token_type", None),
        ("requested_token_type", None),
        ("actor_token", None),
    ];
    for (name, value) in form_urlencoded::parse(bytes) {
        let Some((_, slot)) = found.iter_mut().find(|(known, _)| *known == name) else {
            // Unknown parameters are ignored (RFC 6749, section 3.2).
            continue;
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(Refusal::of_request(
                "repeated_parameter",
                "A parameter occurs more than once.",
            ));
        }
    }
    let [grant, subject, subject_type, requested, actor] =
        found.map(|(_, value)| value.filter(|value| !value.is_empty()));
    if grant.as_deref() != Some(GRANT) {
        let description = "The parameter `grant_type` is not that of a token exchange.";
        let status = StatusCode::BAD_REQUEST;
        return Err(match grant {
            Some(_) => Refusal::new(status, "unsupported_grant_type", "grant_type", description),
            None => Refusal::of_request("grant_type_missing", description),
        });
    }
    if actor.is_some() {
        return Err(Refusal::of_request(
            "actor_token",
            "The parameter `actor_token` is not supported.",
        ));
    }
    let is_token_type = |text: &String| text == ACCESS_TOKEN || text == JWT;
    if subject.is_some() && !subject_type.as_ref().is_some_and(is_token_type) {
        return Err(Refusal::of_request(
            "subject_token_type",
            "The parameter `subject_token_type` is not that of an access token.",
        ));
    }
    if requested.is_some_and(|requested| requested != ACCESS_TOKEN) {
        return Err(Refusal::of_request(
            "requested_token_type",
            "The parameter `requested_token_type` is not that of an access token.",
        ));
    }
    Ok(TokenForm {
        subject: subject.map(EntraToken::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(pairs: &[(&str, &str)]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        match parse(form.finish().as_bytes()) {
            Ok(form) => format!("ok, subject {}", form.subject.is_some()),
            Err(refusal) => format!("{} {}", refusal.error, refusal.reason),
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
                &[grant, subject, kind, ("actor_token", "x")],
                "invalid_request actor_token",
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

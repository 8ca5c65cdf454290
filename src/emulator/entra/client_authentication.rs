//! Authentication of an app by secret, certificate or federated token.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::aadsts;
use super::error::EntraError;
use super::params::Params;
use crate::emulator::directory::{FEDERATION, ServiceApp};
use crate::emulator::ensure::ensure;
use crate::emulator::http::Request;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The claims of an assertion (RFC 7523, section 3).
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: String,
    // A NumericDate may have a fraction (RFC 7519, section 2), and that of one SDK has.
    #[serde(default)]
    nbf: f64,
    exp: f64,
}

/// Returns name and password of HTTP Basic, which Entra accepts in place of the parameters (RFC
/// 6749, section 2.3.1).
pub(crate) fn basic(request: &Request) -> Option<(String, String)> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (name, password) = pair.split_once(':')?;
    let decoded = |text: &str| {
        let form = format!("x={text}");
        let (_, value) = url::form_urlencoded::parse(form.as_bytes()).next()?;
        Some(value.into_owned())
    };
    Some((decoded(name)?, decoded(password)?))
}

/// The kind of an app's credential, for the claim `appidacr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    Secret,
    Assertion,
}

/// Checks the credential of `app`.
pub(crate) fn check(
    request: &Request,
    params: &Params,
    app: &ServiceApp,
) -> Result<Credential, EntraError> {
    let basic = basic(request).map(|(_, secret)| secret);
    if let Some(secret) = params.get("client_secret").or(basic.as_deref()) {
        request.state().keep_secret(secret);
        return match secret == app.secret {
            true => Ok(Credential::Secret),
            false => Err(aadsts::WRONG_SECRET.about(&[app.client_id])),
        };
    }
    let assertion = params.get("client_assertion");
    let assertion = assertion.ok_or(aadsts::MISSING_CREDENTIAL)?;
    request.state().keep_secret(assertion);
    let is_supported = params.get("client_assertion_type") == Some(ASSERTION_TYPE);
    ensure(is_supported, aadsts::UNSUPPORTED_ASSERTION_TYPE)?;
    let (header, claims) = decode(assertion).ok_or(aadsts::MALFORMED_ASSERTION)?;
    if claims.iss == app.client_id {
        check_certificate(request, &header, assertion, &claims, app)?;
    } else {
        check_federation(request, assertion, &claims, app)?;
    }
    let now = request.now.unix_seconds() as f64;
    ensure(
        now >= claims.nbf.floor() && now < claims.exp,
        aadsts::EXPIRED_ASSERTION,
    )?;
    Ok(Credential::Assertion)
}

fn check_certificate(
    request: &Request,
    header: &Value,
    assertion: &str,
    claims: &Assertion,
    app: &ServiceApp,
) -> Result<(), EntraError> {
    let certificate = &request.context.certificate;
    let is_registered = app.has_certificate && certificate.is_named_by(header);
    ensure(is_registered, aadsts::UNKNOWN_CERTIFICATE)?;
    let signed: Option<Value> = certificate.signer.open(assertion, &["RS256", "PS256"]);
    ensure(signed.is_some(), aadsts::WRONG_SIGNATURE)?;
    ensure(claims.sub == app.client_id, aadsts::OTHER_SUBJECT)?;
    let (base, path) = match claims.aud.match_indices('/').nth(2) {
        Some((end, _)) => claims.aud.split_at(end),
        None => (claims.aud.as_str(), ""),
    };
    let is_endpoint = path.ends_with("/oauth2/v2.0/token") || path.ends_with("/v2.0");
    ensure(
        is_endpoint && request.context.is_own_base(base),
        aadsts::WRONG_AUDIENCE,
    )
}

fn check_federation(
    request: &Request,
    assertion: &str,
    claims: &Assertion,
    app: &ServiceApp,
) -> Result<(), EntraError> {
    let is_known = app.has_certificate && claims.iss == FEDERATION.issuer;
    ensure(is_known, aadsts::UNKNOWN_ISSUER)?;
    ensure(claims.aud == FEDERATION.audience, aadsts::UNKNOWN_AUDIENCE)?;
    ensure(claims.sub == FEDERATION.subject, aadsts::UNKNOWN_SUBJECT)?;
    let signed: Option<Value> = request.context.signer.read(assertion);
    ensure(signed.is_some(), aadsts::WRONG_FEDERATED_SIGNATURE)
}

/// Decodes header and claims without verification.
fn decode(assertion: &str) -> Option<(Value, Assertion)> {
    let mut parts = assertion.split('.');
    let mut part = || URL_SAFE_NO_PAD.decode(parts.next()?).ok();
    let header = serde_json::from_slice(&part()?).ok()?;
    let claims = serde_json::from_slice(&part()?).ok()?;
    Some((header, claims))
}

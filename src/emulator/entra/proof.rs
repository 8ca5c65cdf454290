//! How a confidential app proves to be itself: by secret, certificate or federated token.
//!
//! In comes a token request's parameters, out comes the app or Entra's words for why not. What the
//! app may then have is decided elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use serde::Deserialize;
use serde_json::Value;

use super::super::directory::{FEDERATION, ServiceApp};
use super::super::server::{Context, Request};
use super::super::sign::{Signer, pem_block};
use super::Refusal;
use super::params::Params;
use crate::error::{Error, Result as Outcome};
use axum::http::StatusCode;

/// The published certificate and its key, PEM.
pub(in crate::emulator) const CERTIFICATE: &str =
    include_str!("../../../assets/emulator/worthless-app-certificate.pem");
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The certificate that is registered on the app that has one.
pub(in crate::emulator) struct Certificate {
    signer: Signer,
    thumbprints: [Vec<u8>; 2],
}

impl Certificate {
    pub(in crate::emulator) fn published() -> Outcome<Certificate> {
        let der = pem_block(CERTIFICATE, "CERTIFICATE")
            .ok_or_else(|| Error::internal("the emulator's published certificate is unreadable"))?;
        let thumbprint = |algorithm| digest::digest(algorithm, &der).as_ref().to_vec();
        Ok(Certificate {
            signer: Signer::from_pem(CERTIFICATE)?,
            thumbprints: [
                thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY),
                thumbprint(&digest::SHA256),
            ],
        })
    }

    /// Whether an assertion's header names this certificate, in one of the ways of the SDKs.
    fn is_named_by(&self, header: &Value) -> bool {
        ["x5t", "x5t#S256", "kid"].iter().any(|name| {
            let name = header[*name].as_str().unwrap_or_default();
            self.thumbprints.iter().any(|thumbprint| {
                let hex: String = thumbprint.iter().map(|b| format!("{b:02X}")).collect();
                name.eq_ignore_ascii_case(&hex)
                    || name.trim_end_matches('=') == URL_SAFE_NO_PAD.encode(thumbprint)
            })
        })
    }
}

/// The claims of an assertion (RFC 7523, section 3).
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: String,
    // A NumericDate may have a fraction (RFC 7519, section 2), and one SDK's has.
    #[serde(default)]
    nbf: f64,
    exp: f64,
}

/// The name and password of HTTP Basic, which Entra takes in place of the parameters (RFC 6749,
/// section 2.3.1).
pub(super) fn basic(request: &Request) -> Option<(String, String)> {
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

/// How an app proved to be itself, as its tokens tell it by `appidacr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    Secret,
    Assertion,
}

/// Checks what `app` brings to prove itself.
pub(super) fn check(
    shared: &Context,
    request: &Request,
    params: &Params,
    app: &ServiceApp,
) -> Result<Proof, Refusal> {
    let basic = basic(request).map(|(_, secret)| secret);
    if let Some(secret) = params.get("client_secret").or(basic.as_deref()) {
        shared.state.lock().keep_secret(secret);
        return match secret == app.secret {
            true => Ok(Proof::Secret),
            false => Err(invalid_client(
                7_000_215,
                format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request \
                     is the client secret value, not the client secret ID, for a secret added to \
                     app '{}'.",
                    app.client_id
                ),
            )),
        };
    }
    let Some(assertion) = params.get("client_assertion") else {
        return Err(proof_missing());
    };
    shared.state.lock().keep_secret(assertion);
    if params.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(invalid_client(
            700_021,
            "The 'client_assertion_type' is missing or not supported.",
        ));
    }
    check_assertion(shared, request, assertion, app).map(|()| Proof::Assertion)
}

/// Neither secret nor assertion came.
pub(super) fn proof_missing() -> Refusal {
    invalid_client(
        7_000_218,
        "The request body must contain the following parameter: 'client_assertion' or \
         'client_secret'.",
    )
}

fn check_assertion(
    shared: &Context,
    request: &Request,
    assertion: &str,
    app: &ServiceApp,
) -> Result<(), Refusal> {
    let (header, claims) = peek(assertion)
        .ok_or_else(|| invalid_client(50027, "JWT token is invalid or malformed."))?;
    let federated = claims.iss != app.client_id;
    if federated {
        check_federation(shared, assertion, &claims, app)?;
    } else {
        check_certificate(shared, &header, assertion, &claims, app)?;
        let (base, path) = match claims.aud.match_indices('/').nth(2) {
            Some((end, _)) => claims.aud.split_at(end),
            None => (claims.aud.as_str(), ""),
        };
        let is_ours = path.ends_with("/oauth2/v2.0/token") || path.ends_with("/v2.0");
        if !shared.is_own_base(base) || !is_ours {
            return Err(invalid_client(
                700_023,
                "Client assertion audience claim does not match Realm issuer.",
            ));
        }
    }
    let now = request.now.unix_seconds() as f64;
    if now < claims.nbf.floor() || now >= claims.exp {
        return Err(invalid_client(
            700_024,
            "Client assertion is not within its valid time range.",
        ));
    }
    Ok(())
}

fn check_certificate(
    shared: &Context,
    header: &Value,
    assertion: &str,
    claims: &Assertion,
    app: &ServiceApp,
) -> Result<(), Refusal> {
    if !app.has_certificate || !shared.certificate.is_named_by(header) {
        return Err(invalid_client(
            700_027,
            "The certificate with identifier used to sign the client assertion is not registered \
             on application. [Reason - The key was not found.]",
        ));
    }
    let signed = shared
        .certificate
        .signer
        .open::<Value>(assertion, &["RS256", "PS256"]);
    if signed.is_none() {
        return Err(invalid_client(
            700_027,
            "Client assertion failed signature validation. [Reason - The key used is expired or \
             the signature is invalid.]",
        ));
    }
    if claims.sub != app.client_id {
        return Err(invalid_client(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        ));
    }
    Ok(())
}

fn check_federation(
    shared: &Context,
    assertion: &str,
    claims: &Assertion,
    app: &ServiceApp,
) -> Result<(), Refusal> {
    let no_record = |number, what: &str| {
        let text =
            format!("No matching federated identity record found for presented assertion {what}.");
        Err(invalid_client(number, text))
    };
    if !app.has_certificate || claims.iss != FEDERATION.issuer {
        return no_record(700_211, "issuer");
    }
    if claims.aud != FEDERATION.audience {
        return no_record(700_212, "audience");
    }
    if claims.sub != FEDERATION.subject {
        return no_record(700_213, "subject");
    }
    match shared.signer.read::<Value>(assertion) {
        Some(_) => Ok(()),
        None => Err(invalid_client(
            700_027,
            "Client assertion failed signature validation.",
        )),
    }
}

/// Header and claims, before anything is believed.
fn peek(assertion: &str) -> Option<(Value, Assertion)> {
    let mut parts = assertion.split('.');
    let mut part = || URL_SAFE_NO_PAD.decode(parts.next()?).ok();
    let header = serde_json::from_slice(&part()?).ok()?;
    let claims = serde_json::from_slice(&part()?).ok()?;
    Some((header, claims))
}

fn invalid_client(number: u32, text: impl Into<String>) -> Refusal {
    Refusal::new("invalid_client", number, text).with_status(StatusCode::UNAUTHORIZED)
}

//! Tokens of apps: the client credentials grant (RFC 6749, section 4.4), with authentication by
//! secret, certificate or federated token, and the managed identity's endpoint in the form of App
//! Service (`IDENTITY_ENDPOINT`).
//!
//! The forms of other hosts, such as the metadata address of virtual machines, are not emulated.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::params::Params;
use super::tokens::random;
use super::v1;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::http::{Reply, Request};
use crate::emulator::journal::notes::Flow;
use crate::emulator::scopes::Scopes;
use crate::emulator::verify::ensure;
use crate::emulator::world::IDENTITY_HEADER;
use crate::emulator::world::api::Api;
use crate::emulator::world::application::{Application, Federation};
use crate::emulator::world::tenant::{Tenant, TenantPath};

/// The path of the managed identity's endpoint.
pub(crate) const MANAGED_IDENTITY_PATH: &str = "/emulator/managed-identity";
const MANAGED_IDENTITY_VERSION: &str = "2019-08-01";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The claim `appidacr` of an app with a secret, and of one with an assertion.
const BY_SECRET: &str = "1";
const BY_ASSERTION: &str = "2";

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

/// The client credentials grant.
pub(crate) fn grant(
    request: &Request,
    tenant: &TenantPath,
    params: &Params,
    app: &Application,
) -> Result<Value, EntraError> {
    let TenantPath::One(tenant) = tenant else {
        return Err(aadsts::NO_TENANT);
    };
    let credential = authenticate(request, params, app)?;
    let credential = credential.ok_or(aadsts::MISSING_CREDENTIAL)?;
    let scope = params.need("scope")?;
    let is_default = |word: &str| word.to_ascii_lowercase().ends_with("/.default");
    let mut words = scope.split(' ').filter(|word| !word.is_empty());
    if let Some(word) = words.find(|word| !is_default(word)) {
        return Err(aadsts::NOT_DEFAULT_SCOPE.about(&[word]));
    }
    let scopes = Scopes::parse(&request.world, scope)?;
    let resource = scopes
        .first_resource()
        .filter(|_| !scopes.spans_resources());
    let resource = resource.ok_or(aadsts::SEVERAL_RESOURCES)?;
    let (token, life) = token(request, app, tenant, resource, credential);
    let body = json!({
        "token_type": "Bearer",
        "expires_in": life.as_secs(),
        "ext_expires_in": life.as_secs(),
        "access_token": token,
    });
    Ok(v1::shaped(request, body, resource, &[]))
}

/// The managed identity's endpoint.
pub(crate) fn managed_identity(request: &Request) -> Reply {
    let reply = identity_token(request).unwrap_or_else(|(status, message)| {
        let body = json!({"statusCode": status, "message": message});
        Reply::json(status, &body).because(message)
    });
    reply.named("managed_identity")
}

/// Responds with a token of the first application that signs no users in. The identity header proves that the caller runs
/// on this machine.
fn identity_token(request: &Request) -> Result<Reply, (u16, &'static str)> {
    let app = request.world.services().next();
    let app = app.ok_or((400, "No managed identity was found."))?;
    let tenant = app.tenant.as_ref().unwrap_or(&request.world.tenants[0]);
    ensure(request.is_get(), (405, "Only GET is supported."))?;
    let is_on_machine = request.header("x-identity-header") == Some(IDENTITY_HEADER);
    ensure(is_on_machine, (401, "X-IDENTITY-HEADER is wrong."))?;
    let version = request.query_value("api-version");
    let is_version = version.as_deref() == Some(MANAGED_IDENTITY_VERSION);
    ensure(is_version, (400, "The api-version is not supported."))?;
    let client = request.query_value("client_id");
    let is_known = client.is_none_or(|client| client == app.client_id);
    ensure(is_known, (400, "No managed identity was found."))?;
    let resource = request.query_value("resource");
    let api = resource.as_deref();
    let api = api.and_then(|name| request.world.api_named(name));
    let api = api.ok_or((400, "The resource was not found."))?;
    request.notes().client(&app.client_id);
    request.notes().authenticated("X-IDENTITY-HEADER");
    let (token, life) = token(request, app, tenant, api, BY_ASSERTION);
    let body = json!({
        "access_token": token,
        // A number as text, in this protocol.
        "expires_on": request.now.plus(life).unix_seconds().to_string(),
        "resource": api.identifier(),
        "token_type": "Bearer",
        "client_id": app.client_id,
    });
    Ok(Reply::json(200, &body))
}

/// Issues a token of an app. Returns it and its life.
fn token(
    request: &Request,
    app: &Application,
    tenant: &Tenant,
    api: &Api,
    proof: &str,
) -> (String, Duration) {
    let flow = Flow::new();
    let mut state = request.state();
    let life = state.token_life;
    let now = request.now.unix_seconds();
    let issuer = format!("{}/{}/", request.base, tenant.id);
    let exp = request.now.plus(life).unix_seconds();
    let (signer, uti) = (&request.context.signer, flow.token_id());
    let token = match api.has_v2_tokens {
        false => signer.v1_token(&json!({
            "aud": api.audience, "iss": issuer, "idp": issuer, "tid": tenant.id,
            "iat": now, "nbf": now, "exp": exp,
            "appid": app.client_id, "appidacr": proof, "idtyp": "app",
            "oid": app.object_id, "sub": app.object_id, "uti": uti, "ver": "1.0",
            "emulator": true,
        })),
        true => signer.v2_token(&json!({
            "aud": api.audience, "iss": issuer + "v2.0", "tid": tenant.id,
            "iat": now, "nbf": now, "exp": exp,
            "aio": random(), "azp": app.client_id, "azpacr": proof, "rh": random(),
            "oid": app.object_id, "sub": app.object_id, "uti": uti, "ver": "2.0",
            "xms_ftd": random(), "emulator": true,
        })),
    };
    state.keep_secret(&token);
    let mut notes = request.notes();
    notes.flow = Some(flow);
    notes.issued("access_token", &token);
    notes.resource = Some(api.audience.clone());
    (token, life)
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

/// Checks the credential of a request, if it has one or `app` signs no users in. Returns the claim
/// `appidacr` for its kind.
pub(crate) fn authenticate(
    request: &Request,
    params: &Params,
    app: &Application,
) -> Result<Option<&'static str>, EntraError> {
    let basic = basic(request).map(|(_, secret)| secret);
    let secret = params.get("client_secret").or(basic.as_deref());
    let assertion = params.get("client_assertion");
    for sent in [secret, assertion].into_iter().flatten() {
        request.state().keep_secret(sent);
    }
    if !app.has_credentials() {
        let has_one = secret.is_some()
            || assertion.is_some()
            || request.head.headers.contains_key("authorization");
        return ensure(!has_one, aadsts::PUBLIC_CLIENT).map(|()| None);
    }
    if let Some(secret) = secret {
        let wrong = aadsts::WRONG_SECRET.about(&[&app.client_id]);
        let is_right = app.secrets.iter().any(|own| own == secret);
        ensure(is_right, wrong)?;
        let proof = format!("client secret of the app {}", app.client_id);
        request.notes().authenticated(proof);
        return Ok(Some(BY_SECRET));
    }
    let Some(assertion) = assertion else {
        let is_optional = app.signs_users_in();
        return ensure(is_optional, aadsts::MISSING_CREDENTIAL).map(|()| None);
    };
    let is_supported = params.get("client_assertion_type") == Some(ASSERTION_TYPE);
    ensure(is_supported, aadsts::UNSUPPORTED_ASSERTION_TYPE)?;
    request.notes().received("client_assertion", assertion);
    let kind = check_assertion(request, assertion, app)?;
    let proof = format!("{kind} of the app {}", app.client_id);
    request.notes().authenticated(proof);
    Ok(Some(BY_ASSERTION))
}

/// Checks an assertion that the app signed with its certificate, or of a federated workload.
/// Returns its name in the journal.
fn check_assertion(
    request: &Request,
    assertion: &str,
    app: &Application,
) -> Result<&'static str, EntraError> {
    let (header, claims) = decode(assertion).ok_or(aadsts::MALFORMED_ASSERTION)?;
    let kind = if claims.iss == app.client_id {
        let certificate = &request.context.certificate;
        let is_registered = app.has_certificate && certificate.is_named_by(&header);
        ensure(is_registered, aadsts::UNKNOWN_CERTIFICATE)?;
        let signed: Option<Value> = certificate.signer.open(assertion, &["RS256", "PS256"]);
        ensure(signed.is_some(), aadsts::WRONG_SIGNATURE)?;
        ensure(claims.sub == app.client_id, aadsts::OTHER_SUBJECT)?;
        let end = claims.aud.match_indices('/').nth(2).map(|(end, _)| end);
        let (base, path) = claims.aud.split_at(end.unwrap_or(claims.aud.len()));
        let endpoints = ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0"];
        let is_endpoint = endpoints.iter().any(|end| path.ends_with(end));
        let is_own = is_endpoint && request.context.is_own_base(base);
        ensure(is_own, aadsts::WRONG_AUDIENCE)?;
        "certificate"
    } else {
        let of_issuer = app
            .federations
            .iter()
            .filter(|own| own.issuer == claims.iss);
        let of_issuer: Vec<_> = of_issuer.collect();
        ensure(!of_issuer.is_empty(), aadsts::UNKNOWN_ISSUER)?;
        let is_audience = of_issuer.iter().any(|own| own.audience == claims.aud);
        ensure(is_audience, aadsts::UNKNOWN_AUDIENCE)?;
        let is_subject =
            |own: &&Federation| own.audience == claims.aud && own.subject == claims.sub;
        let is_known = of_issuer.iter().any(is_subject);
        ensure(is_known, aadsts::UNKNOWN_SUBJECT)?;
        let signed: Option<Value> = request.context.signer.read(assertion);
        ensure(signed.is_some(), aadsts::WRONG_FEDERATED_SIGNATURE)?;
        "federated token"
    };
    let now = request.now.unix_seconds() as f64;
    let is_current = now >= claims.nbf.floor() && now < claims.exp;
    ensure(is_current, aadsts::EXPIRED_ASSERTION).map(|()| kind)
}

/// Decodes header and claims without verification.
fn decode(assertion: &str) -> Option<(Value, Assertion)> {
    let mut parts = assertion.split('.');
    let mut part = || URL_SAFE_NO_PAD.decode(parts.next()?).ok();
    let header = serde_json::from_slice(&part()?).ok()?;
    let claims = serde_json::from_slice(&part()?).ok()?;
    Some((header, claims))
}

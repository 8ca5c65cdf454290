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
    aud: Audience,
    // A NumericDate may have a fraction (RFC 7519, section 2), and that of one SDK has.
    #[serde(default)]
    nbf: f64,
    exp: f64,
}

/// The claim `aud`: one text, or a list of them (RFC 7519, section 4.1.3), as in the tokens of
/// Kubernetes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Returns whether one of the texts is accepted.
    fn has(&self, is_accepted: impl Fn(&str) -> bool) -> bool {
        match self {
            Audience::One(one) => is_accepted(one),
            Audience::Several(several) => several.iter().any(|one| is_accepted(one)),
        }
    }
}

/// The client credentials grant.
pub(crate) fn grant(
    request: &Request,
    tenant: &TenantPath,
    params: &Params,
    app: &Application,
) -> Result<Value, EntraError> {
    let TenantPath::One(of_app) = tenant else {
        return Err(aadsts::NO_TENANT);
    };
    let credential = authenticate(request, tenant, params, app)?;
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
    let (token, life) = token(request, app, of_app, resource, credential);
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
    ensure(
        is_identity(request, app),
        (400, "No managed identity was found."),
    )?;
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

/// Returns whether the parameters name this identity, or none. An identity has no resource id here, so
/// `mi_res_id` names another one.
fn is_identity(request: &Request, app: &Application) -> bool {
    let is = |name: &str, id: &str| {
        let sent = request.query_value(name);
        sent.is_none_or(|sent| sent.eq_ignore_ascii_case(id))
    };
    is("client_id", &app.client_id)
        && is("principal_id", &app.object_id)
        && is("object_id", &app.object_id)
        && request.query_value("mi_res_id").is_none()
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
    let v1_base = request.context.v1_base(&request.base);
    let issuer = format!("{v1_base}/{}/", tenant.id);
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
            "aud": api.audience, "iss": format!("{}/{}/v2.0", request.base, tenant.id), "tid": tenant.id,
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
pub(crate) fn basic(request: &Request) -> Result<Option<(String, String)>, EntraError> {
    let sent = request.header("authorization").unwrap_or_default();
    let (scheme, encoded) = sent.split_once(' ').unwrap_or((sent, ""));
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Ok(None);
    }
    let pair = read_basic(encoded.trim_start_matches(' '));
    pair.map(Some).ok_or(aadsts::MALFORMED_BASIC)
}

fn read_basic(encoded: &str) -> Option<(String, String)> {
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
    tenant: &TenantPath,
    params: &Params,
    app: &Application,
) -> Result<Option<&'static str>, EntraError> {
    let basic = basic(request)?.map(|(_, secret)| secret);
    let assertion = params.get("client_assertion");
    let all = [params.get("client_secret"), basic.as_deref(), assertion];
    for sent in all.into_iter().flatten() {
        request.state().keep_secret(sent);
    }
    let secret = params.get("client_secret").or(basic.as_deref());
    if !app.has_credentials() {
        let has_one = secret.is_some()
            || assertion.is_some()
            || request.head.headers.contains_key("authorization");
        return ensure(!has_one, aadsts::PUBLIC_CLIENT).map(|()| None);
    }
    // A client uses one way to authenticate itself (RFC 6749, section 2.3).
    let count = all.into_iter().flatten().count();
    ensure(count < 2, aadsts::SEVERAL_CREDENTIALS)?;
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
    let kind = check_assertion(request, tenant, assertion, app)?;
    let proof = format!("{kind} of the app {}", app.client_id);
    request.notes().authenticated(proof);
    Ok(Some(BY_ASSERTION))
}

/// Checks an assertion that the app signed with its certificate, or of a federated workload.
/// Returns its name in the journal.
fn check_assertion(
    request: &Request,
    tenant: &TenantPath,
    assertion: &str,
    app: &Application,
) -> Result<&'static str, EntraError> {
    let (header, claims) = decode(assertion).ok_or(aadsts::MALFORMED_ASSERTION)?;
    let is_app = |id: &str| id.eq_ignore_ascii_case(&app.client_id);
    let kind = if is_app(&claims.iss) {
        let certificate = &request.context.certificate;
        let is_registered = app.has_certificate && certificate.is_named_by(&header);
        ensure(is_registered, aadsts::UNKNOWN_CERTIFICATE)?;
        let signed: Option<Value> = certificate.signer.open(assertion, &["RS256", "PS256"]);
        ensure(signed.is_some(), aadsts::WRONG_SIGNATURE)?;
        ensure(is_app(&claims.sub), aadsts::OTHER_SUBJECT)?;
        let is_own = |audience: &str| is_own_audience(request, tenant, audience);
        ensure(claims.aud.has(is_own), aadsts::WRONG_AUDIENCE)?;
        "certificate"
    } else {
        let of_issuer = app
            .federations
            .iter()
            .filter(|own| own.issuer == claims.iss);
        let of_issuer: Vec<_> = of_issuer.collect();
        ensure(!of_issuer.is_empty(), aadsts::UNKNOWN_ISSUER)?;
        let is_for = |own: &Federation| claims.aud.has(|audience| audience == own.audience);
        let is_audience = of_issuer.iter().any(|own| is_for(own));
        ensure(is_audience, aadsts::UNKNOWN_AUDIENCE)?;
        let mut named = of_issuer.iter();
        let is_known = named.any(|own| is_for(own) && own.subject == claims.sub);
        ensure(is_known, aadsts::UNKNOWN_SUBJECT)?;
        let signed: Option<Value> = request.context.signer.read(assertion);
        ensure(signed.is_some(), aadsts::WRONG_FEDERATED_SIGNATURE)?;
        "federated token"
    };
    let now = request.now.unix_seconds() as f64;
    let is_current = now >= claims.nbf.floor() && now < claims.exp;
    ensure(is_current, aadsts::EXPIRED_ASSERTION).map(|()| kind)
}

/// Returns whether an audience is the token endpoint or the issuer of the tenant that the request
/// addresses (RFC 7523, section 3).
fn is_own_audience(request: &Request, tenant: &TenantPath, audience: &str) -> bool {
    let end = audience.match_indices('/').nth(2).map(|(end, _)| end);
    let (base, path) = audience.split_at(end.unwrap_or(audience.len()));
    let path = path.strip_prefix('/').unwrap_or_default();
    let (segment, endpoint) = path.split_once('/').unwrap_or_default();
    let is_endpoint = matches!(endpoint, "oauth2/v2.0/token" | "oauth2/token" | "v2.0");
    let named = request.world.tenant_path(segment);
    is_endpoint && named.is_ok_and(|named| named == *tenant) && request.context.is_own_base(base)
}

/// Decodes header and claims without verification.
fn decode(assertion: &str) -> Option<(Value, Assertion)> {
    let mut parts = assertion.split('.');
    let mut part = || URL_SAFE_NO_PAD.decode(parts.next()?).ok();
    let header = serde_json::from_slice(&part()?).ok()?;
    let claims = serde_json::from_slice(&part()?).ok()?;
    Some((header, claims))
}

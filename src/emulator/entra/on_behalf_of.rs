//! The on-behalf-of grant: a web API redeems the access token of its caller for a token of another
//! API, for the same user (RFC 7523, section 2.1, with Entra's parameters).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::params::Params;
use super::requirements;
use super::tokens::Granted;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::http::{Request, random_id};
use crate::emulator::journal::notes::Flow;
use crate::emulator::scopes::Scopes;
use crate::emulator::state::sign_ins::{Requested, SignIn};
use crate::emulator::verify::ensure;
use crate::emulator::world::application::{Application, Platform};
use crate::emulator::world::requirement::SignInRequirement;
use crate::emulator::world::tenant::TenantPath;
use crate::time::Timestamp;

/// The grant type.
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The claims of the caller's token.
#[derive(Deserialize)]
struct Assertion {
    aud: String,
    iss: String,
    nbf: i64,
    exp: i64,
    oid: String,
    tid: String,
    /// The scopes; an app's own token has none.
    scp: Option<String>,
    /// The client of an access token, by its version; an id_token has neither.
    appid: Option<String>,
    azp: Option<String>,
    #[serde(default)]
    uti: String,
    #[serde(default, rename = "emulatorProved")]
    has_mfa: bool,
}

/// Checks the assertion of `application`, whose credential has been accepted if `proof` is the claim
/// for its kind.
pub(crate) fn grant(
    request: &Request,
    tenant: &TenantPath,
    params: &Params,
    application: &Arc<Application>,
    proof: Option<&'static str>,
) -> Result<Granted, EntraError> {
    let proof = proof.ok_or(aadsts::MISSING_CREDENTIAL)?;
    let is_on_behalf = params.need("requested_token_use")? == "on_behalf_of";
    ensure(is_on_behalf, aadsts::UNSUPPORTED_TOKEN_USE)?;
    let assertion = read(request, params.need("assertion")?, application)?;
    let scopes = Scopes::parse(&request.world, params.need("scope")?)?;
    ensure(!scopes.spans_resources(), aadsts::SEVERAL_RESOURCES)?;
    let no_account = aadsts::NO_ACCOUNT_IN_TENANT;
    let user = request.world.user_in_tenant(&assertion.oid, &assertion.tid);
    let user = user.ok_or_else(|| no_account.clone())?;
    let member = match tenant {
        TenantPath::One(tenant) => user.account_in(tenant),
        // The multi-tenant names stand for the tenant of the assertion.
        TenantPath::Common | TenantPath::Organizations => user
            .accounts()
            .find(|account| account.tenant.id == assertion.tid),
    };
    let member = member.ok_or(no_account)?;
    request.notes().user(&user.username);
    // The caller's session does not matter here, its account does.
    if !matches!(user.requirement, SignInRequirement::Renewal(_)) {
        requirements::check_renewal(user, assertion.has_mfa)?;
    }
    let accepted = format!("access token of {}, unexpired", user.username);
    request.notes().authenticated(accepted);
    Ok(Granted {
        sign_in: SignIn {
            application: Arc::clone(application),
            user: Arc::clone(user),
            member: member.clone(),
            scopes,
            claims: Requested::default(),
            has_mfa: assertion.has_mfa,
            flow: Flow::of_token(&assertion.uti).unwrap_or_else(Flow::new),
        },
        requested: None,
        nonce: None,
        family: random_id(),
        platform: Platform::Web,
        proof: Some(proof),
        signed_in: request.now,
    })
}

/// Reads an assertion and checks that it is a valid token of a user for the application's own API.
fn read(request: &Request, text: &str, application: &Application) -> Result<Assertion, EntraError> {
    let mut parts = text.split('.').take(2);
    let is_jwt = parts.all(|part| {
        let part = URL_SAFE_NO_PAD.decode(part);
        part.is_ok_and(|part| serde_json::from_slice::<Value>(&part).is_ok())
    });
    let is_jwt = is_jwt && text.split('.').count() == 3;
    ensure(is_jwt, aadsts::MALFORMED_USER_ASSERTION)?;
    request.notes().received("assertion", text);
    let assertion: Option<Assertion> = request.context.signer.read(text);
    let assertion = assertion.ok_or(aadsts::UNSIGNED_USER_ASSERTION)?;
    let issuer = assertion.iss.trim_end_matches("v2.0").strip_suffix('/');
    let base = issuer.and_then(|issuer| issuer.strip_suffix(&assertion.tid)?.strip_suffix('/'));
    let is_own = base.is_some_and(|base| request.context.is_own_base(base));
    ensure(is_own, aadsts::UNSIGNED_USER_ASSERTION)?;
    request.notes().flow = Flow::of_token(&assertion.uti);
    let is_access_token = assertion.appid.is_some() || assertion.azp.is_some();
    ensure(is_access_token, aadsts::ID_TOKEN_AS_ASSERTION)?;
    let now = request.now.unix_seconds();
    let expiry = Timestamp::from_unix_seconds(assertion.exp).to_string();
    let expired = aadsts::EXPIRED_USER_ASSERTION.about(&[&request.now.to_string(), &expiry]);
    ensure((assertion.nbf..assertion.exp).contains(&now), expired)?;
    let own = application.identifiers.first();
    let own = own.unwrap_or(&application.client_id);
    let other = aadsts::OTHER_AUDIENCE.about(&[
        &assertion.aud,
        own,
        &application.client_id,
        &application.name,
    ]);
    let is_own = application.is_identified_by(&assertion.aud);
    ensure(is_own, other)?;
    let no_user = aadsts::APP_ON_BEHALF_OF.about(&[&application.client_id]);
    ensure(assertion.scp.is_some(), no_user).map(|()| assertion)
}

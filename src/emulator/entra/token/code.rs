//! The authorization code grant (RFC 6749, section 4.1.3).

use std::time::Duration;

use crate::emulator::directory::Tenant;
use crate::emulator::entra::aadsts;
use crate::emulator::entra::error::EntraError;
use crate::emulator::entra::params::Params;
use crate::emulator::entra::scope::read_scopes;
use crate::emulator::entra::tokens::Granted;
use crate::emulator::http::Request;
use crate::emulator::state::Inner;
use crate::emulator::state::codes::Code;

const CODE_LIFE: Duration = Duration::from_secs(10 * 60);

pub(crate) fn redeem(
    request: &Request,
    state: &mut Inner,
    tenant: Tenant,
    params: &Params,
) -> Result<Granted, EntraError> {
    let code = params.need("code")?;
    let redirect_uri = params.need("redirect_uri")?;
    let requested = params.get("scope").map(read_scopes).transpose()?;
    let found = state.codes.find(code).ok_or(aadsts::UNKNOWN_CODE)?;
    if let Some(family) = &found.redeemed {
        if state.strict_refresh {
            state.sessions.mark_reused(family);
        }
        return Err(aadsts::REDEEMED_CODE);
    }
    if request.now.since(found.issued) >= CODE_LIFE {
        return Err(aadsts::EXPIRED_CODE);
    }
    if found.tenant != tenant {
        return Err(aadsts::OTHER_TENANTS_CODE);
    }
    if found.redirect_uri != redirect_uri {
        return Err(aadsts::OTHER_REDIRECT.about(&[redirect_uri, &found.redirect_uri]));
    }
    check_verifier(&found, params.get("code_verifier"))?;
    if requested
        .as_ref()
        .is_some_and(|scopes| scopes.spans_resources())
    {
        return Err(aadsts::SEVERAL_RESOURCES);
    }
    Ok(Granted {
        sign_in: found.sign_in,
        requested,
        nonce: found.nonce,
        family: uuid::Uuid::new_v4().to_string(),
    })
}

fn check_verifier(code: &Code, verifier: Option<&str>) -> Result<(), EntraError> {
    match (&code.challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.matches(verifier) => Ok(()),
        (Some(_), None) => Err(aadsts::MISSING_VERIFIER),
        // A verifier without a challenge is a downgrade attack (RFC 9700, 4.8.2).
        (_, Some(_)) => Err(aadsts::WRONG_VERIFIER),
    }
}

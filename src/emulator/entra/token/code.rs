//! The authorization code grant (RFC 6749, section 4.1.3).

use std::time::Duration;

use super::super::aadsts;
use super::super::error::EntraError;
use super::super::scope::read_scopes;
use super::super::tokens::{Granted, TokenRequest};
use crate::emulator::ensure::ensure;
use crate::emulator::scopes::Scopes;
use crate::emulator::state::Inner;
use crate::emulator::state::codes::Code;

const CODE_LIFE: Duration = Duration::from_secs(10 * 60);

pub(crate) fn redeem(request: &TokenRequest<'_>, state: &mut Inner) -> Result<Granted, EntraError> {
    let code = request.params.need("code")?;
    let redirect_uri = request.params.need("redirect_uri")?;
    let requested = request.params.get("scope").map(read_scopes).transpose()?;
    let found = state.codes.find(code).ok_or(aadsts::UNKNOWN_CODE)?;
    if let Some(family) = &found.redeemed {
        if request.http.context.options.strict_refresh {
            state.sessions.mark_reused(family);
        }
        return Err(aadsts::REDEEMED_CODE);
    }
    ensure(
        request.http.now.since(found.issued) < CODE_LIFE,
        aadsts::EXPIRED_CODE,
    )?;
    ensure(found.tenant == request.tenant, aadsts::OTHER_TENANTS_CODE)?;
    if found.redirect_uri != redirect_uri {
        return Err(aadsts::OTHER_REDIRECT.about(&[redirect_uri, &found.redirect_uri]));
    }
    check_verifier(&found, request.params.get("code_verifier"))?;
    let spans_resources = requested.as_ref().is_some_and(Scopes::spans_resources);
    ensure(!spans_resources, aadsts::SEVERAL_RESOURCES)?;
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

//! The refresh token grant (RFC 6749, section 6).

use std::time::Duration;

use crate::emulator::directory::{CLIENT_ID, Tenant, User};
use crate::emulator::entra::aadsts;
use crate::emulator::entra::error::EntraError;
use crate::emulator::entra::params::Params;
use crate::emulator::entra::requirements::check_renewal;
use crate::emulator::entra::scope::read_scopes;
use crate::emulator::entra::tokens::{Granted, RefreshClaims};
use crate::emulator::http::Request;
use crate::emulator::state::Inner;
use crate::emulator::state::codes::{Requested, SignIn};
use crate::time::Timestamp;

const IDLE_LIFE: Duration = Duration::from_secs(90 * 86_400);

pub(crate) fn redeem(
    request: &Request,
    state: &mut Inner,
    tenant: Tenant,
    params: &Params,
) -> Result<Granted, EntraError> {
    let token = params.need("refresh_token")?;
    // Of several resources Entra uses the first, unlike with a code.
    let requested = params.get("scope").map(read_scopes).transpose()?;
    let claims: RefreshClaims = request
        .context
        .signer
        .unseal(token)
        .ok_or(aadsts::MALFORMED_REFRESH_TOKEN)?;
    let unusable = |text: &str| aadsts::UNUSABLE_REFRESH_TOKEN.about(&[text]);
    let user = User::with_home_oid(&claims.user)
        .ok_or_else(|| unusable("The user of the refresh token no longer exists."))?;
    if claims.client != CLIENT_ID {
        return Err(unusable("The refresh token was issued to another client."));
    }
    if request
        .now
        .since(Timestamp::from_unix_seconds(claims.issued))
        >= IDLE_LIFE
    {
        return Err(aadsts::IDLE_REFRESH_TOKEN);
    }
    let scopes = read_scopes(&claims.scopes)
        .map_err(|_| unusable("The refresh token's scopes no longer exist."))?;
    let member = user.seen_from(tenant).ok_or(aadsts::NO_ACCOUNT_IN_TENANT)?;
    if state.sessions.is_revoked(&claims.family) {
        return Err(aadsts::REVOKED.with_suberror("bad_token"));
    }
    if state.strict_refresh && !state.sessions.use_once(&claims.id) {
        state.sessions.mark_reused(&claims.family);
    }
    if state.sessions.is_reused(&claims.family) {
        return Err(unusable("The refresh token has been used before."));
    }
    check_renewal(user, claims.proved)?;
    Ok(Granted {
        sign_in: SignIn {
            user,
            member,
            scopes,
            claims: Requested::default(),
            has_mfa: claims.proved,
        },
        requested,
        nonce: None,
        family: claims.family,
    })
}

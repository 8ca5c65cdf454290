//! The refresh token grant (RFC 6749, section 6).

use std::time::Duration;

use super::super::aadsts;
use super::super::error::EntraError;
use super::super::requirements::check_renewal;
use super::super::scope::read_scopes;
use super::super::tokens::{Granted, RefreshClaims, TokenRequest};
use crate::emulator::directory::{CLIENT_ID, User};
use crate::emulator::ensure::ensure;
use crate::emulator::state::Inner;
use crate::emulator::state::codes::{Requested, SignIn};
use crate::time::Timestamp;

const IDLE_LIFE: Duration = Duration::from_secs(90 * 86_400);

pub(crate) fn redeem(request: &TokenRequest<'_>, state: &mut Inner) -> Result<Granted, EntraError> {
    let token = request.params.need("refresh_token")?;
    // Of several resources Entra uses the first, unlike with a code.
    let requested = request.params.get("scope").map(read_scopes).transpose()?;
    let claims: RefreshClaims = request
        .http
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
    let issued = Timestamp::from_unix_seconds(claims.issued);
    let is_fresh = request.http.now.since(issued) < IDLE_LIFE;
    ensure(is_fresh, aadsts::IDLE_REFRESH_TOKEN)?;
    let scopes = read_scopes(&claims.scopes)
        .map_err(|_| unusable("The refresh token's scopes no longer exist."))?;
    let member = user
        .seen_from(request.tenant)
        .ok_or(aadsts::NO_ACCOUNT_IN_TENANT)?;
    if state.sessions.is_revoked(&claims.family) {
        return Err(aadsts::REVOKED.with_suberror("bad_token"));
    }
    if request.http.context.options.strict_refresh && !state.sessions.use_once(&claims.id) {
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

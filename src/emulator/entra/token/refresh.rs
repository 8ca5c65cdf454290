//! A refresh token becomes tokens, as long as its session lives and its user may.

use std::time::Duration;

use serde_json::Value;

use super::super::super::directory::{self, Tenant, User};
use super::super::super::server::{Context, Request};
use super::super::Refusal;
use super::super::authorize::read_scopes;
use super::super::claims::Requested;
use super::super::issue::{RefreshClaims, Subject};
use super::super::params::Params;
use super::super::requirement;
use super::body::{Issue, tokens, with_openid_of};
use super::invalid_grant;

const IDLE_LIFE: Duration = Duration::from_secs(90 * 86_400);

pub(super) fn redeem(
    shared: &Context,
    request: &Request,
    tenant: Tenant,
    params: &Params,
) -> Result<Value, Refusal> {
    let token = params.need("refresh_token")?;
    let wanted = params.get("scope").map(read_scopes).transpose()?;
    let Some(claims) = shared.signer.unseal::<RefreshClaims>(token) else {
        return Err(invalid_grant(
            9_002_313,
            "Invalid request. Request is malformed or invalid.",
        ));
    };
    let unusable = |text: &str| invalid_grant(70000, text);
    let user = User::with_home_oid(&claims.user)
        .ok_or_else(|| unusable("The user of the refresh token no longer exists."))?;
    if claims.client != directory::CLIENT_ID {
        return Err(unusable("The refresh token was issued to another client."));
    }
    let issued = crate::time::Timestamp::from_unix_seconds(claims.issued);
    if request.now.since(issued) >= IDLE_LIFE {
        return Err(invalid_grant(
            700_082,
            "The refresh token has expired due to inactivity.",
        ));
    }
    let kept = read_scopes(&claims.scopes)
        .map_err(|_| unusable("The refresh token's scopes no longer exist."))?;
    let member = user.seen_from(tenant).ok_or_else(|| {
        invalid_grant(
            50020,
            "The user account does not exist in this tenant and cannot access the application.",
        )
    })?;

    let mut state = shared.state.lock();
    if state.sessions.is_revoked(&claims.family) {
        return Err(invalid_grant(
            50173,
            "The provided grant has expired due to it being revoked, a fresh auth token is \
             needed. The user might have changed or reset their password.",
        )
        .with_suberror("bad_token"));
    }
    let reused = state.strict_refresh && !state.sessions.use_once(&claims.id);
    if reused {
        state.sessions.kill(&claims.family);
    }
    if reused || state.sessions.is_dead(&claims.family) {
        return Err(unusable("The refresh token has been used before."));
    }
    if let Some(refusal) = requirement::at_renewal(user, claims.proved) {
        return Err(refusal);
    }
    // Asked for several resources, Entra serves the first, unlike with a code.
    let scopes = wanted.map_or_else(|| kept.clone(), |wanted| with_openid_of(wanted, &kept));
    tokens(
        shared,
        &mut state,
        &Issue {
            subject: Subject {
                user,
                member,
                base: &request.base,
                proved: claims.proved,
                capabilities: &Requested::read(params)?.capabilities,
                now: request.now,
            },
            scopes: &scopes,
            kept: &kept,
            nonce: None,
            family: &claims.family,
            client_info: params.get("client_info") == Some("1"),
        },
    )
}

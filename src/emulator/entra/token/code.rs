//! A code becomes tokens: the browser's, or a device's once a person has approved.

use std::time::Duration;

use serde_json::Value;

use super::super::super::directory::Tenant;
use super::super::super::server::{Context, Request};
use super::super::super::state::Grant;
use super::super::Refusal;
use super::super::authorize::read_scopes;
use super::super::claims::Requested;
use super::super::issue::Subject;
use super::super::params::Params;
use super::body::{Issue, tokens, with_openid_of};
use super::invalid_grant;

const CODE_LIFE: Duration = Duration::from_secs(10 * 60);

pub(super) fn redeem(
    shared: &Context,
    request: &Request,
    tenant: Tenant,
    params: &Params,
) -> Result<Value, Refusal> {
    let code = params.need("code")?;
    let redirect_uri = params.need("redirect_uri")?;
    let wanted = params.get("scope").map(read_scopes).transpose()?;
    // Held to the end, so that of two redemptions at once only one can win.
    let mut state = shared.state.lock();
    let Some(found) = state.codes.get(code).cloned() else {
        return Err(invalid_grant(
            70000,
            "The provided value for the 'code' parameter is not valid.",
        ));
    };
    if let Some(family) = &found.redeemed {
        if state.strict_refresh {
            state.sessions.kill(family);
        }
        return Err(invalid_grant(
            54005,
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code \
             or use an existing refresh token.",
        ));
    }
    check_code(
        &found,
        request,
        tenant,
        redirect_uri,
        params.get("code_verifier"),
    )?;
    let scopes = wanted.map_or_else(
        || found.scopes.clone(),
        |wanted| with_openid_of(wanted, &found.scopes),
    );
    if scopes.spans_resources() && params.get("scope").is_some() {
        return Err(Refusal::new(
            "invalid_scope",
            700_022,
            "The provided value for the input parameter scope is not valid because it contains \
             more than one resource.",
        ));
    }
    let family = uuid::Uuid::new_v4().to_string();
    let body = tokens(
        shared,
        &mut state,
        &Issue {
            subject: Subject {
                user: found.user,
                member: found.member,
                base: &request.base,
                proved: found.proved,
                capabilities: &found
                    .claims
                    .merged_with(Requested::read(params)?)
                    .capabilities,
                now: request.now,
            },
            scopes: &scopes,
            kept: &found.scopes,
            nonce: found.nonce.as_deref(),
            family: &family,
            client_info: params.get("client_info") == Some("1"),
        },
    )?;
    state.sessions.open(&family);
    if let Some(grant) = state.codes.get_mut(code) {
        grant.redeemed = Some(family);
    }
    Ok(body)
}

fn check_code(
    found: &Grant,
    request: &Request,
    tenant: Tenant,
    redirect_uri: &str,
    verifier: Option<&str>,
) -> Result<(), Refusal> {
    if request.now.since(found.issued) >= CODE_LIFE {
        return Err(invalid_grant(
            70008,
            "The provided authorization code or refresh token has expired due to inactivity. \
             Send a new interactive authorization request for this user and resource.",
        ));
    }
    if found.tenant != tenant {
        return Err(invalid_grant(
            700_005,
            "Provided Authorization Code is intended to use against other tenant, thus rejected.",
        ));
    }
    if found.redirect_uri != redirect_uri {
        return Err(invalid_grant(
            500_112,
            format!(
                "The reply address '{redirect_uri}' does not match the reply address '{}' \
                 provided when requesting Authorization code.",
                found.redirect_uri
            ),
        ));
    }
    match (&found.challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.holds(verifier) => Ok(()),
        (Some(_), None) => Err(invalid_grant(
            50148,
            "The code_verifier is missing, but the authorization request carried a \
             code_challenge.",
        )),
        // A verifier where no challenge was sent is a downgrade attempt (RFC 9700, 4.8.2).
        (_, Some(_)) => Err(invalid_grant(
            501_481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization \
             request.",
        )),
    }
}

pub(super) fn redeem_device(
    shared: &Context,
    request: &Request,
    tenant: Tenant,
    params: &Params,
) -> Result<Value, Refusal> {
    let device_code = params.need("device_code")?;
    let mut state = shared.state.lock();
    let approved = state.devices.poll(device_code, tenant, request.now)?;
    let family = uuid::Uuid::new_v4().to_string();
    let body = tokens(
        shared,
        &mut state,
        &Issue {
            subject: Subject {
                user: approved.user,
                member: approved.member,
                base: &request.base,
                proved: approved.proved,
                capabilities: &approved
                    .claims
                    .merged_with(Requested::read(params)?)
                    .capabilities,
                now: request.now,
            },
            // Those of the first leg: MSAL for Python names none here.
            scopes: &approved.scopes,
            kept: &approved.scopes,
            nonce: None,
            family: &family,
            client_info: params.get("client_info") == Some("1"),
        },
    )?;
    state.sessions.open(&family);
    Ok(body)
}

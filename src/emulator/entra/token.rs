//! The token endpoint (RFC 6749, section 3.2), with every known check of the real service.

use std::sync::MutexGuard;
use std::time::Duration;

use serde_json::Value;

use super::apps;
use super::params::{Params, check_client};
use super::requirements::check_renewal;
use super::tokens::{self, Granted, RefreshClaims};
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::directory::{CLIENT_ID, SERVICE_APPS, Tenant};
use crate::emulator::http::{Reply, Request, random_id};
use crate::emulator::scopes::Scopes;
use crate::emulator::state::State;
use crate::emulator::state::sign_ins::{Requested, SignIn};
use crate::emulator::users::User;
use crate::emulator::verify::ensure;
use crate::time::Timestamp;

/// RFC 8628's name, and the short one that MSAL for Node sends.
const DEVICE_GRANTS: [&str; 2] = [
    "urn:ietf:params:oauth:grant-type:device_code",
    "device_code",
];
/// The parameters that are secrets.
const SECRETS: [&str; 5] = [
    "code",
    "code_verifier",
    "refresh_token",
    "client_secret",
    "device_code",
];
const CODE_LIFE: Duration = Duration::from_secs(10 * 60);
/// The life of an unused refresh token.
const IDLE_LIFE: Duration = Duration::from_secs(90 * 86_400);

pub(crate) fn respond(request: &Request, segment: &str) -> Reply {
    let mut operation = "token";
    let outcome = Params::parse(request.form()).and_then(|params| {
        // The journal stores no text of the client.
        operation = match params.get("grant_type") {
            Some("authorization_code") => "authorization_code",
            Some("refresh_token") => "refresh_token",
            Some("client_credentials") => "client_credentials",
            Some(grant) if DEVICE_GRANTS.contains(&grant) => "device_code",
            _ => "token",
        };
        for secret in SECRETS.iter().filter_map(|name| params.get(name)) {
            request.state().keep_secret(secret);
        }
        grant(request, segment, &params)
    });
    let reply = match outcome {
        Ok(body) => Reply::json(200, &body).with("x-ms-clitelem", "1,0,0,,"),
        Err(error) => error.into_json(request),
    };
    reply.not_stored().named(operation)
}

fn grant(request: &Request, segment: &str, params: &Params) -> Result<Value, EntraError> {
    let method = request.head.method.as_str();
    ensure(request.is_post(), aadsts::POST_ONLY.about(&[method]))?;
    let tenant = Tenant::parse(segment)?;
    let grant_type = params.need("grant_type")?;
    let basic = apps::basic(request);
    let client = match (params.get("client_id"), &basic) {
        (None, Some((name, _))) => name,
        _ => params.need("client_id")?,
    };
    if let Some(app) = SERVICE_APPS.iter().find(|app| app.client_id == client) {
        return apps::grant(request, segment, tenant, params, app);
    }
    check_client(client, segment)?;
    let has_credential = params.get("client_secret").is_some()
        || params.get("client_assertion").is_some()
        || request.head.headers.contains_key("authorization");
    ensure(!has_credential, aadsts::PUBLIC_CLIENT)?;
    // The lock is kept to the end, so that only one of two concurrent redemptions succeeds.
    let mut redemption = Redemption {
        request,
        tenant,
        params,
        state: request.state(),
    };
    let granted = match grant_type {
        "authorization_code" => redemption.code()?,
        "refresh_token" => redemption.refresh_token()?,
        "client_credentials" => return Err(aadsts::MISSING_CREDENTIAL),
        other if DEVICE_GRANTS.contains(&other) => redemption.device_code()?,
        other => return Err(aadsts::UNSUPPORTED_GRANT_TYPE.about(&[other])),
    };
    let mut state = redemption.state;
    let (family, user) = (granted.family.clone(), granted.sign_in.user);
    let body = tokens::issue(request, params, &mut state, granted)?;
    if grant_type == "authorization_code"
        && let Some(code) = state.codes.get_mut(params.need("code")?)
    {
        code.redeemed = Some(family.clone());
    }
    state.sessions.open(family, user.home.oid);
    Ok(body)
}

/// A request of the app that signs users in.
struct Redemption<'a> {
    request: &'a Request,
    tenant: Tenant,
    params: &'a Params,
    state: MutexGuard<'a, State>,
}

impl Redemption<'_> {
    /// The authorization code grant (RFC 6749, section 4.1.3).
    fn code(&mut self) -> Result<Granted, EntraError> {
        let code = self.params.need("code")?;
        let redirect_uri = self.params.need("redirect_uri")?;
        let requested = self.scopes()?;
        let found = self.state.codes.get(code).cloned();
        let found = found.ok_or(aadsts::UNKNOWN_CODE)?;
        if let Some(family) = found.redeemed {
            if self.request.context.options.strict_refresh {
                self.state.sessions.reused.insert(family);
            }
            return Err(aadsts::REDEEMED_CODE);
        }
        let is_fresh = self.request.now.since(found.issued) < CODE_LIFE;
        ensure(is_fresh, aadsts::EXPIRED_CODE)?;
        ensure(found.tenant == self.tenant, aadsts::OTHER_TENANTS_CODE)?;
        let other = aadsts::OTHER_REDIRECT.about(&[redirect_uri, &found.redirect_uri]);
        ensure(found.redirect_uri == redirect_uri, other)?;
        match (&found.challenge, self.params.get("code_verifier")) {
            (None, None) => {}
            (Some(challenge), Some(verifier)) if challenge.matches(verifier) => {}
            (Some(_), None) => return Err(aadsts::MISSING_VERIFIER),
            // A verifier without a challenge is a downgrade attack (RFC 9700, 4.8.2).
            (_, Some(_)) => return Err(aadsts::WRONG_VERIFIER),
        }
        let spans_resources = requested.as_ref().is_some_and(Scopes::spans_resources);
        ensure(!spans_resources, aadsts::SEVERAL_RESOURCES)?;
        Ok(Granted {
            sign_in: found.sign_in,
            requested,
            nonce: found.nonce,
            family: random_id(),
        })
    }

    /// The device code grant (RFC 8628, section 3.4).
    fn device_code(&mut self) -> Result<Granted, EntraError> {
        let code = self.params.need("device_code")?;
        let devices = &mut self.state.devices;
        Ok(Granted {
            sign_in: devices.poll(code, self.tenant, self.request.now)?,
            // The scopes are those of the first request: MSAL for Python sends none here.
            requested: None,
            nonce: None,
            family: random_id(),
        })
    }

    /// The refresh token grant (RFC 6749, section 6).
    fn refresh_token(&mut self) -> Result<Granted, EntraError> {
        let token = self.params.need("refresh_token")?;
        // Of several resources Entra uses the first, unlike with a code.
        let requested = self.scopes()?;
        let claims: Option<RefreshClaims> = self.request.context.signer.unseal(token);
        let claims = claims.ok_or(aadsts::MALFORMED_REFRESH_TOKEN)?;
        let unusable = |text: &str| aadsts::UNUSABLE_REFRESH_TOKEN.about(&[text]);
        let user = User::with_home_oid(&claims.user)
            .ok_or_else(|| unusable("The user of the refresh token no longer exists."))?;
        let other_client = unusable("The refresh token was issued to another client.");
        ensure(claims.client == CLIENT_ID, other_client)?;
        let issued = Timestamp::from_unix_seconds(claims.issued);
        let is_fresh = self.request.now.since(issued) < IDLE_LIFE;
        ensure(is_fresh, aadsts::IDLE_REFRESH_TOKEN)?;
        let scopes = Scopes::parse(&claims.scopes)
            .map_err(|_| unusable("The refresh token's scopes no longer exist."))?;
        let member = user.seen_from(self.tenant);
        let member = member.ok_or(aadsts::NO_ACCOUNT_IN_TENANT)?;
        let sessions = &mut self.state.sessions;
        let is_revoked = sessions.is_revoked(&claims.family, &claims.user);
        ensure(!is_revoked, aadsts::REVOKED.with_suberror("bad_token"))?;
        if self.request.context.options.strict_refresh && !sessions.used_tokens.insert(claims.id) {
            sessions.reused.insert(claims.family.clone());
        }
        let is_reused = sessions.reused.contains(&claims.family);
        ensure(
            !is_reused,
            unusable("The refresh token has been used before."),
        )?;
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

    /// Returns the scopes of the request, if it has the parameter.
    fn scopes(&self) -> Result<Option<Scopes>, EntraError> {
        self.params.get("scope").map(Scopes::parse).transpose()
    }
}

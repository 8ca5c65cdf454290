//! The token endpoint (RFC 6749, section 3.2), with every known check of the real service.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use super::params::{Params, application, check_audience};
use super::requirements::{check_account, check_renewal};
use super::tokens::{self, Granted, RefreshClaims, SPA_LIFE};
use super::{apps, on_behalf_of, v1};
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::cors;
use crate::emulator::http::{Reply, Request, random_id};
use crate::emulator::journal::decoded::Kept;
use crate::emulator::journal::notes::Flow;
use crate::emulator::scopes::Scopes;
use crate::emulator::state::State;
use crate::emulator::state::sign_ins::{Requested, SignIn};
use crate::emulator::verify::{Challenge, ensure};
use crate::emulator::world::application::{Application, Platform};
use crate::emulator::world::tenant::TenantPath;
use crate::time::Timestamp;

/// RFC 8628's name, and the short one that MSAL for Node sends.
const DEVICE_GRANTS: [&str; 2] = [
    "urn:ietf:params:oauth:grant-type:device_code",
    "device_code",
];
/// The other grants.
const GRANTS: [&str; 4] = [
    "authorization_code",
    "refresh_token",
    "client_credentials",
    on_behalf_of::GRANT,
];
/// The parameters that are secrets.
const SECRETS: [&str; 6] = [
    "code",
    "code_verifier",
    "refresh_token",
    "client_secret",
    "device_code",
    "assertion",
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
            Some(on_behalf_of::GRANT) => "on_behalf_of",
            Some(grant) if DEVICE_GRANTS.contains(&grant) => "device_code",
            _ => "token",
        };
        for secret in SECRETS.iter().filter_map(|name| params.get(name)) {
            request.state().keep_secret(secret);
        }
        request.notes().grant = Some(operation);
        grant(request, segment, &v1::with_token_scope(request, params)?)
    });
    let reply = match outcome {
        Ok(body) => Reply::json(200, &body).with("x-ms-clitelem", "1,0,0,,"),
        Err(error) => {
            request.notes().is_pending = error.error == aadsts::AUTHORIZATION_PENDING.error;
            error.into_json(request)
        }
    };
    reply.not_stored().named(operation)
}

fn grant(request: &Request, segment: &str, params: &Params) -> Result<Value, EntraError> {
    let method = request.head.method.as_str();
    ensure(request.is_post(), aadsts::POST_ONLY.about(&[method]))?;
    let tenant = request.world.tenant_path(segment)?;
    let grant_type = params.need("grant_type")?;
    let basic = apps::basic(request)?;
    let client = match (params.get("client_id"), &basic) {
        (None, Some((name, _))) => name,
        _ => params.need("client_id")?,
    };
    request.notes().client(client);
    let is_same = |(name, _): &(String, String)| name.eq_ignore_ascii_case(client);
    ensure(
        basic.as_ref().is_none_or(is_same),
        aadsts::SEVERAL_CREDENTIALS,
    )?;
    let application = application(&request.world, client, &tenant, segment)?;
    let is_supported = GRANTS.contains(&grant_type) || DEVICE_GRANTS.contains(&grant_type);
    let unsupported = aadsts::UNSUPPORTED_GRANT_TYPE.about(&[grant_type]);
    ensure(is_supported, unsupported)?;
    // Browser apps have codes and refresh tokens only.
    if !matches!(grant_type, "authorization_code" | "refresh_token")
        && let Some(origin) = cors::origin(request)
    {
        return Err(aadsts::CROSS_ORIGIN.about(&[origin]));
    }
    if grant_type == "client_credentials" {
        return apps::grant(request, &tenant, params, &application);
    }
    check_audience(&application, &tenant)?;
    let proof = apps::authenticate(request, &tenant, params, &application)?;
    let is_on_behalf = grant_type == on_behalf_of::GRANT;
    // A web API without users of its own has the refresh tokens of this grant.
    let has_users = application.signs_users_in() || !application.identifiers.is_empty();
    ensure(is_on_behalf || has_users, aadsts::OTHER_CLIENTS_GRANT)?;
    // The lock is kept to the end, so that only one of two concurrent redemptions succeeds.
    let mut redemption = Redemption {
        request,
        application: &application,
        proof,
        tenant,
        params,
        state: request.state(),
    };
    let granted = match grant_type {
        "authorization_code" => redemption.code()?,
        "refresh_token" => redemption.refresh_token()?,
        on_behalf_of::GRANT => redemption.on_behalf_of()?,
        // The supported grants are these and those of device codes.
        _ => redemption.device_code()?,
    };
    let mut state = redemption.state;
    let user = Arc::clone(&granted.sign_in.user);
    let family = granted.family.clone();
    let body = tokens::issue(request, params, &mut state, granted)?;
    if grant_type == "authorization_code"
        && let Some(code) = state.codes.get_mut(params.need("code")?)
    {
        code.redeemed = Some(family.clone());
    }
    state.sessions.open(family, &user.home.oid);
    Ok(body)
}

/// A request of an application that signs users in.
struct Redemption<'a> {
    request: &'a Request,
    application: &'a Arc<Application>,
    /// The claim for the kind of the request's credential, which is right.
    proof: Option<&'static str>,
    tenant: TenantPath,
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
        self.note(&found.sign_in);
        if let Some(family) = found.redeemed {
            if self.request.context.options.strict_refresh {
                self.state.sessions.reused.insert(family);
            }
            return Err(aadsts::REDEEMED_CODE);
        }
        let client_id = &found.sign_in.application.client_id;
        let is_own = *client_id == self.application.client_id;
        ensure(is_own, aadsts::OTHER_CLIENTS_GRANT)?;
        self.check_platform(found.platform)?;
        let is_fresh = self.request.now.since(found.issued) < CODE_LIFE;
        ensure(is_fresh, aadsts::EXPIRED_CODE)?;
        ensure(found.tenant == self.tenant, aadsts::OTHER_TENANTS_CODE)?;
        let other = aadsts::OTHER_REDIRECT.about(&[redirect_uri, &found.redirect_uri]);
        let other = other.because("redirect_uri differs from the one of the authorize request");
        ensure(found.redirect_uri == redirect_uri, other)?;
        match (&found.challenge, self.params.get("code_verifier")) {
            (None, None) if found.platform == Platform::Spa => {
                return Err(aadsts::SPA_WITHOUT_CHALLENGE);
            }
            (None, None) => {}
            (Some(challenge), Some(verifier)) if challenge.matches(verifier) => {}
            (Some(_), None) => return Err(aadsts::MISSING_VERIFIER),
            // A verifier without a challenge is a downgrade attack (RFC 9700, 4.8.2).
            (_, Some(_)) => return Err(aadsts::WRONG_VERIFIER),
        }
        let pkce = found
            .challenge
            .as_ref()
            .map_or("without PKCE", Challenge::name);
        self.accept("authorization code", &found.sign_in, pkce);
        let spans_resources = requested.as_ref().is_some_and(Scopes::spans_resources);
        let text = self.params.get("scope").unwrap_or_default();
        let several = aadsts::SEVERAL_RESOURCES_OF_CODE.about(&[text]);
        ensure(!spans_resources, several)?;
        self.check_account(&found.sign_in)?;
        Ok(Granted {
            sign_in: found.sign_in,
            requested,
            nonce: found.nonce,
            family: random_id(),
            platform: found.platform,
            proof: self.proof,
            signed_in: found.issued,
        })
    }

    /// The on-behalf-of grant.
    fn on_behalf_of(&mut self) -> Result<Granted, EntraError> {
        on_behalf_of::grant(
            self.request,
            &self.tenant,
            self.params,
            self.application,
            self.proof,
        )
    }

    /// The device code grant (RFC 8628, section 3.4).
    fn device_code(&mut self) -> Result<Granted, EntraError> {
        let code = self.params.need("device_code")?;
        if !self.application.allows_public_flows {
            ensure(self.proof.is_some(), aadsts::MISSING_CREDENTIAL)?;
        }
        let devices = &mut self.state.devices;
        let client_id = &self.application.client_id;
        self.request.notes().flow = devices.flow(code);
        let sign_in = devices.poll(code, client_id, &self.tenant, self.request.now)?;
        self.note(&sign_in);
        self.check_account(&sign_in)?;
        self.accept("device code", &sign_in, "approved on the page");
        Ok(Granted {
            sign_in,
            // The scopes are those of the first request: MSAL for Python sends none here.
            requested: None,
            nonce: None,
            family: random_id(),
            platform: Platform::Native,
            proof: self.proof,
            signed_in: self.request.now,
        })
    }

    /// The refresh token grant (RFC 6749, section 6).
    fn refresh_token(&mut self) -> Result<Granted, EntraError> {
        let token = self.params.need("refresh_token")?;
        // Of several resources Entra uses the first, unlike with a code.
        let requested = self.scopes()?;
        let claims: Option<RefreshClaims> = self.request.context.signer.unseal(token);
        let claims = claims.ok_or(aadsts::MALFORMED_REFRESH_TOKEN)?;
        {
            let mut notes = self.request.notes();
            notes.flow = Flow::parse(&claims.flow);
            notes
                .received
                .push(Kept::refresh(&claims.user, &claims.family));
        }
        let unusable =
            |text: &'static str| aadsts::UNUSABLE_REFRESH_TOKEN.about(&[text]).because(text);
        let user = self.request.world.user_with_home_oid(&claims.user);
        let user =
            user.ok_or_else(|| unusable("The user of the refresh token no longer exists."))?;
        let other_client = unusable("The refresh token was issued to another client.");
        ensure(claims.client == self.application.client_id, other_client)?;
        self.check_platform(claims.platform)?;
        let issued = Timestamp::from_unix_seconds(claims.issued);
        let signed_in = claims.signed_in.map(Timestamp::from_unix_seconds);
        let signed_in = signed_in.unwrap_or(issued);
        if claims.platform == Platform::Spa {
            let is_current = self.request.now.since(signed_in) < SPA_LIFE;
            let expired = aadsts::EXPIRED_SPA_TOKEN.about(&[&issued.to_string()]);
            ensure(is_current, expired)?;
        }
        let is_fresh = self.request.now.since(issued) < IDLE_LIFE;
        ensure(is_fresh, aadsts::IDLE_REFRESH_TOKEN)?;
        let scopes = Scopes::parse(&self.request.world, &claims.scopes)
            .map_err(|_| unusable("The refresh token's scopes no longer exist."))?;
        let member = user.seen_from(&self.tenant);
        let member = member.ok_or(aadsts::NO_ACCOUNT_IN_TENANT)?;
        let sessions = &mut self.state.sessions;
        let is_revoked = sessions.is_revoked(&claims.family, &claims.user);
        ensure(!is_revoked, aadsts::REVOKED.with_suberror("bad_token"))?;
        if self.request.context.options.strict_refresh
            && !sessions.used_tokens.insert(claims.id.clone())
        {
            sessions.reused.insert(claims.family.clone());
        }
        let is_retired = sessions.retired.contains(&claims.id);
        let is_reused = is_retired || sessions.reused.contains(&claims.family);
        ensure(
            !is_reused,
            unusable("The refresh token has been used before."),
        )?;
        let sign_in = SignIn {
            application: Arc::clone(self.application),
            user: Arc::clone(user),
            member: member.clone(),
            scopes,
            claims: Requested::default(),
            has_mfa: claims.proved,
            // A refresh token of an earlier version has none.
            flow: Flow::parse(&claims.flow).unwrap_or_else(Flow::new),
        };
        self.note(&sign_in);
        check_renewal(user, claims.proved)?;
        // An emulator that was restarted knows of no consent before.
        let consents = &mut self.state.consents;
        consents.restore(user, self.application, claims.consents);
        self.accept("refresh token", &sign_in, "unexpired");
        Ok(Granted {
            sign_in,
            requested,
            nonce: None,
            family: claims.family,
            platform: claims.platform,
            proof: self.proof,
            signed_in,
        })
    }

    /// Checks that the account may still be used since the sign-in.
    fn check_account(&self, sign_in: &SignIn) -> Result<(), EntraError> {
        let user = self
            .request
            .world
            .user_with_home_oid(&sign_in.user.home.oid);
        user.map_or(Ok(()), |user| check_account(user))
    }

    fn note(&self, sign_in: &SignIn) {
        let mut notes = self.request.notes();
        notes.flow = Some(sign_in.flow);
        notes.user(&sign_in.user.username);
    }

    /// Notes the accepted proof.
    fn accept(&self, proof: &str, sign_in: &SignIn, how: &str) {
        let text = format!("{proof} of {}, {how}", sign_in.user.username);
        self.request.notes().authenticated(text);
    }

    /// Returns the scopes of the request, if it has the parameter.
    fn scopes(&self) -> Result<Option<Scopes>, EntraError> {
        let scope = self.params.get("scope");
        let scopes = scope.map(|scope| Scopes::parse(&self.request.world, scope));
        scopes.transpose()
    }

    /// Checks that the request has an origin and a credential as the platform of its redirect URI
    /// requires.
    fn check_platform(&self, platform: Platform) -> Result<(), EntraError> {
        match (platform, cors::origin(self.request)) {
            (Platform::Spa, None) => return Err(aadsts::SAME_ORIGIN),
            (Platform::Spa, Some(origin)) if self.application.has_spa_origin(origin) => {}
            (_, Some(origin)) => return Err(aadsts::CROSS_ORIGIN.about(&[origin])),
            (Platform::Native | Platform::Web, None) => {}
        }
        match platform {
            Platform::Native | Platform::Spa => ensure(self.proof.is_none(), aadsts::PUBLIC_CLIENT),
            Platform::Web => ensure(self.proof.is_some(), aadsts::MISSING_CREDENTIAL),
        }
    }
}

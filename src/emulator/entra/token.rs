//! The token endpoint: a code or a refresh token in, tokens out.
//!
//! In comes a form, out comes the JSON of RFC 6749, section 5, in Entra's dialect. Every rule that
//! the real service is known to keep is kept, for a client that passes here must pass there.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::door::{Asked, Reply, Shared};
use super::super::scopes::Scopes;
use super::super::state::Grant;
use super::super::world::{self, SERVICE_APPS, Tenant, User};
use super::authorize::{read_scopes, unknown_client};
use super::issue::{self, RefreshClaims, Subject};
use super::params::Params;
use super::{Refusal, proof, service, tenant_named};

const CODE_LIFE: Duration = Duration::from_secs(10 * 60);
/// RFC 8628's name, and the short one that MSAL for Node sends.
const DEVICE_GRANTS: [&str; 2] = [
    "urn:ietf:params:oauth:grant-type:device_code",
    "device_code",
];
const REFRESH_IDLE_LIFE: Duration = Duration::from_secs(90 * 86_400);

pub(super) fn answer(shared: &Shared, asked: &Asked, segment: &str) -> Reply {
    let form: &[u8] = match asked.is_of_type("application/x-www-form-urlencoded") {
        true => &asked.body,
        false => &[],
    };
    let params = Params::parse(form);
    let grant_type = params
        .as_ref()
        .ok()
        .and_then(|params| params.get("grant_type"));
    // The journal takes no text from strangers.
    let operation = match grant_type {
        Some("authorization_code") => "authorization_code",
        Some("refresh_token") => "refresh_token",
        Some("client_credentials") => "client_credentials",
        Some(grant) if DEVICE_GRANTS.contains(&grant) => "device_code",
        _ => "token",
    };
    if let Ok(params) = &params {
        let mut state = shared.state.lock();
        for name in [
            "code",
            "code_verifier",
            "refresh_token",
            "client_secret",
            "device_code",
        ] {
            if let Some(secret) = params.get(name) {
                state.keep_secret(secret);
            }
        }
    }
    let outcome = params.and_then(|params| grant(shared, asked, segment, &params));
    let reply = match outcome {
        Ok(body) => Reply::json(operation, StatusCode::OK, &body).with("x-ms-clitelem", "1,0,0,,"),
        Err(refusal) => refusal.into_json(asked, operation),
    };
    reply
        .with("cache-control", "no-store, no-cache")
        .with("pragma", "no-cache")
}

fn grant(shared: &Shared, asked: &Asked, segment: &str, params: &Params) -> Result<Value, Refusal> {
    if asked.method != Method::POST {
        return Err(Refusal::new(
            "invalid_request",
            900_561,
            format!(
                "The endpoint only accepts POST requests. Received a {} request.",
                asked.method
            ),
        ));
    }
    let tenant = tenant_named(segment)?;
    let grant_type = params.need("grant_type")?;
    let basic = proof::basic(asked);
    let client = match (params.get("client_id"), &basic) {
        (None, Some((name, _))) => name,
        _ => params.need("client_id")?,
    };
    if let Some(app) = SERVICE_APPS.iter().find(|app| app.client_id == client) {
        return service::grant(shared, asked, segment, tenant, params, app);
    }
    if client != world::CLIENT_ID {
        return Err(unknown_client(client, segment));
    }
    let proves_itself = ["client_secret", "client_assertion"]
        .iter()
        .any(|name| params.get(name).is_some());
    if proves_itself || asked.headers.contains_key("authorization") {
        return Err(Refusal::new(
            "invalid_client",
            700_025,
            "Client is public so neither 'client_assertion' nor 'client_secret' should be \
             presented.",
        )
        .with_status(StatusCode::UNAUTHORIZED));
    }
    match grant_type {
        "authorization_code" => redeem_code(shared, asked, tenant, params),
        "refresh_token" => redeem_refresh_token(shared, asked, tenant, params),
        "client_credentials" => Err(proof::proof_missing()),
        grant if DEVICE_GRANTS.contains(&grant) => {
            redeem_device_code(shared, asked, tenant, params)
        }
        other => Err(Refusal::new(
            "unsupported_grant_type",
            70003,
            format!("The app requested an unsupported grant type '{other}'."),
        )),
    }
}

fn redeem_code(
    shared: &Shared,
    asked: &Asked,
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
        asked,
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
                base: &asked.base,
                now: asked.now,
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
    asked: &Asked,
    tenant: Tenant,
    redirect_uri: &str,
    verifier: Option<&str>,
) -> Result<(), Refusal> {
    if asked.now.since(found.issued) >= CODE_LIFE {
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

fn redeem_device_code(
    shared: &Shared,
    asked: &Asked,
    tenant: Tenant,
    params: &Params,
) -> Result<Value, Refusal> {
    let device_code = params.need("device_code")?;
    let mut state = shared.state.lock();
    let approved = state.devices.poll(device_code, tenant, asked.now)?;
    let family = uuid::Uuid::new_v4().to_string();
    let body = tokens(
        shared,
        &mut state,
        &Issue {
            subject: Subject {
                user: approved.user,
                member: approved.member,
                base: &asked.base,
                now: asked.now,
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

fn redeem_refresh_token(
    shared: &Shared,
    asked: &Asked,
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
    if claims.client != world::CLIENT_ID {
        return Err(unusable("The refresh token was issued to another client."));
    }
    let issued = crate::time::Timestamp::from_unix_seconds(claims.issued);
    if asked.now.since(issued) >= REFRESH_IDLE_LIFE {
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
    // Asked for several resources, Entra serves the first, unlike with a code.
    let scopes = wanted.map_or_else(|| kept.clone(), |wanted| with_openid_of(wanted, &kept));
    tokens(
        shared,
        &mut state,
        &Issue {
            subject: Subject {
                user,
                member,
                base: &asked.base,
                now: asked.now,
            },
            scopes: &scopes,
            kept: &kept,
            nonce: None,
            family: &claims.family,
            client_info: params.get("client_info") == Some("1"),
        },
    )
}

/// What a later request names of OpenID Connect adds to what the sign-in had.
fn with_openid_of(mut wanted: Scopes, granted: &Scopes) -> Scopes {
    wanted.openid |= granted.openid;
    wanted.profile |= granted.profile;
    wanted.email |= granted.email;
    wanted.offline_access |= granted.offline_access;
    wanted
}

/// What one answer is made of.
struct Issue<'a> {
    subject: Subject<'a>,
    /// For this answer's access token.
    scopes: &'a Scopes,
    /// What the refresh token stands for.
    kept: &'a Scopes,
    nonce: Option<&'a str>,
    family: &'a str,
    client_info: bool,
}

fn tokens(
    shared: &Shared,
    state: &mut super::super::state::Inner,
    issue: &Issue<'_>,
) -> Result<Value, Refusal> {
    let (subject, scopes) = (&issue.subject, issue.scopes);
    // Without a resource scope Entra gives a Graph token.
    let resource = match scopes.first_resource().or(issue.kept.first_resource()) {
        Some(resource) => resource,
        None => super::super::scopes::graph(),
    };
    let mut granted = scopes.granted_on(resource);
    if granted.is_empty() {
        granted = issue.kept.granted_on(resource);
    }
    granted.retain(|name| !state.withheld.contains(*name));
    if granted.is_empty() && scopes.first_resource().is_some() {
        return Err(invalid_grant(
            65001,
            "The user or administrator has not consented to use the application.",
        )
        .with_suberror("consent_required"));
    }
    let life = state.token_life;
    let access = subject.access_token(&shared.signer, resource, &granted, life);
    state.keep_secret(&access);
    let mut body = json!({
        "token_type": "Bearer",
        "scope": scopes.echo(resource, &granted),
        "expires_in": life.as_secs(),
        "ext_expires_in": life.as_secs(),
        "access_token": access,
    });
    if scopes.offline_access {
        let refresh = shared.signer.seal(&RefreshClaims {
            id: uuid::Uuid::new_v4().to_string(),
            family: issue.family.to_owned(),
            user: subject.user.home().oid.to_owned(),
            client: world::CLIENT_ID.to_owned(),
            scopes: with_openid_of(issue.kept.clone(), scopes).to_text(),
            issued: subject.now.unix_seconds(),
            emulator: true,
        });
        state.keep_secret(&refresh);
        body["refresh_token"] = refresh.into();
    }
    if scopes.openid {
        let id_token = subject.id_token(
            &shared.signer,
            issue.nonce,
            scopes.email,
            &state.id_token_claims,
        );
        state.keep_secret(&id_token);
        body["id_token"] = id_token.into();
    }
    if issue.client_info {
        body["client_info"] = issue::client_info(subject.user).into();
    }
    Ok(body)
}

fn invalid_grant(number: u32, text: impl Into<String>) -> Refusal {
    Refusal::new("invalid_grant", number, text)
}

//! What an answer of the token endpoint is made of, once it is clear that it may be had.

use serde_json::{Value, json};

use super::super::super::directory;
use super::super::super::scopes::{self, Scopes};
use super::super::super::server::Context;
use super::super::super::state::Inner;
use super::super::Refusal;
use super::super::issue::{self, RefreshClaims, Subject};
use super::invalid_grant;

/// What a later request names of OpenID Connect adds to what the sign-in had.
pub(super) fn with_openid_of(mut wanted: Scopes, granted: &Scopes) -> Scopes {
    wanted.openid |= granted.openid;
    wanted.profile |= granted.profile;
    wanted.email |= granted.email;
    wanted.offline_access |= granted.offline_access;
    wanted
}

/// What one answer is made of.
pub(super) struct Issue<'a> {
    pub(super) subject: Subject<'a>,
    /// For this answer's access token.
    pub(super) scopes: &'a Scopes,
    /// What the refresh token stands for.
    pub(super) kept: &'a Scopes,
    pub(super) nonce: Option<&'a str>,
    pub(super) family: &'a str,
    pub(super) client_info: bool,
}

pub(super) fn tokens(
    shared: &Context,
    state: &mut Inner,
    issue: &Issue<'_>,
) -> Result<Value, Refusal> {
    let (subject, scopes) = (&issue.subject, issue.scopes);
    // Without a resource scope Entra gives a Graph token.
    let resource = match scopes.first_resource().or(issue.kept.first_resource()) {
        Some(resource) => resource,
        None => scopes::graph(),
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
            client: directory::CLIENT_ID.to_owned(),
            scopes: with_openid_of(issue.kept.clone(), scopes).to_text(),
            issued: subject.now.unix_seconds(),
            proved: subject.proved,
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

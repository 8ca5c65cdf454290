//! Forged tokens: valid ones with any claims, and ones with a chosen fault. Each one is marked.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::emulator::acs;
use crate::emulator::context::Context;
use crate::emulator::entra::tokens::{Issuer, PUBLIC, access_claims, id_claims};
use crate::emulator::journal::notes::Flow;
use crate::emulator::scopes::Scopes;
use crate::emulator::state::sign_ins::{Requested, SignIn};
use crate::emulator::world::{OTHER_RESOURCE_ID, World};

/// The scopes of an Entra access token without a choice.
const TEAMS_SCOPES: &str = "https://auth.msft.communication.azure.com/Teams.ManageCalls \
                            https://auth.msft.communication.azure.com/Teams.ManageChats";
const WRONG_AUDIENCE: &str = "https://other-api.example";
const LIFE: Duration = Duration::from_secs(3600);
/// The time since the expiry of an expired token.
const EXPIRED_SINCE: Duration = Duration::from_secs(60);

/// A token to be forged. The default is a valid one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgedToken {
    /// The kind of token.
    pub kind: TokenKind,
    /// The username of the Entra token's user; the first user without one.
    pub user: Option<String>,
    /// The id of the Communication token's identity; a new identity without one.
    pub identity: Option<String>,
    /// The scopes; those of the Teams exchange, or `chat` and `voip`, without a list.
    pub scopes: Option<Vec<String>>,
    /// Claims that replace those of the token; null removes one.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// The token expired one minute ago.
    #[serde(default)]
    pub expired: bool,
    /// The audience is that of another API, or the resource is another one.
    #[serde(default)]
    pub wrong_audience: bool,
    /// The signature.
    #[serde(default)]
    pub signature: SignatureFault,
}

/// The kind of a forged token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenKind {
    /// An Entra access token.
    #[default]
    EntraAccessToken,
    /// An id_token of Entra.
    IdToken,
    /// A Communication access token.
    CommunicationToken,
}

/// The signature of a forged token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignatureFault {
    /// The signature is right.
    #[default]
    None,
    /// One bit of the signature is wrong.
    Bad,
    /// A key that is not published signed the token.
    OtherKey,
}

/// The reason why a token cannot be forged.
#[derive(Debug)]
pub(crate) enum NotForged {
    UnknownUser(String),
    UnknownIdentity,
    /// A scope is not known.
    Scope,
}

impl Context {
    /// Forges a token of the issuer with this base URL.
    pub(crate) fn forge(&self, base: &str, wanted: ForgedToken) -> Result<String, NotForged> {
        let world = self.world();
        let now = match wanted.expired {
            true => self.now().minus(LIFE + EXPIRED_SINCE),
            false => self.now(),
        };
        let issuer = Issuer {
            base,
            v1_base: self.v1_base(base),
            now,
            is_v1: false,
        };
        let mut claims = match wanted.kind {
            TokenKind::CommunicationToken => self.communication_claims(&world, &wanted, issuer)?,
            TokenKind::EntraAccessToken => {
                let sign_in = sign_in(&world, &wanted)?;
                let api = sign_in.scopes.first_resource().unwrap_or(world.graph());
                let names = sign_in.scopes.granted_on(api);
                access_claims(issuer, &sign_in, api, PUBLIC, LIFE, &names)
            }
            TokenKind::IdToken => id_claims(issuer, &sign_in(&world, &wanted)?, LIFE, None, true),
        };
        if wanted.wrong_audience {
            let (name, value) = match wanted.kind {
                TokenKind::CommunicationToken => ("resourceId", OTHER_RESOURCE_ID),
                _ => ("aud", WRONG_AUDIENCE),
            };
            claims.insert(name.to_owned(), json!(value));
        }
        for (name, value) in wanted.claims {
            match value {
                Value::Null => claims.remove(&name),
                value => claims.insert(name, value),
            };
        }
        for mark in ["emulator", "emulatorForged"] {
            claims.insert(mark.to_owned(), json!(true));
        }
        let token = self.signed(wanted.kind, wanted.signature, &claims);
        self.state().keep_secret(&token);
        Ok(token)
    }

    fn signed(
        &self,
        kind: TokenKind,
        fault: SignatureFault,
        claims: &Map<String, Value>,
    ) -> String {
        let (own, other) = (&self.signer, &self.certificate.signer);
        let is_other = fault == SignatureFault::OtherKey;
        let is_communication = kind == TokenKind::CommunicationToken;
        let is_v2 = claims.get("ver").is_some_and(|version| version == "2.0");
        let is_v2 = is_v2 || kind == TokenKind::IdToken;
        let token = match is_other {
            false if is_communication => own.communication_token(claims),
            true if is_communication => other.communication_token(claims),
            false if is_v2 => own.v2_token(claims),
            true if is_v2 => other.v2_token(claims),
            false => own.v1_token(claims),
            true => other.v1_token(claims),
        };
        match fault {
            SignatureFault::Bad => with_bad_signature(&token),
            _ => token,
        }
    }

    fn communication_claims(
        &self,
        world: &World,
        wanted: &ForgedToken,
        Issuer { now, .. }: Issuer<'_>,
    ) -> Result<Map<String, Value>, NotForged> {
        let mut state = self.state();
        let (index, name) = match &wanted.identity {
            None => (0, state.resources[0].identities.create(None).0),
            Some(id) => {
                let parts = id.strip_prefix("8:acs:").and_then(|id| id.split_once('_'));
                let (resource, name) = parts.ok_or(NotForged::UnknownIdentity)?;
                let mut resources = world.resources.iter();
                let index = resources.position(|own| own.id == resource);
                (index.ok_or(NotForged::UnknownIdentity)?, name.to_owned())
            }
        };
        let identities = &mut state.resources[index].identities;
        if identities.find(&name).is_none() {
            return Err(NotForged::UnknownIdentity);
        }
        let serial = identities.issue(&name, now);
        let resource_id = &world.resources[index].id;
        let skype_id = format!("acs:{resource_id}_{name}");
        let default = || vec!["chat".to_owned(), "voip".to_owned()];
        let scopes = wanted.scopes.clone().unwrap_or_else(default);
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let claims =
            acs::token::Claims::new(resource_id, &skype_id, &scopes, now, now.plus(LIFE), serial);
        match json!(claims) {
            Value::Object(claims) => Ok(claims),
            _ => Ok(Map::new()),
        }
    }
}

/// Returns a sign-in of the user in the home tenant, with the first application.
fn sign_in(world: &World, wanted: &ForgedToken) -> Result<SignIn, NotForged> {
    let user = match &wanted.user {
        None => &world.users[0],
        Some(name) => world
            .user_named(name)
            .ok_or_else(|| NotForged::UnknownUser(name.clone()))?,
    };
    let scopes = wanted.scopes.as_ref().map(|scopes| scopes.join(" "));
    let scopes = Scopes::parse(world, scopes.as_deref().unwrap_or(TEAMS_SCOPES));
    Ok(SignIn {
        application: Arc::clone(&world.applications[0]),
        user: Arc::clone(user),
        member: user.home.clone(),
        scopes: scopes.map_err(|_| NotForged::Scope)?,
        claims: Requested::default(),
        has_mfa: false,
        flow: Flow::new(),
    })
}

/// Changes one bit of the signature.
fn with_bad_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    if let Some(first) = signature.first_mut() {
        *first ^= 1;
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

//! Who asks the resource: its owner by signature, an Entra principal by role, or a user by token.
//!
//! In comes a request with its `Authorization`, out comes that it may go on, or a refusal. All
//! faults of a proof look alike from outside; only the journal learns which it was.

use serde::Deserialize;

use super::super::directory;
use super::super::scopes::TEAMS_API;
use super::super::server::{Context, Request};
use super::super::verify::SignedRequest;
use super::Refusal;
use crate::time::Timestamp;

/// The audiences of tokens by which Entra principals act on the resource: the API's URI, which ends
/// with a slash, the same without it, and the API's application id.
const AUDIENCES: [&str; 3] = [
    "https://communication.azure.com/",
    "https://communication.azure.com",
    TEAMS_API,
];

/// The claims of an Entra access token that the resource looks at.
#[derive(Debug, Deserialize)]
pub(super) struct EntraClaims {
    pub(super) aud: String,
    iss: String,
    nbf: i64,
    /// What the client can do.
    #[serde(default)]
    xms_cc: Vec<String>,
    pub(super) exp: i64,
    /// What the user allowed; an app's own token has none.
    #[serde(default)]
    scp: String,
    pub(super) appid: String,
    pub(super) oid: String,
    pub(super) tid: String,
}

impl EntraClaims {
    /// Reads a token that this emulator's Entra issued and that lives, or says why not.
    pub(super) fn read(
        shared: &Context,
        token: &str,
        now: Timestamp,
    ) -> Result<EntraClaims, &'static str> {
        let claims: EntraClaims = shared
            .signer
            .read(token)
            .ok_or("the token is not one of this emulator's Entra")?;
        let issuer = claims
            .iss
            .strip_suffix('/')
            .and_then(|issuer| issuer.strip_suffix(&claims.tid)?.strip_suffix('/'));
        if !issuer.is_some_and(|base| shared.is_own_base(base)) {
            return Err("the token's issuer is not its tenant's");
        }
        let now = now.unix_seconds();
        match now >= claims.nbf && now < claims.exp {
            true => Ok(claims),
            false => Err("the token is expired or not yet valid"),
        }
    }

    /// Whether the resource has taken the token back since, of a client that can be told so.
    pub(super) fn check_not_taken_back(&self, shared: &Context) -> Result<(), Refusal> {
        let revoked = shared.state.lock().access_revoked;
        let is_able = self
            .xms_cc
            .iter()
            .any(|word| word.eq_ignore_ascii_case("cp1"));
        match revoked {
            Some(revoked) if is_able && self.nbf < revoked.unix_seconds() => {
                Err(Refusal::challenge(revoked))
            }
            _ => Ok(()),
        }
    }

    /// What these scopes of Entra stand for, in the table's order.
    pub(super) fn granted<'a>(&self, scopes: &[(&str, &'a str)]) -> Vec<&'a str> {
        scopes
            .iter()
            .filter(|(entra, _)| self.scp.split(' ').any(|scope| scope == *entra))
            .map(|(_, acs)| *acs)
            .collect()
    }
}

/// Lets only those pass who may manage the resource: whoever holds the access key, and Entra
/// principals with a role on it.
pub(super) fn may_manage(shared: &Context, request: &Request) -> Result<(), Refusal> {
    if let Some(token) = bearer(shared, request) {
        let claims = EntraClaims::read(shared, token, request.now).map_err(Refusal::denied)?;
        if !AUDIENCES.contains(&claims.aud.as_str()) {
            return Err(Refusal::denied("the token is for another audience"));
        }
        return match directory::has_role(&claims.oid, &claims.tid) {
            true => Ok(()),
            false => Err(Refusal::forbidden(
                "The principal has no role on the resource.",
            )),
        };
    }
    if let Some((_, secret)) = request.header("authorization").and_then(|value| {
        value
            .split_once("Signature=")
            .or_else(|| value.split_once(' '))
    }) {
        shared.state.lock().keep_secret(secret);
    }
    let signed = SignedRequest {
        method: request.method.as_str(),
        target: &request.target,
        header: &|name| request.header(name),
        body: &request.body,
    };
    signed
        .check(directory::ACCESS_KEY_BYTES, request.now)
        .map_err(Refusal::denied)
}

/// The bearer token, if one is sent (RFC 6750, section 2.1).
pub(super) fn bearer<'a>(shared: &Context, request: &'a Request) -> Option<&'a str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    shared.state.lock().keep_secret(token);
    Some(token)
}

//! Authentication of callers: an access key's signature, or an Entra token.
//!
//! All failures have the same response; the journal has the reason.

use serde::Deserialize;

use super::error::AcsError;
use crate::emulator::directory;
use crate::emulator::ensure::ensure;
use crate::emulator::http::Request;
use crate::emulator::scopes::RESOURCE_AUDIENCES;
use crate::emulator::verify::SignedRequest;

/// The claims of an Entra access token that the resource reads.
#[derive(Debug, Deserialize)]
pub(crate) struct EntraClaims {
    aud: String,
    iss: String,
    nbf: i64,
    /// The client's capabilities.
    #[serde(default)]
    xms_cc: Vec<String>,
    pub(crate) exp: i64,
    /// The user's scopes; an app's token has none.
    #[serde(default)]
    scp: String,
    pub(crate) appid: String,
    pub(crate) oid: String,
    pub(crate) tid: String,
}

impl EntraClaims {
    /// Reads a valid token of this emulator's Entra.
    ///
    /// # Errors
    /// Returns the reason for the journal.
    pub(crate) fn read(request: &Request, token: &str) -> Result<EntraClaims, &'static str> {
        let claims: Option<EntraClaims> = request.context.signer.read(token);
        let claims = claims.ok_or("the token is not one of this emulator's Entra")?;
        let issuer = claims.iss.strip_suffix('/');
        let base = issuer.and_then(|issuer| issuer.strip_suffix(&claims.tid)?.strip_suffix('/'));
        if !base.is_some_and(|base| request.context.is_own_base(base)) {
            return Err("the token's issuer is not its tenant's");
        }
        let now = request.now.unix_seconds();
        match now >= claims.nbf && now < claims.exp {
            true => Ok(claims),
            false => Err("the token is expired or not yet valid"),
        }
    }

    /// Checks that the token is for one of these audiences.
    pub(crate) fn check_audience(&self, audiences: &[&str]) -> Result<(), &'static str> {
        ensure(
            audiences.contains(&self.aud.as_str()),
            "the token is for another audience",
        )
    }

    /// Checks that the resource has not revoked the token since. Only the tokens of clients with
    /// Continuous Access Evaluation are revoked.
    pub(crate) fn check_not_revoked(&self, request: &Request) -> Result<(), AcsError> {
        let mut capabilities = self.xms_cc.iter();
        let is_capable = capabilities.any(|word| word.eq_ignore_ascii_case("cp1"));
        match request.state().access_revoked {
            Some(revoked) if is_capable && self.nbf < revoked.unix_seconds() => {
                Err(AcsError::challenge(revoked))
            }
            _ => Ok(()),
        }
    }

    /// Returns the ACS scopes of the token's scopes, in the table's order.
    pub(crate) fn granted<'a>(&self, scopes: &[(&str, &'a str)]) -> Vec<&'a str> {
        let has = |entra: &str| self.scp.split(' ').any(|scope| scope == entra);
        let granted = scopes.iter().filter(|(entra, _)| has(entra));
        granted.map(|(_, acs)| *acs).collect()
    }
}

/// Checks that the caller may manage the resource: it has the access key, or is an Entra principal
/// with a role.
pub(crate) fn check_may_manage(request: &Request) -> Result<(), AcsError> {
    if let Some(token) = bearer(request) {
        let claims = EntraClaims::read(request, token).map_err(AcsError::denied)?;
        let checked = claims.check_audience(&RESOURCE_AUDIENCES);
        checked.map_err(AcsError::denied)?;
        return match directory::has_role(&claims.oid, &claims.tid) {
            true => Ok(()),
            false => Err(AcsError::forbidden(
                "The principal has no role on the resource.",
            )),
        };
    }
    let secret = request.header("authorization").and_then(|value| {
        let parts = value.split_once("Signature=");
        parts.or_else(|| value.split_once(' '))
    });
    if let Some((_, secret)) = secret {
        request.state().keep_secret(secret);
    }
    let signed = SignedRequest {
        method: request.method.as_str(),
        target: &request.target,
        header: &|name| request.header(name),
        body: &request.body,
    };
    let checked = signed.check(directory::ACCESS_KEY_BYTES, request.now);
    checked.map_err(AcsError::denied)
}

/// Returns the bearer token (RFC 6750, section 2.1), if there is one.
pub(crate) fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    request.state().keep_secret(token);
    Some(token)
}

//! The parts of a request to the resource: its JSON body, and its caller, which an access key's signature or an Entra token authenticates.
//!
//! All failures of the authentication have the same response; the journal has the reason.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::AcsError;
use crate::emulator::http::Request;
use crate::emulator::journal::notes::Flow;
use crate::emulator::verify::mistakes::{Diagnosis, NamedKey};
use crate::emulator::verify::{SignedRequest, ensure};
use crate::emulator::world::api::RESOURCE_AUDIENCES;

/// Reads a JSON body of this media type. `problem` is the message about another body.
pub(crate) fn json_or<T: DeserializeOwned>(
    request: &Request,
    media_type: &str,
    problem: &'static str,
) -> Result<T, AcsError> {
    let is_right = request.is_of_type(media_type);
    ensure(is_right, AcsError::media_type(media_type))?;
    serde_json::from_slice(&request.body).map_err(|_| AcsError::model(problem))
}

/// Reads a JSON body. An empty body or `null` is the default.
pub(crate) fn json_or_default<T>(request: &Request) -> Result<T, AcsError>
where
    T: DeserializeOwned + Default,
{
    if request.body.is_empty() {
        return Ok(T::default());
    }
    let body: Option<T> = json_or(request, "application/json", AcsError::INVALID_BODY)?;
    Ok(body.unwrap_or_default())
}

/// A reason for the journal.
pub(crate) type Reason = Cow<'static, str>;

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
    /// The user's name; an app's token has none.
    #[serde(default)]
    upn: String,
    #[serde(default)]
    uti: String,
}

impl EntraClaims {
    /// Reads a valid token of this emulator's Entra.
    ///
    /// # Errors
    /// Returns the reason for the journal.
    pub(crate) fn read(request: &Request, token: &str) -> Result<EntraClaims, Reason> {
        request.notes().received("access_token", token);
        let claims: Option<EntraClaims> = request.context.signer.read(token);
        let claims = claims.ok_or("the token was not issued by this emulator")?;
        claims.note(request);
        let issuer = claims.iss.strip_suffix('/');
        let base = issuer.and_then(|issuer| issuer.strip_suffix(&claims.tid)?.strip_suffix('/'));
        let is_own = base.is_some_and(|base| request.context.is_own_base(base));
        ensure(is_own, "the token's issuer does not match its tenant")?;
        let now = request.now.unix_seconds();
        if now >= claims.exp {
            return Err(format!("the token expired {} s ago", now - claims.exp).into());
        }
        if now < claims.nbf {
            return Err(format!("the token is valid in {} s", claims.nbf - now).into());
        }
        Ok(claims)
    }

    fn note(&self, request: &Request) {
        let mut notes = request.notes();
        notes.flow = Flow::of_token(&self.uti);
        notes.client(&self.appid);
        if !self.upn.is_empty() {
            notes.user(&self.upn);
        }
    }

    /// Notes that the token is the proof of the caller.
    pub(crate) fn accept(&self, request: &Request) {
        let of = match self.upn.as_str() {
            "" => format!("Entra token of the app {}", self.appid),
            name => format!("Entra token of {name}"),
        };
        request.notes().authenticated(of);
    }

    /// Checks that the token is for one of these audiences.
    pub(crate) fn check_audience(&self, audiences: &[&str]) -> Result<(), Reason> {
        if audiences.contains(&self.aud.as_str()) {
            return Ok(());
        }
        let wanted = audiences.first().copied().unwrap_or_default();
        Err(format!(
            "the token is for the audience {}, not for {wanted}",
            self.aud
        )
        .into())
    }

    /// Checks that the resource has not revoked the token since. Only the tokens of clients with
    /// Continuous Access Evaluation are revoked.
    pub(crate) fn check_not_revoked(&self, request: &Request) -> Result<(), AcsError> {
        let is_cp1 = |word: &String| word.eq_ignore_ascii_case("cp1");
        let is_capable = self.xms_cc.iter().any(is_cp1);
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
        let has_role = request.resource().is_managed_by(&claims.oid, &claims.tid);
        let no_role = AcsError::forbidden("The principal has no role on the resource.");
        ensure(has_role, no_role)?;
        claims.accept(request);
        return Ok(());
    }
    let sent = request.header("authorization").unwrap_or_default();
    let parts = sent.split_once("Signature=");
    if let Some((_, secret)) = parts.or_else(|| sent.split_once(' ')) {
        request.state().keep_secret(secret);
    }
    let is_off = request.resource().has_no_local_auth;
    let off = "the resource accepts no access keys (disableLocalAuth)";
    ensure(!is_off, AcsError::denied(off))?;
    let target = request.head.uri.path_and_query();
    let signed = SignedRequest {
        method: request.head.method.as_str(),
        target: target.map_or("", |target| target.as_str()),
        header: &|name| request.header(name),
        body: &request.body,
    };
    let keys = request.resource().keys.named();
    let checked = signed.check(&keys.map(|(_, key)| &key.bytes[..]), request.now);
    match checked {
        Ok(place) => {
            let proof = ["HMAC with the primary key", "HMAC with the secondary key"][place];
            request.notes().authenticated(proof);
            // The caller is checked once.
            let _ = request.access_key.set(keys[place].1.fingerprint.clone());
            Ok(())
        }
        Err(reason) => {
            request.notes().diagnosis = diagnosis(request, &signed).map(Box::new);
            Err(AcsError::denied(reason))
        }
    }
}

/// Explains a wrong signature.
fn diagnosis(request: &Request, signed: &SignedRequest) -> Option<Diagnosis> {
    let keys = request.resource().keys.named();
    let own = keys.map(|(name, key)| NamedKey {
        name: format!("the {name} key"),
        bytes: &key.bytes,
    });
    let resources = request.world.resources.iter();
    let others = resources.filter(|other| other.id != request.resource().id);
    let others: Vec<NamedKey> = others
        .flat_map(|other| {
            other.keys.named().map(|(name, key)| NamedKey {
                name: format!("the {name} key of the resource {}", other.name),
                bytes: &key.bytes,
            })
        })
        .collect();
    signed.diagnose(&own, &others, &request.context.options.host_names)
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

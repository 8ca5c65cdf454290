//! The validation of one token.
//!
//! A signature is checked once: a valid token is remembered by its hash until it expires or the
//! tenant's keys are replaced.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use ring::digest::{Context, SHA256};

use super::keys::Keys;
use super::rejection::Rejection;
use super::rs256;
use super::signing_keys::SigningKeys;
use super::user_token::{Claims, Purpose, UserToken, Version, audiences};
use crate::exchange_service::expiring::Expiring;
use crate::exchange_service::settings::TokenRules;
use crate::jwt;
use crate::time::Clock;

/// The longest token, in bytes. Entra's have some thousand.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The most tokens that are remembered: two for each user.
const CAPACITY: usize = 400_000;
/// The tokens that are forgotten under one lock.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// Validates tokens.
pub(in crate::exchange_service) struct Validator {
    rules: TokenRules,
    keys: Arc<SigningKeys>,
    clock: Arc<dyn Clock>,
    known: Mutex<Expiring<[u8; 32], Known, i64>>,
}

struct Known {
    token: Arc<UserToken>,
    generation: u64,
}

impl Validator {
    pub(in crate::exchange_service) fn new(
        rules: TokenRules,
        keys: Arc<SigningKeys>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        rs256::install();
        Validator {
            rules,
            keys,
            clock,
            known: Mutex::new(Expiring::new(CAPACITY)),
        }
    }

    /// Validates a token for this purpose.
    pub(in crate::exchange_service) async fn validate(
        &self,
        token: &str,
        purpose: Purpose,
    ) -> Result<Arc<UserToken>, Rejection> {
        if token.is_empty() {
            return Err(Rejection::Missing);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::TooLarge);
        }
        let now = self.clock.now().unix_seconds();
        let hash = hash(token, purpose);
        let valid = match self.find(&hash, now) {
            Some(valid) => valid,
            None => self.check(token, purpose, hash, now).await?,
        };
        valid.check_time(now).map(|()| valid)
    }

    /// Returns the remembered token, if the keys that it was checked with are still the tenant's.
    fn find(&self, hash: &[u8; 32], now: i64) -> Option<Arc<UserToken>> {
        let (token, generation) = {
            let known = self.known();
            let found = known.get(hash, now)?;
            (found.token.clone(), found.generation)
        };
        // It waits for no refresh: the check of the token does.
        let current = self.keys.generation(&token.tenant);
        (current == Some(generation)).then_some(token)
    }

    async fn check(
        &self,
        token: &str,
        purpose: Purpose,
        hash: [u8; 32],
        now: i64,
    ) -> Result<Arc<UserToken>, Rejection> {
        let unverified = jwt::decode(token).ok_or(Rejection::Malformed)?;
        let text = |name: &str| unverified.header.get(name).and_then(|value| value.as_str());
        if text("alg") != Some("RS256") {
            return Err(Rejection::Algorithm);
        }
        let key_id = text("kid").ok_or(Rejection::UnknownKey)?;
        // The tenant selects the keys. The signature and the issuer then prove it.
        let tenant = unverified.claims.get("tid").and_then(|tid| tid.as_str());
        let tenant = tenant.ok_or(Rejection::Malformed)?.to_ascii_lowercase();
        // The verified claims are those of the same text, so that they have the same version.
        let version = unverified.claims.get("ver").cloned().unwrap_or_default();
        let version = serde_json::from_value(version).map_err(|_| Rejection::Malformed)?;
        let keys = self.keys.with_key(&tenant, key_id).await?;
        let claims = self.verify(token, purpose, version, (&keys, key_id))?;
        let valid = Arc::new(UserToken::new(claims, purpose, &self.rules)?);
        valid.check_time(now)?;
        let known = Known {
            token: valid.clone(),
            generation: keys.generation,
        };
        let end = valid.end();
        self.known().insert(hash, known, end, now);
        Ok(valid)
    }

    /// Checks signature, issuer and audience. The time is checked by the service's clock.
    fn verify(
        &self,
        token: &str,
        purpose: Purpose,
        version: Version,
        (keys, key_id): (&Keys, &str),
    ) -> Result<Claims, Rejection> {
        let key = keys.find(key_id).ok_or(Rejection::UnknownKey)?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud"]);
        rules.set_issuer(&[keys.issuer(version)]);
        rules.set_audience(&audiences(purpose, version, &self.rules));
        rules.validate_exp = false;
        match jsonwebtoken::decode::<Claims>(token, key, &rules) {
            Ok(verified) => Ok(verified.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::InvalidSignature => Rejection::Signature,
                ErrorKind::InvalidAlgorithm => Rejection::Algorithm,
                ErrorKind::InvalidIssuer => Rejection::Issuer,
                ErrorKind::InvalidAudience => Rejection::Audience,
                _ => Rejection::Malformed,
            }),
        }
    }

    fn known(&self) -> MutexGuard<'_, Expiring<[u8; 32], Known, i64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets tokens that have expired.
    pub(in crate::exchange_service) fn forget_expired(&self) {
        let now = self.clock.now().unix_seconds();
        while self.known().forget(now, FORGOTTEN_AT_ONCE) {}
    }
}

fn hash(token: &str, purpose: Purpose) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&[purpose as u8]);
    context.update(token.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

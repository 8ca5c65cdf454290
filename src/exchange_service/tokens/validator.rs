//! The validation of one token.
//!
//! A signature is checked once: a valid token is remembered by its hash until it expires or the
//! tenant's keys are replaced.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use ring::digest::{Context, SHA256};

use super::keys::Keys;
use super::rejection::Rejection;
use super::rs256;
use super::signing_keys::SigningKeys;
use super::user_token::{Claims, Purpose, UserToken, audiences};
use crate::exchange_service::settings::TokenRules;
use crate::jwt;
use crate::time::Clock;

/// The longest token, in bytes. Entra's have some thousand.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The most tokens that are remembered.
const MAX_KNOWN: usize = 100_000;

/// Validates tokens.
pub(in crate::exchange_service) struct Validator {
    rules: TokenRules,
    keys: Arc<SigningKeys>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<[u8; 32], Known>>,
}

struct Known {
    token: Arc<UserToken>,
    key_id: String,
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
            known: Mutex::default(),
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
        let valid = match self.find(&hash).await {
            Some(valid) => valid,
            None => self.check(token, purpose, hash, now).await?,
        };
        valid.check_time(now).map(|()| valid)
    }

    /// Returns the remembered token, if the keys that it was checked with are still the tenant's.
    async fn find(&self, hash: &[u8; 32]) -> Option<Arc<UserToken>> {
        let (token, key_id, generation) = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let found = known.get(hash)?;
            (found.token.clone(), found.key_id.clone(), found.generation)
        };
        let keys = self.keys.with_key(&token.tenant, &key_id).await.ok()?;
        (keys.generation == generation).then_some(token)
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
        let keys = self.keys.with_key(&tenant, key_id).await?;
        let claims = self.verify(token, purpose, &keys, key_id)?;
        let valid = Arc::new(UserToken::new(claims, purpose, &self.rules)?);
        valid.check_time(now)?;
        let known = Known {
            token: valid.clone(),
            key_id: key_id.to_owned(),
            generation: keys.generation,
        };
        self.remember(hash, known, now);
        Ok(valid)
    }

    /// Checks signature, issuer and audience. The time is checked by the service's clock.
    fn verify(
        &self,
        token: &str,
        purpose: Purpose,
        keys: &Keys,
        key_id: &str,
    ) -> Result<Claims, Rejection> {
        let key = keys.find(key_id).ok_or(Rejection::UnknownKey)?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud"]);
        rules.set_issuer(&keys.issuers);
        rules.set_audience(&audiences(purpose, &self.rules));
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

    fn remember(&self, hash: [u8; 32], token: Known, now: i64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.retain(|_, known| !known.token.is_over(now));
        }
        if known.len() < MAX_KNOWN {
            known.insert(hash, token);
        }
    }

    /// Forgets tokens that have expired.
    pub(in crate::exchange_service) fn forget_expired(&self) {
        let now = self.clock.now().unix_seconds();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, known| !known.token.is_over(now));
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

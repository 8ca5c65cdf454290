//! Looks up a token in the cache: the fast path of `get`.

use super::freshness::{CompletedSteps, Step, TokenRequest, next_step};
use super::renewal::Renewal;
use super::sessions::Sessions;
use super::token::Token;
use crate::error::Result;
use crate::store::IndexEntry;

/// The result of a cache lookup.
pub enum CacheLookup {
    /// The cached token can be used without a renewal: it is fresh, or this tenant's tokens are short.
    Fresh(Token),
    /// No cached token can be used: the session must be renewed.
    Stale(Renewal),
}

impl Sessions {
    /// Returns the cached token if it satisfies the request. Reads the index, and one item of the
    /// store if the account is listed. Uses no network. `user` is a username or home account id; the
    /// default is the active account.
    ///
    /// # Errors
    /// As [`Sessions::named`]; [`Kind::Store`](crate::Kind::Store) if the store fails.
    pub fn cached_token(&self, user: Option<&str>, request: TokenRequest) -> Result<CacheLookup> {
        let entry = self.named_or_active(user)?;
        let key = entry.as_ref().map(IndexEntry::key);
        if let Some(key) = &key
            && let Some(record) = self.store.load(key)?
        {
            let now = self.service_now(&record);
            if let Step::Use { fresh } =
                next_step(Some(&record), &request, CompletedSteps::default(), now)
            {
                return Token::from_cache(&record, &request, fresh, now).map(CacheLookup::Fresh);
            }
        }
        Ok(CacheLookup::Stale(Renewal {
            session: self.clone(),
            user: user.map(str::to_owned),
            key,
            username: entry.map(|entry| entry.account.username),
            request,
        }))
    }
}

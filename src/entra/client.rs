//! One application at one authority.

use std::sync::Arc;

use super::authority::Authority;
use super::metadata_cache::MetadataCache;
use crate::claims::Claims;
use crate::error::Result;
use crate::http::Http;
use crate::time::Clock;
use crate::wire::entra::Metadata;

/// A public client (RFC 6749, section 2.1): one application at one authority.
pub struct Entra {
    pub(super) http: Arc<Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) authority: Authority,
    pub(super) client_id: String,
    pub(super) further_scopes: Vec<String>,
    capability_claims: Option<Claims>,
    metadata_cache: Arc<MetadataCache>,
}

impl Entra {
    /// Creates a client. Sends no request.
    pub fn new(
        http: Arc<Http>,
        clock: Arc<dyn Clock>,
        authority: Authority,
        client_id: String,
    ) -> Self {
        Entra {
            http,
            clock,
            authority,
            client_id,
            further_scopes: Vec::new(),
            capability_claims: None,
            metadata_cache: Arc::default(),
        }
    }

    /// Declares in every request that this client supports Continuous Access Evaluation: Entra may
    /// revoke its tokens before they expire, and send a claims challenge.
    #[must_use]
    pub fn with_continuous_access(mut self) -> Self {
        self.capability_claims = Some(Claims::continuous_access());
        self
    }

    /// Asks the user of a sign-in in a browser for consent to these scopes too. They are of another
    /// service, so the tokens of the sign-in do not have them: redeem the refresh token for them.
    #[must_use]
    pub fn with_further_consent(mut self, scopes: Vec<String>) -> Self {
        self.further_scopes = scopes;
        self
    }

    /// Caches the authority's metadata here, for refreshes. The default is a new one in memory.
    #[must_use]
    pub fn with_metadata_cache(mut self, cache: Arc<MetadataCache>) -> Self {
        self.metadata_cache = cache;
        self
    }

    /// Fetches the authority's metadata, and caches it.
    ///
    /// # Errors
    /// As [`Authority::discover`].
    pub(super) async fn discover(&self) -> Result<Metadata> {
        let metadata = self.authority.discover(&self.http).await?;
        let now = self.clock.now();
        self.metadata_cache.keep(&self.authority, &metadata, now);
        Ok(metadata)
    }

    /// Returns the cached metadata of the authority.
    pub(super) fn cached_metadata(&self) -> Option<Metadata> {
        self.metadata_cache.find(&self.authority, self.clock.now())
    }

    /// Returns the `claims` parameter: the client's own claims, merged with a challenge.
    pub(super) fn claims(&self, challenge: Option<&Claims>) -> Option<Claims> {
        match (&self.capability_claims, challenge) {
            (Some(own), Some(challenge)) => Some(own.merged(challenge)),
            (own, challenge) => own.as_ref().or(challenge).cloned(),
        }
    }
}

//! One application at one authority.

use std::sync::Arc;

use super::authority::Authority;
use crate::claims::Claims;
use crate::http::Http;
use crate::time::Clock;

/// A public client (RFC 6749, section 2.1): one application at one authority.
pub struct Entra {
    pub(super) http: Arc<Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) authority: Authority,
    pub(super) client_id: String,
    capability_claims: Option<Claims>,
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
            capability_claims: None,
        }
    }

    /// Declares in every request that this client supports Continuous Access Evaluation: Entra may
    /// revoke its tokens before they expire, and send a claims challenge.
    #[must_use]
    pub fn with_continuous_access(mut self) -> Self {
        self.capability_claims = Some(Claims::continuous_access());
        self
    }

    /// Returns the `claims` parameter: the client's own claims, merged with a challenge.
    pub(super) fn claims(&self, challenge: Option<&Claims>) -> Option<Claims> {
        match (&self.capability_claims, challenge) {
            (Some(own), Some(challenge)) => Some(own.merged(challenge)),
            (own, challenge) => own.as_ref().or(challenge).cloned(),
        }
    }
}

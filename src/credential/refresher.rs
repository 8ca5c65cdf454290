//! The source of new tokens.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::error::Result;
use crate::secret::CommunicationToken;
use crate::time::Timestamp;

/// The future of a [`Refresher`].
pub type Refreshing<'a> = Pin<Box<dyn Future<Output = Result<RefreshedToken>> + Send + 'a>>;

/// A source of new tokens. A closure that returns a boxed future is one.
pub trait Refresher: Send + Sync {
    /// Gets a token with more than `min_validity` left, or the one with the most left. One call ends
    /// before the next begins. A caller that gives up does not cancel it.
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_>;
}

impl<F> Refresher for F
where
    F: Fn(Duration) -> Refreshing<'static> + Send + Sync,
{
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        self(min_validity)
    }
}

/// A new token of a [`Refresher`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RefreshedToken {
    /// The token.
    pub token: CommunicationToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// The remaining lifetime by the service's clock, if it is known. Otherwise the credential computes
    /// it from `expires_on` and this machine's clock.
    pub expires_in: Option<Duration>,
}

impl RefreshedToken {
    /// A token that expires at this time by the service's clock.
    pub fn new(token: CommunicationToken, expires_on: Timestamp) -> Self {
        RefreshedToken {
            token,
            expires_on,
            expires_in: None,
        }
    }

    /// Adds the time that is left by the service's clock.
    #[must_use]
    pub fn with_expires_in(mut self, left: Option<Duration>) -> Self {
        self.expires_in = left;
        self
    }
}

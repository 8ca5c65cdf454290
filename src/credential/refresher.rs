//! The source of new tokens.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::error::Result;
use crate::secret::CommunicationToken;
use crate::time::Timestamp;

/// The future of a [`Refresher`].
pub type Refreshing<'a> = Pin<Box<dyn Future<Output = Result<RefreshedToken>> + Send + 'a>>;

/// Whatever gets a new token. A closure that returns a boxed future is one.
pub trait Refresher: Send + Sync {
    /// Gets a token with more than `min_validity` left, or the best there is. It is never called
    /// again before it has ended, and it is not cancelled where a caller gives up.
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
    /// How long it lives from now on, where that is known better than from `expires_on` and this
    /// machine's clock: by the service's clock.
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

//! The credential: a token, and the task that refreshes it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use crate::error::{Error, Result};
use crate::time::{Clock, SystemClock};

use super::cached_token::{AHEAD, CachedToken};
use super::refresh_task::{PendingGet, RefreshTask};
use super::refresher::{RefreshedToken, Refresher};

/// The options of a credential. `Options::default()` uses the system's clock.
#[derive(Clone)]
pub struct Options {
    /// The clock. Its `sleep` must work on the runtime of the credential.
    pub clock: Arc<dyn Clock>,
    /// How long before its expiry a token is replaced without a call; half of its life if that is
    /// less. `None` refreshes only if a call needs it.
    pub ahead: Option<Duration>,
    /// The initial token.
    pub initial: Option<RefreshedToken>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Arc::new(SystemClock),
            ahead: Some(AHEAD),
            initial: None,
        }
    }
}

/// A Communication token that stays fresh, for any number of tasks at once. Dropping the credential
/// ends its task and cancels a refresh in progress.
///
/// ```
/// use std::time::Duration;
///
/// use acspass::credential::{CommunicationTokenCredential, Options, RefreshedToken};
/// use acspass::secret::CommunicationToken;
/// use acspass::time::{Clock, SystemClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> acspass::Result<()> {
/// let credential = CommunicationTokenCredential::new(
///     |_min_validity: Duration| {
///         let refreshed = RefreshedToken::new(
///             CommunicationToken::new("from your own service"),
///             SystemClock.now().plus(Duration::from_secs(3600)),
///         );
///         Box::pin(async move { Ok(refreshed) }) as _
///     },
///     Options::default(),
/// );
/// let cached = credential.get(Duration::from_secs(600)).await?;
/// assert_eq!(cached.token.expose(), "from your own service");
/// # Ok(())
/// # }
/// ```
pub struct CommunicationTokenCredential {
    clock: Arc<dyn Clock>,
    cached: watch::Receiver<Option<Arc<CachedToken>>>,
    requests: mpsc::UnboundedSender<PendingGet>,
    task: AbortHandle,
}

impl CommunicationTokenCredential {
    /// A credential over this refresher. Without an initial token, the first refresh begins with the
    /// first [`get`](Self::get).
    ///
    /// # Panics
    /// Outside a tokio runtime: the task that refreshes runs on it.
    pub fn new(refresher: impl Refresher + 'static, options: Options) -> Self {
        let Options {
            clock,
            ahead,
            initial,
        } = options;
        let initial = initial
            .map(|token| Arc::new(CachedToken::new(token, Duration::ZERO, clock.as_ref())))
            .filter(|token| !token.life.is_zero());
        let (sender, cached) = watch::channel(initial);
        let (requests, received) = mpsc::unbounded_channel();
        let task = RefreshTask::new(refresher, clock.clone(), ahead, sender);
        let task = tokio::spawn(task.run(received)).abort_handle();
        CommunicationTokenCredential {
            clock,
            cached,
            requests,
            task,
        }
    }

    /// Returns a token with more than `min_validity` left. Returns the cached token without a wait if
    /// it satisfies; otherwise waits for the refresh that all callers share. Dropping the future ends
    /// the wait, not the refresh.
    ///
    /// If tokens live shorter than `min_validity`, this returns the newest one, and replaces it after
    /// half of its life. If the service cannot be reached, it returns a token with more than one
    /// minute left.
    ///
    /// # Errors
    /// The refresher's error; [`Kind::Refused`](crate::Kind::Refused) if it brings an expired token.
    pub async fn get(&self, min_validity: Duration) -> Result<Arc<CachedToken>> {
        if let Some(token) = self.cached()
            && token.is_good(min_validity, self.clock.as_ref())
        {
            return Ok(token);
        }
        let ended = || Error::internal("the task that refreshes a token has ended");
        let (sender, result) = oneshot::channel();
        self.requests
            .send(PendingGet {
                min_validity,
                sender,
            })
            .map_err(|_| ended())?;
        result.await.map_err(|_| ended())?
    }

    /// Returns the cached token, even if it has expired.
    pub fn cached(&self) -> Option<Arc<CachedToken>> {
        self.cached.borrow().clone()
    }

    /// Returns a receiver of every new token.
    pub fn changes(&self) -> watch::Receiver<Option<Arc<CachedToken>>> {
        self.cached.clone()
    }
}

impl Drop for CommunicationTokenCredential {
    fn drop(&mut self) {
        self.task.abort();
    }
}

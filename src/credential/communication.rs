//! The credential: a token that a task of its own refreshes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use crate::error::{Error, Result};
use crate::time::{Clock, SystemClock};

use super::cached_token::{AHEAD, CachedToken};
use super::refresh_task::{PendingGet, RefreshTask};
use super::refresher::{RefreshedToken, Refresher};

/// How a credential is made. `Options::default()` goes by the system's clock.
#[derive(Clone)]
pub struct Options {
    /// Whose time it is. Its `sleep` must work on the runtime that the credential is made on.
    pub clock: Arc<dyn Clock>,
    /// How long before its end a token is replaced without anybody asking; half of its life where
    /// that is less. `None` waits until it is asked for.
    pub ahead: Option<Duration>,
    /// A token to begin with.
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

/// A Communication token that is kept fresh, for any number of tasks at once. Dropping it ends its
/// own task, and a refresh that is under way with it.
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
/// let held = credential.get(Duration::from_secs(600)).await?;
/// assert_eq!(held.token.expose(), "from your own service");
/// # Ok(())
/// # }
/// ```
pub struct CommunicationTokenCredential {
    clock: Arc<dyn Clock>,
    held: watch::Receiver<Option<Arc<CachedToken>>>,
    asks: mpsc::UnboundedSender<PendingGet>,
    task: AbortHandle,
}

impl CommunicationTokenCredential {
    /// A credential over this refresher. Nothing is asked for before the first
    /// [`get`](Self::get), unless there is an initial token to be kept fresh.
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
            .filter(|held| !held.life.is_zero());
        let (tell, held) = watch::channel(initial);
        let (asks, asked) = mpsc::unbounded_channel();
        let keeper = RefreshTask::new(refresher, clock.clone(), ahead, tell);
        let task = tokio::spawn(keeper.run(asked)).abort_handle();
        CommunicationTokenCredential {
            clock,
            held,
            asks,
            task,
        }
    }

    /// A token with more than `min_validity` left. The one that is held is handed out without any
    /// wait; else this waits for the one refresh that all callers share. To drop the future ends
    /// the wait, not the refresh.
    ///
    /// Where tokens live shorter than what is asked, the newest is handed out, and replaced once
    /// half of its life has gone. Where the service cannot be reached, a token with more than a
    /// minute left is handed out all the same.
    ///
    /// # Errors
    /// As the refresher fails; [`Kind::Refused`](crate::Kind::Refused) where it brings a token that
    /// has expired.
    pub async fn get(&self, min_validity: Duration) -> Result<Arc<CachedToken>> {
        if let Some(held) = self.held()
            && held.is_good(min_validity, self.clock.as_ref())
        {
            return Ok(held);
        }
        let ended = || Error::internal("the task that refreshes a token has ended");
        let (answer, answered) = oneshot::channel();
        self.asks
            .send(PendingGet {
                min_validity,
                answer,
            })
            .map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// The token that is held, however old.
    pub fn held(&self) -> Option<Arc<CachedToken>> {
        self.held.borrow().clone()
    }

    /// News of every new token: the receiver shows the latest one.
    pub fn changes(&self) -> watch::Receiver<Option<Arc<CachedToken>>> {
        self.held.clone()
    }
}

impl Drop for CommunicationTokenCredential {
    fn drop(&mut self) {
        self.task.abort();
    }
}

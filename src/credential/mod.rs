//! A Communication token that is always good: [`CommunicationTokenCredential`].
//!
//! In goes whatever can get a token (a [`Refresher`]) and a clock; out come tokens with as much
//! left as is asked for, and news of every change. It refreshes before anybody needs it, once for
//! any number of callers. How a token is got, and where it is kept, is the refresher's business.

mod refresh_task;
mod schedule;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use crate::error::{Error, Result};
use crate::secret::CommunicationToken;
use crate::time::{Clock, SystemClock, Timestamp};

use refresh_task::{PendingGet, RefreshTask};
pub(crate) use schedule::pause_after;
use schedule::{TokenLife, next_refresh};

/// How long before its end a token is replaced: no answer then has 10 minutes or less left.
pub const AHEAD: Duration = Duration::from_secs(15 * 60);

/// Clocks that differ by less are taken as equal.
const CLOCKS_AGREE: Duration = Duration::from_secs(60);

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

/// What a [`Refresher`] got.
#[derive(Debug, Clone, PartialEq)]
pub struct RefreshedToken {
    /// The token.
    pub token: CommunicationToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// How long it lives from now on, where that is known better than from `expires_on` and this
    /// machine's clock: by the service's clock.
    pub expires_in: Option<Duration>,
}

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

/// A token that a credential holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedToken {
    /// The token.
    pub token: CommunicationToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// How long it had to live when it was got.
    life: Duration,
    /// What the clock showed then, and how long it had run.
    got_at: Timestamp,
    running_then: Option<Duration>,
    /// The most that was ever asked of the refresh that brought it.
    asked: Duration,
}

impl CachedToken {
    fn new(refreshed: RefreshedToken, asked: Duration, clock: &dyn Clock) -> CachedToken {
        let got_at = clock.now();
        CachedToken {
            life: refreshed
                .expires_in
                .unwrap_or_else(|| refreshed.expires_on.since(got_at)),
            token: refreshed.token,
            expires_on: refreshed.expires_on,
            got_at,
            running_then: clock.running(),
            asked,
        }
    }

    /// How long it still lives. A clock that is set back makes it no younger.
    pub fn left(&self, clock: &dyn Clock) -> Duration {
        let (by_wall, by_running) = self.age(clock);
        self.life
            .saturating_sub(by_wall.max(by_running.unwrap_or_default()))
    }

    /// By what the clock shows, and by how long it has run.
    fn age(&self, clock: &dyn Clock) -> (Duration, Option<Duration>) {
        let by_running = match (clock.running(), self.running_then) {
            (Some(now), Some(then)) => Some(now.saturating_sub(then)),
            _ => None,
        };
        (clock.now().since(self.got_at), by_running)
    }

    /// Whether the machine slept or its clock was set: what is left is then known best by whoever
    /// brings the token.
    fn is_in_doubt(&self, clock: &dyn Clock) -> bool {
        let (by_wall, by_running) = self.age(clock);
        by_running.is_some_and(|by_running| by_wall.abs_diff(by_running) > CLOCKS_AGREE)
    }

    /// How long until the credential replaces it by itself, where nothing fails and nobody chose
    /// another time than [`AHEAD`].
    pub fn due_in(&self, clock: &dyn Clock) -> Duration {
        let held = TokenLife {
            life: self.life,
            left: self.left(clock),
        };
        next_refresh(Some(held), Some(AHEAD), None).unwrap_or_default()
    }

    /// Whether it fulfils the wish. Where a refresh for such a wish brought a token that is too
    /// short for it, half of that one's life is all that can be asked: anything else would refresh
    /// in vain with every call.
    fn is_good(&self, min_validity: Duration, clock: &dyn Clock) -> bool {
        let is_the_best = self.asked >= min_validity && self.life <= min_validity;
        let needed = match is_the_best {
            true => self.life / 2,
            false => min_validity,
        };
        self.left(clock) > needed
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
///         let refreshed = RefreshedToken {
///             token: CommunicationToken::new("from your own service"),
///             expires_on: SystemClock.now().plus(Duration::from_secs(3600)),
///             expires_in: None,
///         };
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

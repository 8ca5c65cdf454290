//! The credential: a token, and the refreshes that all callers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tracing::{debug, warn};

use crate::error::{Error, Kind, Result};
use crate::time::{Clock, MIN_VALIDITY_DURING_OUTAGE, Moment, SystemClock};

use super::cached_token::{AHEAD, CachedToken, MAX_PAUSE, Pause, next_refresh, pause_after};
use super::refresher::{RefreshedToken, Refresher};

/// The longest time for which callers get the last error without a new refresh. The pauses between
/// scheduled refreshes are longer.
const REPEATED: Duration = Duration::from_secs(5);
/// The longest single sleep. Timers stop during a suspend, so that the clock must be read again.
const MAX_SLEEP: Duration = Duration::from_secs(60);

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
    cached: watch::Receiver<Option<Arc<CachedToken>>>,
    inner: Arc<Inner>,
    timer: AbortHandle,
}

impl CommunicationTokenCredential {
    /// A credential over this refresher. Without an initial token, the first refresh begins with the
    /// first [`get`](Self::get).
    ///
    /// # Panics
    /// Outside a tokio runtime: the refreshes run on it.
    pub fn new(refresher: impl Refresher + 'static, options: Options) -> Self {
        let clock = options.clock;
        let initial = options
            .initial
            .map(|token| Arc::new(CachedToken::new(token, Duration::ZERO, clock.as_ref())))
            .filter(|token| !token.life.is_zero());
        let (sender, cached) = watch::channel(initial);
        let inner = Arc::new(Inner {
            refresher: Box::new(refresher),
            clock,
            ahead: options.ahead,
            runtime: Handle::current(),
            cached: sender,
            state: Mutex::default(),
            ended: Notify::new(),
        });
        let timer = inner.runtime.spawn(inner.clone().refresh_on_schedule());
        CommunicationTokenCredential {
            cached,
            inner,
            timer: timer.abort_handle(),
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
    /// The refresher's error; [`Kind::Refused`] if it brings an expired token.
    pub async fn get(&self, min_validity: Duration) -> Result<Arc<CachedToken>> {
        loop {
            if let Some(token) = self.cached()
                && token.is_good(min_validity, self.inner.clock.as_ref())
            {
                return Ok(token);
            }
            let refresh = {
                let mut state = self.inner.state();
                if state.refresh.is_none()
                    && let Some(outcome) = self.inner.repeated(&state)
                {
                    return outcome;
                }
                self.inner.refresh(&mut state, min_validity)
            };
            match refresh.outcome.await {
                Some(Ok(token)) if min_validity <= refresh.asked => return Ok(token),
                // A call for a longer validity gets another refresh.
                Some(Ok(_)) => {}
                Some(Err(error)) => return self.inner.fall_back_to_cached(&error),
                None => return Err(Error::internal("the task that refreshes a token has ended")),
            }
        }
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
        self.timer.abort();
        let mut state = self.inner.state();
        state.is_closed = true;
        if let Some(refresh) = &state.refresh {
            refresh.task.abort();
        }
    }
}

/// The result of a call.
type Outcome = Result<Arc<CachedToken>>;

/// What the callers, the timer and the refresh in progress share.
struct Inner {
    refresher: Box<dyn Refresher>,
    clock: Arc<dyn Clock>,
    ahead: Option<Duration>,
    /// Runs the refreshes: that of a caller may end before them.
    runtime: Handle,
    cached: watch::Sender<Option<Arc<CachedToken>>>,
    state: Mutex<State>,
    /// Notified when a refresh ends.
    ended: Notify,
}

#[derive(Default)]
struct State {
    refresh: Option<Refresh>,
    failed: Option<RecentFailures>,
    /// Set once the credential is dropped.
    is_closed: bool,
}

/// A refresh in progress, on a task of its own.
#[derive(Clone)]
struct Refresh {
    /// The longest validity that it satisfies. Grows with the calls until it has begun.
    asked: Duration,
    has_begun: bool,
    /// `None` if the task was cancelled or has panicked.
    outcome: Shared<BoxFuture<'static, Option<Outcome>>>,
    task: AbortHandle,
}

/// The refreshes since the last new token.
struct RecentFailures {
    times: u32,
    pause: Duration,
    at: Moment,
    /// `None` if the refresher brought the cached token again.
    error: Option<Error>,
}

impl RecentFailures {
    fn may_pass(&self) -> bool {
        self.error
            .as_ref()
            .is_none_or(|error| error.kind() == Kind::Unreachable)
    }
}

impl Inner {
    /// Refreshes whenever it is due, without a call.
    async fn refresh_on_schedule(self: Arc<Self>) {
        loop {
            let due = self.next_refresh();
            let pause = due.map_or(MAX_SLEEP, |due| due.min(MAX_SLEEP));
            if pause.is_zero() {
                let refresh = {
                    let mut state = self.state();
                    if state.is_closed {
                        return;
                    }
                    self.refresh(&mut state, Duration::ZERO)
                };
                if refresh.outcome.await.is_none() {
                    return;
                }
                continue;
            }
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = self.ended.notified() => {}
            }
        }
    }

    /// The time until the next scheduled refresh.
    fn next_refresh(&self) -> Option<Duration> {
        let (clock, state) = (self.clock.as_ref(), self.state());
        let held = self.cached.borrow().clone()?;
        let pause = state.failed.as_ref().map(|failed| Pause {
            left: failed.pause.saturating_sub(failed.at.age(clock)),
            may_pass: failed.may_pass(),
        });
        next_refresh(held.life, held.remaining_validity(clock), self.ahead, pause)
    }

    /// Returns the refresh in progress, or begins one.
    fn refresh(self: &Arc<Self>, state: &mut State, min_validity: Duration) -> Refresh {
        let asked = min_validity.max(self.ahead.unwrap_or_default());
        let begin = || {
            let inner = self.clone();
            let task = self.runtime.spawn(async move {
                let asked = inner.state().refresh.as_mut().map_or(asked, |refresh| {
                    refresh.has_begun = true;
                    refresh.asked
                });
                let refreshed = inner.refresher.refresh(asked).await;
                let mut state = inner.state();
                state.refresh = None;
                let outcome = refreshed.and_then(|token| inner.take(&mut state, token, asked));
                if let Err(error) = &outcome {
                    inner.record_failure(&mut state, Some(error));
                }
                inner.ended.notify_one();
                outcome
            });
            Refresh {
                asked,
                has_begun: false,
                task: task.abort_handle(),
                outcome: task.map(Result::ok).boxed().shared(),
            }
        };
        let refresh = state.refresh.get_or_insert_with(begin);
        if !refresh.has_begun {
            refresh.asked = refresh.asked.max(asked);
        }
        refresh.clone()
    }

    /// Returns an outcome without a refresh if a recent one means that no better token is available.
    fn repeated(&self, state: &State) -> Option<Outcome> {
        let clock = self.clock.as_ref();
        let failed = state.failed.as_ref()?;
        let ago = failed.at.age(clock);
        if !failed.may_pass() || ago >= failed.pause {
            return None;
        }
        let held = self.cached.borrow().clone();
        match &failed.error {
            Some(error) => {
                // Later the service may be available again.
                let is_repeated = ago < REPEATED || held.is_some_and(|held| self.lasts(&held));
                is_repeated.then(|| self.fall_back_to_cached(error))
            }
            // A moment ago no better token was available.
            None => held
                .filter(|held| {
                    held.remaining_validity(clock) > MIN_VALIDITY_DURING_OUTAGE.min(held.life / 4)
                })
                .map(Ok),
        }
    }

    fn take(&self, state: &mut State, token: RefreshedToken, asked: Duration) -> Outcome {
        let new = CachedToken::new(token, asked, self.clock.as_ref());
        if new.life.is_zero() {
            return Err(Error::new(
                Kind::Refused,
                "the new token has already expired",
                "Check this machine's clock, and the source of the tokens.",
            ));
        }
        // A response ends an outage, and the count of its failures.
        state.failed.take_if(|failed| failed.error.is_some());
        let known = self.cached.borrow().clone();
        let token = match known.filter(|known| known.token == new.token) {
            None => {
                state.failed = None;
                new
            }
            Some(known) => {
                // For a longer validity no better token is available either. Otherwise it is retried
                // after a pause, like a failure.
                if asked <= known.asked {
                    self.record_failure(state, None);
                }
                let mut token = match known.is_in_doubt(self.clock.as_ref()) {
                    true => new,
                    false => CachedToken::clone(&known),
                };
                token.asked = asked.max(known.asked);
                token
            }
        };
        let token = Arc::new(token);
        self.cached
            .send_if_modified(|held| held.replace(token.clone()).as_ref() != Some(&token));
        Ok(token)
    }

    fn record_failure(&self, state: &mut State, error: Option<&Error>) {
        let times = state.failed.as_ref().map_or(0, |failed| failed.times) + 1;
        let requested = error.and_then(Error::retry_after).unwrap_or_default();
        let pause = pause_after(times, fastrand::f64()).max(requested.min(MAX_PAUSE));
        let what = match error {
            Some(error) => format!("The refresh of the token failed: {error}."),
            None => "The refresh returned the same token.".to_owned(),
        };
        debug!(
            "{what} The next attempt starts in {} ms.",
            pause.as_millis()
        );
        state.failed = Some(RecentFailures {
            times,
            pause,
            at: Moment::now(self.clock.as_ref()),
            error: error.cloned(),
        });
    }

    /// Returns the cached token if the service cannot be reached. A refusal stays an error.
    fn fall_back_to_cached(&self, error: &Error) -> Outcome {
        let held = self.cached.borrow().clone();
        match held {
            Some(held) if error.kind() == Kind::Unreachable && self.lasts(&held) => {
                warn!("{error}; returned the cached token instead");
                Ok(held)
            }
            _ => Err(error.clone()),
        }
    }

    /// Whether the token may be returned during an outage.
    fn lasts(&self, held: &CachedToken) -> bool {
        held.remaining_validity(self.clock.as_ref()) > MIN_VALIDITY_DURING_OUTAGE
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

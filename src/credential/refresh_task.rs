//! The task behind a credential: it refreshes when it is time, and when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};

use crate::error::{Error, Kind, Result};
use crate::time::{Clock, LAST_RESORT, Timestamp};

use super::cached_token::CachedToken;
use super::refresher::{RefreshedToken, Refresher};
use super::schedule::{Failures, TokenLife, next_refresh, pause_after};

/// The longest time for which callers get the error of the last refresh without a new one. Pauses
/// between refreshes that no caller needs are longer.
const REPEATED: Duration = Duration::from_secs(5);
/// The longest sleep in one piece: timers stand still while a machine sleeps, so that the clock is
/// looked at again from time to time.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Somebody who waits for a token.
pub(super) struct PendingGet {
    pub(super) min_validity: Duration,
    pub(super) answer: oneshot::Sender<Result<Arc<CachedToken>>>,
}

/// See the module.
pub(super) struct RefreshTask<R> {
    refresher: R,
    clock: Arc<dyn Clock>,
    ahead: Option<Duration>,
    held: watch::Sender<Option<Arc<CachedToken>>>,
    failed: Option<RecentFailures>,
}

/// The tries since the last new token.
struct RecentFailures {
    times: u32,
    pause: Duration,
    at: Timestamp,
    running_then: Option<Duration>,
    /// `None` where the refresher brought the token that was there already.
    error: Option<Error>,
}

impl RecentFailures {
    fn ago(&self, clock: &dyn Clock) -> Duration {
        let by_wall = clock.now().since(self.at);
        match (clock.running(), self.running_then) {
            (Some(now), Some(then)) => by_wall.max(now.saturating_sub(then)),
            _ => by_wall,
        }
    }

    fn may_pass(&self) -> bool {
        self.error
            .as_ref()
            .is_none_or(|error| error.kind() == Kind::Unreachable)
    }
}

impl<R: Refresher> RefreshTask<R> {
    pub(super) fn new(
        refresher: R,
        clock: Arc<dyn Clock>,
        ahead: Option<Duration>,
        held: watch::Sender<Option<Arc<CachedToken>>>,
    ) -> Self {
        RefreshTask {
            refresher,
            clock,
            ahead,
            held,
            failed: None,
        }
    }

    /// Runs until the credential is gone.
    pub(super) async fn run(mut self, mut asks: mpsc::UnboundedReceiver<PendingGet>) {
        let mut waiting: Vec<PendingGet> = Vec::new();
        loop {
            let pause = self.pause();
            if waiting.is_empty() && pause.is_none_or(|pause| !pause.is_zero()) {
                tokio::select! {
                    ask = asks.recv() => match ask {
                        Some(ask) => waiting.push(ask),
                        None => return,
                    },
                    () = sleep(self.clock.as_ref(), pause) => continue,
                }
            }
            while let Ok(ask) = asks.try_recv() {
                waiting.push(ask);
            }
            waiting.retain(|ask| !ask.answer.is_closed());
            self.serve(&mut waiting);
            let is_due = self.pause().is_some_and(|pause| pause.is_zero());
            if waiting.is_empty() && !is_due {
                continue;
            }
            let asked = longest(&waiting).max(self.ahead.unwrap_or_default());
            let refreshed = {
                let mut refreshing = self.refresher.refresh(asked);
                loop {
                    tokio::select! {
                        refreshed = &mut refreshing => break refreshed,
                        ask = asks.recv() => match ask {
                            Some(ask) => waiting.push(ask),
                            None => return,
                        },
                    }
                }
            };
            let outcome = refreshed.and_then(|token| self.take(token, asked));
            match outcome {
                Ok(held) => {
                    // Who wants more than this refresh was asked for gets one of their own.
                    for ask in waiting.extract_if(.., |ask| ask.min_validity <= asked) {
                        let _ = ask.answer.send(Ok(held.clone()));
                    }
                }
                Err(error) => {
                    self.note(Some(&error));
                    for ask in waiting.drain(..) {
                        let _ = ask.answer.send(self.fall_back_to_cached(&error));
                    }
                }
            }
        }
    }

    /// Replies to callers that the held token satisfies, and to callers for whom a recent failure
    /// means that nothing better is available.
    fn serve(&self, waiting: &mut Vec<PendingGet>) {
        let clock = self.clock.as_ref();
        let held = self.held.borrow().clone();
        if let Some(held) = &held {
            for ask in waiting.extract_if(.., |ask| held.is_good(ask.min_validity, clock)) {
                let _ = ask.answer.send(Ok(held.clone()));
            }
        }
        let Some(failed) = &self.failed else { return };
        let ago = failed.ago(clock);
        if !failed.may_pass() || ago >= failed.pause {
            return;
        }
        let lasts = held.as_ref().is_some_and(|held| self.lasts(held));
        match (&failed.error, held) {
            // By now the service may answer again.
            (Some(_), _) if ago >= REPEATED && !lasts => {}
            (Some(error), _) => {
                for ask in waiting.drain(..) {
                    let _ = ask.answer.send(self.fall_back_to_cached(error));
                }
            }
            // It was the best there is a moment ago.
            (None, Some(held)) if held.left(clock) > LAST_RESORT.min(held.life / 4) => {
                for ask in waiting.drain(..) {
                    let _ = ask.answer.send(Ok(held.clone()));
                }
            }
            (None, _) => {}
        }
    }

    /// How long until a refresh that nobody asked for.
    fn pause(&self) -> Option<Duration> {
        let clock = self.clock.as_ref();
        let held = self.held.borrow().as_ref().map(|held| TokenLife {
            life: held.life,
            left: held.left(clock),
        });
        let failures = self.failed.as_ref().map(|failed| Failures {
            pause: failed.pause,
            ago: failed.ago(clock),
            may_pass: failed.may_pass(),
        });
        next_refresh(held, self.ahead, failures)
    }

    fn take(&mut self, token: RefreshedToken, asked: Duration) -> Result<Arc<CachedToken>> {
        let new = Arc::new(CachedToken::new(token, asked, self.clock.as_ref()));
        if new.life.is_zero() {
            return Err(Error::new(
                Kind::Refused,
                "the new token has expired already",
                "see that this machine's clock is right, and what the tokens come from",
            ));
        }
        // The service has answered: an outage is over, and the next failure is the first one.
        self.failed.take_if(|failed| failed.error.is_some());
        let before = self.held.borrow().clone();
        if let Some(mut before) = before.filter(|before| before.token == new.token) {
            if before.is_in_doubt(self.clock.as_ref()) {
                before = Arc::new(new.with_asked(before.asked));
                self.held.send_replace(Some(before.clone()));
            }
            if asked > before.asked {
                // The best there is, also for a wish that nobody had before.
                let judged = Arc::new(before.with_asked(asked));
                self.held.send_replace(Some(judged.clone()));
                return Ok(judged);
            }
            // No renewal: it is tried again after a pause, as after any failure.
            self.note(None);
            return Ok(before);
        }
        self.failed = None;
        self.held.send_replace(Some(new.clone()));
        Ok(new)
    }

    fn note(&mut self, error: Option<&Error>) {
        let times = self.failed.as_ref().map_or(0, |failed| failed.times) + 1;
        let pause = pause_after(times, fastrand::f64());
        match error {
            Some(error) => debug!(
                "a refresh failed: {error}; the next try is in {} ms",
                pause.as_millis()
            ),
            None => debug!(
                "a refresh brought nothing new; the next try is in {} ms",
                pause.as_millis()
            ),
        }
        self.failed = Some(RecentFailures {
            times,
            pause,
            at: self.clock.now(),
            running_then: self.clock.running(),
            error: error.cloned(),
        });
    }

    /// The service cannot be reached: what still lives is better than nothing. A refusal is never
    /// papered over.
    fn fall_back_to_cached(&self, error: &Error) -> Result<Arc<CachedToken>> {
        let held = self.held.borrow().clone();
        match held {
            Some(held) if error.kind() == Kind::Unreachable && self.lasts(&held) => {
                warn!("{error}: the token that is held is handed out");
                Ok(held)
            }
            _ => Err(error.clone()),
        }
    }

    /// Whether the token may be handed out during an outage.
    fn lasts(&self, held: &CachedToken) -> bool {
        held.left(self.clock.as_ref()) > LAST_RESORT
    }
}

fn longest(waiting: &[PendingGet]) -> Duration {
    let wishes = waiting.iter().map(|ask| ask.min_validity);
    wishes.max().unwrap_or_default()
}

async fn sleep(clock: &dyn Clock, pause: Option<Duration>) {
    match pause {
        Some(pause) => clock.sleep(pause.min(LONGEST_SLEEP)).await,
        None => std::future::pending().await,
    }
}

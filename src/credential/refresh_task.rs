//! The task of a credential. It refreshes on schedule, and if a call needs a new token.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};

use crate::error::{Error, Kind, Result};
use crate::time::{Clock, LAST_RESORT, Timestamp};

use super::cached_token::CachedToken;
use super::refresher::{RefreshedToken, Refresher};
use super::schedule::{Failures, TokenLife, next_refresh, pause_after};

/// The longest time for which callers get the last error without a new refresh. The pauses between
/// scheduled refreshes are longer.
const REPEATED: Duration = Duration::from_secs(5);
/// The longest single sleep. Timers stop during a suspend, so that the task must read the clock again.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A call that waits for a token.
pub(super) struct PendingGet {
    pub(super) min_validity: Duration,
    pub(super) sender: oneshot::Sender<Result<Arc<CachedToken>>>,
}

/// The state of the task.
pub(super) struct RefreshTask<R> {
    refresher: R,
    clock: Arc<dyn Clock>,
    ahead: Option<Duration>,
    cached: watch::Sender<Option<Arc<CachedToken>>>,
    failed: Option<RecentFailures>,
}

/// The refreshes since the last new token.
struct RecentFailures {
    times: u32,
    pause: Duration,
    at: Timestamp,
    running_then: Option<Duration>,
    /// `None` if the refresher brought the cached token again.
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
        cached: watch::Sender<Option<Arc<CachedToken>>>,
    ) -> Self {
        RefreshTask {
            refresher,
            clock,
            ahead,
            cached,
            failed: None,
        }
    }

    /// Runs until the credential is dropped.
    pub(super) async fn run(mut self, mut calls: mpsc::UnboundedReceiver<PendingGet>) {
        let mut waiting: Vec<PendingGet> = Vec::new();
        loop {
            let pause = self.pause();
            if waiting.is_empty() && pause.is_none_or(|pause| !pause.is_zero()) {
                tokio::select! {
                    call = calls.recv() => match call {
                        Some(call) => waiting.push(call),
                        None => return,
                    },
                    () = sleep(self.clock.as_ref(), pause) => continue,
                }
            }
            while let Ok(call) = calls.try_recv() {
                waiting.push(call);
            }
            waiting.retain(|call| !call.sender.is_closed());
            self.reply(&mut waiting);
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
                        call = calls.recv() => match call {
                            Some(call) => waiting.push(call),
                            None => return,
                        },
                    }
                }
            };
            let outcome = refreshed.and_then(|token| self.take(token, asked));
            match outcome {
                Ok(held) => {
                    // A call for a longer validity gets another refresh.
                    for call in waiting.extract_if(.., |call| call.min_validity <= asked) {
                        let _ = call.sender.send(Ok(held.clone()));
                    }
                }
                Err(error) => {
                    self.record_failure(Some(&error));
                    for call in waiting.drain(..) {
                        let _ = call.sender.send(self.fall_back_to_cached(&error));
                    }
                }
            }
        }
    }

    /// Replies to callers that the cached token satisfies. Replies to all callers if a recent failure
    /// means that no better token is available.
    fn reply(&self, waiting: &mut Vec<PendingGet>) {
        let clock = self.clock.as_ref();
        let held = self.cached.borrow().clone();
        if let Some(held) = &held {
            for call in waiting.extract_if(.., |call| held.is_good(call.min_validity, clock)) {
                let _ = call.sender.send(Ok(held.clone()));
            }
        }
        let Some(failed) = &self.failed else { return };
        let ago = failed.ago(clock);
        if !failed.may_pass() || ago >= failed.pause {
            return;
        }
        let lasts = held.as_ref().is_some_and(|held| self.lasts(held));
        match (&failed.error, held) {
            // The service may be available again.
            (Some(_), _) if ago >= REPEATED && !lasts => {}
            (Some(error), _) => {
                for call in waiting.drain(..) {
                    let _ = call.sender.send(self.fall_back_to_cached(error));
                }
            }
            // A moment ago no better token was available.
            (None, Some(held)) if held.left(clock) > LAST_RESORT.min(held.life / 4) => {
                for call in waiting.drain(..) {
                    let _ = call.sender.send(Ok(held.clone()));
                }
            }
            (None, _) => {}
        }
    }

    /// The time until the next scheduled refresh.
    fn pause(&self) -> Option<Duration> {
        let clock = self.clock.as_ref();
        let held = self.cached.borrow().as_ref().map(|held| TokenLife {
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
        // A response ends an outage, and the count of its failures.
        self.failed.take_if(|failed| failed.error.is_some());
        let before = self.cached.borrow().clone();
        if let Some(mut before) = before.filter(|before| before.token == new.token) {
            if before.is_in_doubt(self.clock.as_ref()) {
                before = Arc::new(new.with_asked(before.asked));
                self.cached.send_replace(Some(before.clone()));
            }
            if asked > before.asked {
                // No better token is available for this longer validity either.
                let judged = Arc::new(before.with_asked(asked));
                self.cached.send_replace(Some(judged.clone()));
                return Ok(judged);
            }
            // Not a new token: retried after a pause, like a failure.
            self.record_failure(None);
            return Ok(before);
        }
        self.failed = None;
        self.cached.send_replace(Some(new.clone()));
        Ok(new)
    }

    fn record_failure(&mut self, error: Option<&Error>) {
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

    /// Returns the cached token if the service cannot be reached. A refusal stays an error.
    fn fall_back_to_cached(&self, error: &Error) -> Result<Arc<CachedToken>> {
        let held = self.cached.borrow().clone();
        match held {
            Some(held) if error.kind() == Kind::Unreachable && self.lasts(&held) => {
                warn!("{error}: the token that is held is handed out");
                Ok(held)
            }
            _ => Err(error.clone()),
        }
    }

    /// Whether the token may be returned during an outage.
    fn lasts(&self, held: &CachedToken) -> bool {
        held.left(self.clock.as_ref()) > LAST_RESORT
    }
}

fn longest(waiting: &[PendingGet]) -> Duration {
    let validities = waiting.iter().map(|call| call.min_validity);
    validities.max().unwrap_or_default()
}

async fn sleep(clock: &dyn Clock, pause: Option<Duration>) {
    match pause {
        Some(pause) => clock.sleep(pause.min(LONGEST_SLEEP)).await,
        None => std::future::pending().await,
    }
}

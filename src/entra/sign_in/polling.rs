//! The delay between the polls for a device code (RFC 8628, section 3.5).
//!
//! Pure: the input is the outcome of a poll, the output the delay before the next one.

use std::fmt;
use std::time::Duration;

use super::timeout::SECOND;

/// The increase of the interval by `slow_down` (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest pause after an outage, and the longest `Retry-After` that is followed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest lifetime of a code that is accepted from the authority.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// The outcome of a poll without tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PollOutcome {
    /// The user has not entered the code yet.
    Pending,
    /// The polls are too frequent.
    SlowDown,
    /// Entra or the network fails, with the `Retry-After` if there is one.
    Outage(Option<Duration>),
    /// The code can no longer be entered.
    Expired,
}

impl fmt::Display for PollOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PollOutcome::Pending => f.write_str("not entered yet"),
            PollOutcome::SlowDown => f.write_str("poll less often"),
            PollOutcome::Outage(None) => f.write_str("no answer"),
            PollOutcome::Outage(Some(pause)) => write!(f, "ask again in {} s", pause.as_secs()),
            PollOutcome::Expired => f.write_str("expired"),
        }
    }
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Sleep for this time, then poll.
    Wait(Duration),
    /// Request another code.
    Renew,
}

/// The polling state of one code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Polling {
    interval: Duration,
    /// The backoff of the latest outage.
    pause: Duration,
    /// The time until the code expires.
    left: Duration,
}

impl Polling {
    pub(super) fn new(interval: Duration, life: Duration) -> Self {
        Polling {
            // An interval of 0 s would be a busy loop.
            interval: interval.clamp(SECOND, LONGEST_PAUSE),
            pause: Duration::ZERO,
            left: life.min(LONGEST_LIFE),
        }
    }

    /// Returns the next step. Its delay is counted as elapsed.
    pub(super) fn next(&mut self, outcome: PollOutcome) -> Next {
        let requested = match outcome {
            PollOutcome::Expired => return Next::Renew,
            PollOutcome::Outage(retry_after) => {
                self.pause = (self.pause * 2).max(self.interval).min(LONGEST_PAUSE);
                retry_after.unwrap_or_default().min(LONGEST_PAUSE)
            }
            PollOutcome::SlowDown => {
                self.interval += SLOWER;
                self.pause = Duration::ZERO;
                Duration::ZERO
            }
            PollOutcome::Pending => {
                self.pause = Duration::ZERO;
                Duration::ZERO
            }
        };
        let wait = self.interval.max(self.pause).max(requested).min(self.left);
        if wait.is_zero() {
            return Next::Renew;
        }
        self.left -= wait;
        Next::Wait(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn slow_down_increases_the_interval_permanently() {
        let mut polling = Polling::new(seconds(5), seconds(900));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(seconds(5)));
        assert_eq!(polling.next(PollOutcome::SlowDown), Next::Wait(seconds(10)));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(seconds(10)));
        assert_eq!(polling.next(PollOutcome::SlowDown), Next::Wait(seconds(15)));
        assert_eq!(polling.left, seconds(860));
    }

    #[test]
    fn outages_back_off_honor_retry_after_and_end_with_a_response() {
        let mut polling = Polling::new(seconds(5), seconds(900));
        let outage = PollOutcome::Outage(None);
        for expected in [5, 10, 20, 40, 60, 60] {
            assert_eq!(polling.next(outage), Next::Wait(seconds(expected)));
        }
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(seconds(5)));
        let sign_in = PollOutcome::Outage(Some(seconds(30)));
        assert_eq!(polling.next(sign_in), Next::Wait(seconds(30)));
        let hours = PollOutcome::Outage(Some(seconds(86_400)));
        assert_eq!(polling.next(hours), Next::Wait(LONGEST_PAUSE));
    }

    #[test]
    fn a_code_is_polled_for_until_it_expires_and_not_longer() {
        let mut polling = Polling::new(seconds(5), seconds(12));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(seconds(5)));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(seconds(5)));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(seconds(2)));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Renew);
        let mut polling = Polling::new(seconds(5), seconds(900));
        assert_eq!(polling.next(PollOutcome::Expired), Next::Renew);
    }

    #[test]
    fn zero_interval_is_no_busy_loop_and_long_lifetimes_are_capped() {
        let mut polling = Polling::new(Duration::ZERO, seconds(1 << 40));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(SECOND));
        assert!(polling.left < LONGEST_LIFE);
    }
}

//! How fast a device code is polled for (RFC 8628, section 3.5).
//!
//! Pure: what a poll heard goes in, how long to wait before the next one comes out.

use std::fmt;
use std::time::Duration;

use super::SECOND;

/// What `slow_down` adds, for good (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest pause that trouble leads to, or that an answer may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// No code is waited for longer, whatever the authority says.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// What a poll heard, where the wait goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PollOutcome {
    /// Nobody has entered the code yet.
    Pending,
    /// We ask too often.
    SlowDown,
    /// Entra or the network is out of order; perhaps it said for how long.
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

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Sleep so long, then poll.
    Wait(Duration),
    /// Ask for another code.
    Renew,
}

/// How fast one code is polled for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Polling {
    interval: Duration,
    /// The pause that the latest trouble led to; none without.
    pause: Duration,
    /// How long the code can still be entered.
    left: Duration,
}

impl Polling {
    pub(super) fn new(interval: Duration, life: Duration) -> Self {
        Polling {
            // A client that is told to poll without pause does not.
            interval: interval.clamp(SECOND, LONGEST_PAUSE),
            pause: Duration::ZERO,
            left: life.min(LONGEST_LIFE),
        }
    }

    /// Hears an answer and says what comes next; the wait that it names counts as passed.
    pub(super) fn next(&mut self, outcome: PollOutcome) -> Next {
        let sign_in = match outcome {
            PollOutcome::Expired => return Next::Renew,
            PollOutcome::Outage(sign_in) => {
                self.pause = (self.pause * 2).max(self.interval).min(LONGEST_PAUSE);
                sign_in.unwrap_or_default().min(LONGEST_PAUSE)
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
        let wait = self.interval.max(self.pause).max(sign_in).min(self.left);
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
    fn the_interval_is_kept_and_slow_down_adds_to_it_for_good() {
        let mut polling = Polling::new(seconds(5), seconds(900));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(seconds(5)));
        assert_eq!(polling.next(PollOutcome::SlowDown), Next::Wait(seconds(10)));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(seconds(10)));
        assert_eq!(polling.next(PollOutcome::SlowDown), Next::Wait(seconds(15)));
        assert_eq!(polling.left, seconds(860));
    }

    #[test]
    fn trouble_backs_off_and_asks_as_late_as_it_is_told_and_is_forgotten_when_over() {
        let mut polling = Polling::new(seconds(5), seconds(900));
        let trouble = PollOutcome::Outage(None);
        for expected in [5, 10, 20, 40, 60, 60] {
            assert_eq!(polling.next(trouble), Next::Wait(seconds(expected)));
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
        let mut told = Polling::new(seconds(5), seconds(900));
        assert_eq!(told.next(PollOutcome::Expired), Next::Renew);
    }

    #[test]
    fn an_interval_of_nothing_is_no_hot_loop_and_a_life_of_years_ends() {
        let mut polling = Polling::new(Duration::ZERO, seconds(1 << 40));
        assert_eq!(polling.next(PollOutcome::Pending), Next::Wait(SECOND));
        assert!(polling.left < LONGEST_LIFE);
    }
}

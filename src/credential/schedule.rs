//! Decides when to refresh next, as a pure function.

use std::time::Duration;

/// The shortest time between two scheduled refreshes, however short tokens live.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The lifetime of the cached token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenLife {
    /// The remaining lifetime when the refresh brought it.
    pub(super) life: Duration,
    /// The remaining lifetime.
    pub(super) left: Duration,
}

/// The failed refreshes since then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failures {
    /// The pause after the last one.
    pub(super) pause: Duration,
    /// The time since the last one.
    pub(super) ago: Duration,
    /// Whether the cause may end without an action of the user.
    pub(super) may_pass: bool,
}

/// Returns the time until the next scheduled refresh; `None` if only a call starts one.
pub(super) fn next_refresh(
    held: Option<TokenLife>,
    ahead: Option<Duration>,
    failures: Option<Failures>,
) -> Option<Duration> {
    let held = held?;
    let margin = ahead?.min(held.life / 2);
    let due = held.left.saturating_sub(margin);
    match failures {
        None => {
            let age = held.life.saturating_sub(held.left);
            Some(due.max(SHORTEST.saturating_sub(age)))
        }
        // The token has expired, and only the user can end the failures.
        Some(failed) if held.left.is_zero() && !failed.may_pass => None,
        Some(failed) => Some(due.max(failed.pause.saturating_sub(failed.ago))),
    }
}

/// Returns the pause after this number of failures in a row: 1 s, doubled up to one minute, reduced
/// by up to half. The reduction spreads programs that failed together. `jitter` is from 0 to 1.
pub(crate) fn pause_after(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    let whole = Duration::from_secs(1 << doublings).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_replaced_fifteen_minutes_ahead_or_at_half_of_its_life_and_never_at_once() {
        const DAYS_60: u64 = 60 * 86_400;
        for (life, left, wait) in [
            (3600, 3600, Some(s(2700))),
            (3600, 1000, Some(s(100))),
            (3600, 900, Some(s(0))),
            (3600, 0, Some(s(0))),
            // Half of the life, if that is less.
            (1200, 1200, Some(s(600))),
            (1200, 500, Some(s(0))),
            (10, 10, Some(s(5))),
            // Whatever the life, a second lies between two refreshes.
            (1, 1, Some(s(1))),
            (0, 0, Some(s(1))),
            // Longer than a millisecond counter of 32 bits.
            (DAYS_60, DAYS_60, Some(s(DAYS_60 - 900))),
        ] {
            let held = TokenLife {
                life: s(life),
                left: s(left),
            };
            let next = next_refresh(Some(held), Some(s(900)), None);
            assert_eq!(next, wait, "{life} {left}");
            assert_eq!(next_refresh(Some(held), None, None), None);
        }
        assert_eq!(next_refresh(None, Some(s(900)), None), None);
    }

    #[test]
    fn after_a_failure_it_waits_and_gives_up_only_where_a_person_must_act() {
        for (left, pause, ago, may_pass, wait) in [
            (800, 8, 0, false, Some(s(8))),
            (800, 8, 3, false, Some(s(5))),
            (800, 8, 9, true, Some(s(0))),
            // Failed because a caller asked: it is not due for long.
            (3000, 8, 0, true, Some(s(2100))),
            (0, 8, 3, true, Some(s(5))),
            (0, 8, 3, false, None),
        ] {
            let held = TokenLife {
                life: s(3600),
                left: s(left),
            };
            let failures = Failures {
                pause: s(pause),
                ago: s(ago),
                may_pass,
            };
            let next = next_refresh(Some(held), Some(s(900)), Some(failures));
            assert_eq!(next, wait, "{left} {pause} {ago} {may_pass}");
        }
    }

    #[test]
    fn pauses_double_to_a_minute_and_are_spread() {
        let all: Vec<u64> = (1..=9)
            .map(|failures| pause_after(failures, 1.0).as_secs())
            .collect();
        assert_eq!(all, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause_after(3, 0.0), s(2));
        assert_eq!(pause_after(u32::MAX, 0.0), s(30));
    }
}

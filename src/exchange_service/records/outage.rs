//! The outage of another system, in the log: its begin, each other failure, and a reminder at intervals.

use std::time::{Duration, Instant};

use crate::error::Error;

/// The interval between two lines about the same outage.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// What the log has about an outage that is tried again each second.
#[derive(Debug, Default)]
pub(in crate::exchange_service) struct Outage(Option<(String, Instant)>);

impl Outage {
    /// Returns the text for the log if this failure needs a line. The cause of an outage can change at
    /// each try, so that another cause needs none.
    pub(in crate::exchange_service) fn news(&mut self, error: &Error) -> Option<String> {
        self.news_at(error, Instant::now())
    }

    fn news_at(&mut self, error: &Error, now: Instant) -> Option<String> {
        let message = error.to_string();
        let is_known = |(known, at): &(String, Instant)| *known == message && now - *at < INTERVAL;
        if self.0.as_ref().is_some_and(is_known) {
            return None;
        }
        self.0 = Some((message, now));
        Some(sentences(error))
    }

    /// Returns whether an outage ends with this success.
    pub(in crate::exchange_service) fn end(&mut self) -> bool {
        self.0.take().is_some()
    }
}

/// Returns the failure, its cause and the next step as sentences for the log.
pub(in crate::exchange_service) fn sentences(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}. {}", cause.unwrap_or_default(), error.hint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_reported_once_and_again_after_the_interval_or_for_another_failure() {
        let down = Error::unreachable("the database is unavailable", "Start it.");
        let refused = Error::usage("the database refused the access", "Check it.");
        let mut outage = Outage::default();
        let start = Instant::now();
        let mut news =
            |second, error: &Error| outage.news_at(error, start + Duration::from_secs(second));
        let first = news(0, &down.clone().caused_by("connection refused"));
        let text = "the database is unavailable: connection refused. Start it.";
        assert_eq!(first.as_deref(), Some(text));
        for second in 1..300 {
            let cause = format!("cause {second}");
            assert_eq!(news(second, &down.clone().caused_by(cause)), None);
        }
        assert!(news(300, &down).is_some(), "5 minutes later");
        assert!(news(301, &refused).is_some());
        assert!(outage.end() && !outage.end());
        assert!(outage.news(&refused).is_some(), "another outage");
    }
}

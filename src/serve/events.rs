//! The recent events that the dashboard shows: sign-ins, renewals, returned tokens, refused requests.
//!
//! The list contains names and times and no secret. It is bounded and in memory only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::account::Account;
use crate::error::Error;
use crate::text::printable;
use crate::time::{Clock, Timestamp};

/// Most events; the oldest are removed first.
const MAX_EVENTS: usize = 100;

/// A bounded list of events, the newest first.
pub(super) struct Events {
    clock: Arc<dyn Clock>,
    list: Mutex<VecDeque<Event>>,
}

struct Event {
    tone: &'static str,
    text: String,
    /// The account of a returned token.
    home_account_id: Option<String>,
    /// The time of the latest occurrence.
    at: Timestamp,
    /// The occurrences in a row.
    times: u64,
}

impl Events {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Events {
            clock,
            list: Mutex::default(),
        }
    }

    /// Records a returned token. Allocates nothing if the latest event is the same.
    pub(super) fn token_returned(&self, account: &Account) {
        let id = &account.home_account_id;
        let is_same = |event: &Event| event.home_account_id.as_ref() == Some(id);
        self.record(1, is_same, || {
            let text = format!("Token of {} returned to an app", account.username);
            ("plain", text, Some(id.clone()))
        });
    }

    pub(super) fn good(&self, text: impl Into<String>) {
        self.record_text(1, "good", text.into());
    }

    pub(super) fn bad(&self, what: &str, error: &Error) {
        self.record_text(1, "bad", format!("{what}: {}", error.message()));
    }

    /// Records a refused request. Unauthenticated callers can cause this event, so that each reason
    /// has one entry: refusals cannot remove the other events.
    pub(super) fn refused(&self, error: &Error) {
        let text = format!("Request refused: {}", error.message());
        self.record_text(MAX_EVENTS, "bad", text);
    }

    fn record_text(&self, latest: usize, tone: &'static str, text: String) {
        let is_same = |event: &Event| event.text == text;
        self.record(latest, is_same, || (tone, text.clone(), None));
    }

    /// Records an event: the same one of the latest ones again, or a new one.
    fn record(
        &self,
        latest: usize,
        is_same: impl Fn(&Event) -> bool,
        new: impl FnOnce() -> (&'static str, String, Option<String>),
    ) {
        let at = self.clock.now();
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let known = list.iter().take(latest).position(is_same);
        let known = known.and_then(|known| list.remove(known));
        let mut event = known.unwrap_or_else(|| {
            let (tone, text, home_account_id) = new();
            Event {
                tone,
                text,
                home_account_id,
                at,
                times: 0,
            }
        });
        event.at = at;
        event.times += 1;
        list.truncate(MAX_EVENTS - 1);
        list.push_front(event);
    }

    /// Returns the events, the newest first.
    pub(super) fn json(&self) -> Value {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let events = list.iter().map(|event| {
            json!({
                "at": event.at.to_string(),
                "tone": event.tone,
                "text": printable(&event.text),
                "times": event.times,
            })
        });
        events.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::time::SettableClock;

    #[test]
    fn refused_requests_do_not_push_other_events_out() {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let events = Events::new(Arc::new(clock));
        events.good("ada signed in");
        let refusals = ["wrong host", "no secret", "unknown page"];
        for refusal in refusals.iter().cycle().take(3 * MAX_EVENTS) {
            events.refused(&Error::new(Kind::Refused, *refusal, "stop"));
        }
        let list = events.json();
        let list = list.as_array().expect("a list");
        assert_eq!(list.len(), 1 + refusals.len(), "{list:?}");
        assert_eq!(list[0]["text"], "Request refused: unknown page");
        assert_eq!(list[0]["times"], MAX_EVENTS);
        assert_eq!(list[3]["text"], "ada signed in");
    }
}

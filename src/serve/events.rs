//! The recent events that the dashboard shows: sign-ins, renewals, returned tokens, refused requests.
//!
//! The list contains names and times and no secret. It is bounded and in memory only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::account::Account;
use crate::error::Error;
use crate::text::printable;
use crate::time::{Clock, Timestamp};

/// Most events; the oldest are removed first.
const MOST: usize = 100;

/// A bounded list of events.
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
        let at = self.clock.now();
        let mut list = self.list();
        match list.front_mut() {
            Some(latest) if latest.home_account_id.as_ref() == Some(id) => latest.repeat(at),
            _ => add(
                &mut list,
                Event {
                    tone: "plain",
                    text: format!("A token of {} was handed out", account.username),
                    home_account_id: Some(id.clone()),
                    at,
                    times: 1,
                },
            ),
        }
    }

    pub(super) fn good(&self, text: impl Into<String>) {
        self.record("good", text.into());
    }

    pub(super) fn bad(&self, what: &str, error: &Error) {
        self.record("bad", format!("{what}: {}", error.message()));
    }

    /// Records a refused request. Unauthenticated callers can cause this event, so that each reason
    /// has one entry: refusals cannot remove the other events.
    pub(super) fn refused(&self, error: &Error) {
        let text = format!("A request was refused: {}", error.message());
        let mut list = self.list();
        if let Some(known) = list.iter().position(|event| event.text == text)
            && let Some(event) = list.remove(known)
        {
            list.push_front(event);
        }
        drop(list);
        self.record("bad", text);
    }

    fn record(&self, tone: &'static str, text: String) {
        let at = self.clock.now();
        let mut list = self.list();
        match list.front_mut() {
            Some(latest) if latest.text == text => latest.repeat(at),
            _ => add(
                &mut list,
                Event {
                    tone,
                    text,
                    home_account_id: None,
                    at,
                    times: 1,
                },
            ),
        }
    }

    /// Returns the events, the newest first.
    pub(super) fn json(&self) -> Value {
        let list = self.list();
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

    fn list(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    fn repeat(&mut self, at: Timestamp) {
        self.at = at;
        self.times += 1;
    }
}

fn add(list: &mut VecDeque<Event>, event: Event) {
    list.truncate(MOST - 1);
    list.push_front(event);
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
        for refusal in refusals.iter().cycle().take(3 * MOST) {
            events.refused(&Error::new(Kind::Refused, *refusal, "stop"));
        }
        let list = events.json();
        let list = list.as_array().expect("a list");
        assert_eq!(list.len(), 1 + refusals.len(), "{list:?}");
        assert_eq!(list[0]["text"], "A request was refused: unknown page");
        assert_eq!(list[0]["times"], MOST);
        assert_eq!(list[3]["text"], "ada signed in");
    }
}

//! What happened lately, for the dashboard: who was signed in and out, what was renewed, handed
//! out and refused. It holds names and times and no secret, is bounded, and lives in memory.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::account::Account;
use crate::error::Error;
use crate::json::clean;
use crate::time::{Clock, Timestamp};

/// The oldest go first.
const MOST: usize = 100;

/// See the module.
pub(super) struct Events {
    clock: Arc<dyn Clock>,
    list: Mutex<VecDeque<Event>>,
}

struct Event {
    what: EventKind,
    /// When it happened last.
    at: Timestamp,
    /// How often it happened, with nothing else in between.
    times: u64,
}

#[derive(PartialEq, Eq)]
enum EventKind {
    HandedOut {
        home_account_id: String,
        username: String,
    },
    Good(Cow<'static, str>),
    Bad(Cow<'static, str>),
    Refused(String),
}

impl Events {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Events {
            clock,
            list: Mutex::default(),
        }
    }

    /// A token was handed out. It costs next to nothing where the last event was the same.
    pub(super) fn handed_out(&self, account: &Account) {
        let at = self.clock.now();
        let mut list = self.list();
        if let Some(last) = list.front_mut()
            && let EventKind::HandedOut {
                home_account_id, ..
            } = &last.what
            && *home_account_id == account.home_account_id
        {
            last.at = at;
            last.times += 1;
            return;
        }
        let what = EventKind::HandedOut {
            home_account_id: account.home_account_id.clone(),
            username: account.username.clone(),
        };
        add(&mut list, what, at);
    }

    pub(super) fn good(&self, text: impl Into<Cow<'static, str>>) {
        self.note(EventKind::Good(text.into()));
    }

    pub(super) fn bad(&self, what: &str, error: &Error) {
        self.note(EventKind::Bad(
            format!("{what}: {}", error.message()).into(),
        ));
    }

    fn note(&self, what: EventKind) {
        let at = self.clock.now();
        let mut list = self.list();
        match list.front_mut() {
            Some(last) if last.what == what => {
                last.at = at;
                last.times += 1;
            }
            _ => add(&mut list, what, at),
        }
    }

    /// A request was refused. Callers that the service does not know can cause it, so that each
    /// reason has one entry: no number of refusals pushes the other events out.
    pub(super) fn refused(&self, error: &Error) {
        let what = EventKind::Refused(error.message().to_owned());
        let at = self.clock.now();
        let mut list = self.list();
        let known = list.iter().position(|event| event.what == what);
        match known.and_then(|known| list.remove(known)) {
            Some(event) => list.push_front(Event {
                at,
                times: event.times + 1,
                ..event
            }),
            None => add(&mut list, what, at),
        }
    }

    /// The newest first.
    pub(super) fn json(&self) -> Value {
        let list = self.list();
        let events = list.iter().map(|event| {
            let (tone, text) = match &event.what {
                EventKind::HandedOut { username, .. } => {
                    ("plain", format!("A token of {username} was handed out"))
                }
                EventKind::Good(text) => ("good", text.to_string()),
                EventKind::Bad(text) => ("bad", text.to_string()),
                EventKind::Refused(why) => ("bad", format!("A request was refused: {why}")),
            };
            json!({
                "at": event.at.to_string(),
                "tone": tone,
                "text": clean(&text),
                "times": event.times,
            })
        });
        events.collect()
    }

    fn list(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(list: &mut VecDeque<Event>, what: EventKind, at: Timestamp) {
    list.truncate(MOST - 1);
    list.push_front(Event { what, at, times: 1 });
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

//! The sessions of browsers at the dashboard, and the tickets that open them.
//!
//! A ticket opens a session in one browser, once, within a minute. It is redeemed by its secret. The
//! start page redeems a ticket without the secret, for a browser whose command line has no secret.
//! The caller has then checked that the request comes from this user.
//!
//! Each session has a path of its own, which contains the page and its requests. The session's cookie
//! is limited to that path, because cookies do not know ports: another program on this host gets the
//! cookie only if the browser visits the same path there. So the cookie alone opens the page, which
//! contains no data. The page gets a key once, keeps it in the storage of its origin, and sends it in
//! a header that no other page can send. This stops forged requests. A second session in one browser
//! does not change the first one.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use tokio::sync::watch;

use crate::error::Result;
use crate::secret::ServiceSecret;
use crate::serve::instance::{is_secret, new_secret, random};
use crate::time::{Clock, Moment};

/// The lifetime of a ticket.
pub(super) const TICKET_LIFE: Duration = Duration::from_secs(60);
/// Most tickets, and most sessions. Only the service's owner makes them.
const MAX_SESSIONS: usize = 32;
/// The header in which the page sends its key.
const KEY: &str = "acspass-dashboard";
/// The cookie's name. Its path tells the sessions apart.
const COOKIE: &str = "acspass";

/// The tickets that are not redeemed, and the sessions, which end with the service.
pub(in crate::serve) struct Sessions {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tickets: VecDeque<Ticket>,
    /// The number of the newest ticket.
    last_ticket: u64,
    sessions: VecDeque<Session>,
}

struct Ticket {
    number: u64,
    secret: ServiceSecret,
    /// Whether the start page may redeem it.
    has_start: bool,
    issued_at: Moment,
    /// Its receivers see that it is dropped with the ticket.
    unused: watch::Sender<()>,
}

/// The session of one browser.
struct Session {
    /// The first segment of its paths.
    id: String,
    cookie: ServiceSecret,
    key: ServiceSecret,
    is_key_issued: bool,
}

impl Sessions {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Sessions {
            clock,
            state: Mutex::default(),
        }
    }

    /// Issues a ticket, and returns its number and secret.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(super) fn issue_ticket(&self, has_start: bool) -> Result<(u64, ServiceSecret)> {
        let secret = new_secret()?;
        let mut state = self.state();
        state.last_ticket += 1;
        let number = state.last_ticket;
        let ticket = Ticket {
            number,
            secret: secret.clone(),
            has_start,
            issued_at: Moment::now(self.clock.as_ref()),
            unused: watch::Sender::new(()),
        };
        push(&mut state.tickets, ticket);
        Ok((number, secret))
    }

    /// Ends once the ticket with this number is used or has expired.
    pub(in crate::serve) fn ticket_gone(&self, number: u64) -> impl Future<Output = ()> + use<> {
        let state = self.state();
        let ticket = state.tickets.iter().find(|ticket| ticket.number == number);
        let waits = ticket.map(|ticket| (self.left(ticket), ticket.unused.subscribe()));
        async move {
            if let Some((left, mut unused)) = waits {
                let _ = tokio::time::timeout(left, unused.changed()).await;
            }
        }
    }

    /// Opens a session for the ticket with this secret, or for the start page for the newest ticket
    /// that it may redeem. Returns the path of the session's page, with a slash at both ends, and the
    /// value of `Set-Cookie`; `None` if the ticket is unknown, used or expired.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(super) fn open(&self, secret: Option<&str>) -> Result<Option<(String, String)>> {
        let mut state = self.state();
        let ticket = state.tickets.iter().rposition(|ticket| {
            let is_it = match secret {
                Some(secret) => is_secret(&ticket.secret, secret.as_bytes()),
                None => ticket.has_start,
            };
            is_it && !self.left(ticket).is_zero()
        });
        let Some(ticket) = ticket else {
            return Ok(None);
        };
        let session = Session {
            id: random::<16>()?,
            cookie: new_secret()?,
            key: new_secret()?,
            is_key_issued: false,
        };
        let path = format!("/{}/", session.id);
        let value = session.cookie.expose();
        let cookie = format!("{COOKIE}={value}; Path={path}; HttpOnly; SameSite=Strict");
        state.tickets.remove(ticket);
        push(&mut state.sessions, session);
        Ok(Some((path, cookie)))
    }

    /// Returns the key of this session. Each session returns it once.
    pub(super) fn issue_key(&self, id: &str) -> Option<ServiceSecret> {
        let mut state = self.state();
        let mut sessions = state.sessions.iter_mut();
        let session = sessions.find(|session| session.id == id)?;
        let is_first = !std::mem::replace(&mut session.is_key_issued, true);
        is_first.then(|| session.key.clone())
    }

    /// Returns whether a request has the key of this session; `None` if it does not have the cookie.
    /// Other programs on this host can set a cookie of the same name, before or after ours.
    pub(super) fn has_key(&self, id: &str, headers: &HeaderMap) -> Option<bool> {
        let state = self.state();
        let session = state.sessions.iter().find(|session| session.id == id)?;
        let lines = headers.get_all(header::COOKIE).iter();
        let mut cookies = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let is_open = cookies
            .any(|(name, value)| name == COOKIE && is_secret(&session.cookie, value.as_bytes()));
        let key = headers.get(KEY);
        is_open.then(|| key.is_some_and(|key| is_secret(&session.key, key.as_bytes())))
    }

    /// The remaining lifetime of the ticket.
    fn left(&self, ticket: &Ticket) -> Duration {
        TICKET_LIFE.saturating_sub(ticket.issued_at.age(self.clock.as_ref()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends a ticket or a session. Removes the oldest one if the list is full.
fn push<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() >= MAX_SESSIONS {
        list.pop_front();
    }
    list.push_back(item);
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::time::{SettableClock, Timestamp};

    const S: Duration = Duration::from_secs(1);

    fn sessions() -> (SettableClock, Sessions) {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let sessions = Sessions::new(Arc::new(clock.clone()));
        (clock, sessions)
    }

    fn issue(sessions: &Sessions, has_start: bool) -> ServiceSecret {
        sessions.issue_ticket(has_start).expect("random bytes").1
    }

    fn opens(sessions: &Sessions, secret: Option<&ServiceSecret>) -> bool {
        let opened = sessions.open(secret.map(ServiceSecret::expose));
        opened.expect("random bytes").is_some()
    }

    #[test]
    fn a_ticket_is_good_once_and_for_less_than_a_minute() {
        let (clock, sessions) = sessions();
        let (first, second) = (issue(&sessions, false), issue(&sessions, false));
        clock.advance(TICKET_LIFE - S);
        assert!(opens(&sessions, Some(&first)));
        assert!(!opens(&sessions, Some(&first)));
        clock.advance(S);
        assert!(!opens(&sessions, Some(&second)));
        assert!(!opens(&sessions, Some(&ServiceSecret::new(""))));
    }

    #[test]
    fn the_start_page_redeems_only_tickets_that_wait_for_it() {
        let (clock, sessions) = sessions();
        let printed = issue(&sessions, false);
        assert!(!opens(&sessions, None));
        let opened = issue(&sessions, true);
        let later = issue(&sessions, false);
        assert!(opens(&sessions, None));
        assert!(!opens(&sessions, None));
        assert!(!opens(&sessions, Some(&opened)));
        assert!(opens(&sessions, Some(&printed)) && opens(&sessions, Some(&later)));
        issue(&sessions, true);
        clock.advance(TICKET_LIFE);
        assert!(!opens(&sessions, None));
    }

    #[test]
    fn new_ticket_replaces_the_oldest_one() {
        let (_, sessions) = sessions();
        let first = issue(&sessions, false);
        for _ in 0..MAX_SESSIONS {
            issue(&sessions, false);
        }
        assert!(!opens(&sessions, Some(&first)));
        assert!(opens(&sessions, Some(&issue(&sessions, false))));
    }

    #[tokio::test]
    async fn a_ticket_is_gone_once_it_is_used_or_too_old() {
        let (clock, sessions) = sessions();
        let (used, secret) = sessions.issue_ticket(false).expect("random bytes");
        let (old, _) = sessions.issue_ticket(false).expect("random bytes");
        let redeem = async { assert!(opens(&sessions, Some(&secret))) };
        tokio::join!(sessions.ticket_gone(used), redeem);
        assert!(sessions.ticket_gone(old).now_or_never().is_none());
        clock.advance(TICKET_LIFE);
        sessions.ticket_gone(old).await;
        sessions.ticket_gone(u64::MAX).await;
    }

    #[test]
    fn cookie_of_another_program_does_not_close_a_session() {
        let (_, sessions) = sessions();
        let open = || {
            let ticket = issue(&sessions, false);
            let opened = sessions.open(Some(ticket.expose())).expect("random bytes");
            let (path, cookie) = opened.expect("a ticket");
            let (pair, _) = cookie.split_once(';').expect("attributes");
            (path.trim_matches('/').to_owned(), pair.to_owned())
        };
        let ((id, ours), (other_id, other)) = (open(), open());
        assert_ne!(id, other_id);
        for (cookies, is_open) in [
            (format!("acspass=theirs; {ours}"), true),
            (format!("{ours}; acspass=theirs"), true),
            ("acspass=theirs".to_owned(), false),
            (other.clone(), false),
            (String::new(), false),
        ] {
            let request = axum::http::Request::get("/").header(header::COOKIE, &cookies);
            let request = request.body(()).expect("a request");
            let headers = request.headers();
            let is_admitted = sessions.has_key(&id, headers).is_some();
            assert_eq!(is_admitted, is_open, "{cookies}");
            assert_eq!(sessions.has_key("unknown", headers), None, "{cookies}");
        }
    }

    #[test]
    fn new_session_replaces_the_oldest_one() {
        let (_, sessions) = sessions();
        for _ in 0..2 * MAX_SESSIONS {
            issue(&sessions, true);
            assert!(opens(&sessions, None));
        }
        assert_eq!(sessions.state().sessions.len(), MAX_SESSIONS);
    }
}

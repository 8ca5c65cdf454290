//! Who may use the dashboard: a ticket opens it once, a cookie is what a browser keeps of that, and
//! a key is what the page proves itself by.
//!
//! Each opening has a path of its own, below which the page, its parts and its requests are. The
//! cookie is limited to that path, since cookies do not know ports: another program on this host
//! gets it only if the browser visits the same path there. So the cookie alone opens the page,
//! which says nothing, and the key that lets it act is handed out once, to be kept in the storage
//! of the page's origin. The key travels in a header that no foreign page can send, so it is what
//! forged requests fail by, too. A second opening in one browser leaves the first one as it is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::error::Result;
use crate::secret::ServiceSecret;
use crate::serve::access::is_own_page;
use crate::serve::answer::Refusal;
use crate::serve::place::{new_secret, random};
use crate::time::{Clock, Timestamp};

use super::pages;

/// How long a ticket waits for its browser.
pub(in crate::serve) const TICKET_LIFE: Duration = Duration::from_secs(60);
/// Tickets and sessions are made by the service's owner alone; the oldest go first all the same.
const MOST: usize = 32;
/// The header in which the page sends its key.
const KEY: &str = "acspass-dashboard";
/// The cookie's name. Its path tells the sessions apart.
const COOKIE: &str = "acspass";

/// See the module.
pub(in crate::serve) struct Passes {
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    tickets: VecDeque<Ticket>,
    sessions: VecDeque<Pass>,
}

struct Ticket {
    secret: ServiceSecret,
    made_at: Timestamp,
    running_then: Option<Duration>,
}

/// One browser's session, which ends with the service.
struct Pass {
    /// The first segment of its paths.
    id: String,
    cookie: ServiceSecret,
    key: ServiceSecret,
    is_handed_out: bool,
}

/// What a browser gets for a ticket.
pub(super) struct Opened {
    /// The path of the page, with a slash at both ends.
    pub(super) path: String,
    /// The value of `Set-Cookie`.
    pub(super) cookie: String,
}

/// What a request must bring.
#[derive(PartialEq, Eq)]
enum Needs {
    Cookie,
    CookieFromOurPage,
    CookieAndKey,
    CookieAndKeyFromOurPage,
    TheBearer,
}

impl Passes {
    pub(in crate::serve) fn new(clock: Arc<dyn Clock>) -> Self {
        Passes {
            clock,
            held: Mutex::default(),
        }
    }

    /// A ticket: it opens the dashboard once, within a minute.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) where the system gives no random bytes.
    pub(in crate::serve) fn issue(&self) -> Result<ServiceSecret> {
        let secret = new_secret()?;
        let mut held = self.held();
        make_room(&mut held.tickets);
        held.tickets.push_back(Ticket {
            secret: secret.clone(),
            made_at: self.clock.now(),
            running_then: self.clock.running(),
        });
        Ok(secret)
    }

    /// Spends a ticket; `None` if it is unknown, used or too old.
    pub(super) fn spend(&self, ticket: &str) -> Result<Option<Opened>> {
        let (id, cookie, key) = (new_id()?, new_secret()?, new_secret()?);
        let mut held = self.held();
        let at = held
            .tickets
            .iter()
            .position(|held| is(&held.secret, ticket));
        let spent = at.and_then(|at| held.tickets.remove(at));
        let is_good = spent.is_some_and(|ticket| self.age(&ticket) < TICKET_LIFE);
        if !is_good {
            return Ok(None);
        }
        let path = format!("/{id}/");
        let opened = Opened {
            cookie: format!(
                "{COOKIE}={}; Path={path}; HttpOnly; SameSite=Strict",
                cookie.expose()
            ),
            path,
        };
        make_room(&mut held.sessions);
        held.sessions.push_back(Pass {
            id,
            cookie,
            key,
            is_handed_out: false,
        });
        Ok(Some(opened))
    }

    /// The key of this session, if the request's cookie is its own. Nobody gets it twice.
    pub(super) fn hand_out_key(
        &self,
        id: &str,
        headers: &HeaderMap,
    ) -> Result<ServiceSecret, Refusal> {
        let mut held = self.held();
        let session = held
            .session(id, headers)
            .filter(|pass| !pass.is_handed_out)
            .ok_or_else(closed)?;
        session.is_handed_out = true;
        Ok(session.key.clone())
    }

    /// Whether a request of this session may be answered; `path` is the part of its path that
    /// follows the session's.
    pub(in crate::serve) fn admit(
        &self,
        id: &str,
        path: &str,
        request: &Parts,
    ) -> Result<(), Refusal> {
        let headers = &request.headers;
        let needs = Needs::of(&request.method, path);
        let mut held = self.held();
        let pass = held.session(id, headers).ok_or_else(closed)?;
        let has_key = || {
            let sent = headers.get(KEY).and_then(|value| value.to_str().ok());
            match sent.is_some_and(|sent| is(&pass.key, sent)) {
                true => Ok(()),
                false => Err(closed()),
            }
        };
        match needs {
            Needs::Cookie => Ok(()),
            Needs::CookieFromOurPage => from_our_page(headers),
            Needs::CookieAndKey => has_key(),
            Needs::CookieAndKeyFromOurPage => from_our_page(headers).and_then(|()| has_key()),
            Needs::TheBearer => Err(closed()),
        }
    }

    /// Neither a clock that is set back nor a machine that sleeps makes a ticket younger.
    fn age(&self, ticket: &Ticket) -> Duration {
        let by_wall = self.clock.now().since(ticket.made_at);
        match (self.clock.running(), ticket.running_then) {
            (Some(now), Some(then)) => by_wall.max(now.saturating_sub(then)),
            _ => by_wall,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The session of this id, if the request has its cookie. Any other program that the browser
    /// talks to on this host can set a cookie of the same name, before or after ours.
    fn session(&mut self, id: &str, headers: &HeaderMap) -> Option<&mut Pass> {
        let pass = self.sessions.iter_mut().find(|pass| pass.id == id)?;
        let mut cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == COOKIE);
        let is_its_own = cookies.any(|(_, value)| is(&pass.cookie, value));
        is_its_own.then_some(pass)
    }
}

impl Needs {
    fn of(method: &Method, path: &str) -> Needs {
        let reads = *method == Method::GET || *method == Method::HEAD;
        let is_the_pages = path.starts_with("/dashboard/")
            || path == "/token"
            || path == "/identities"
            || path.starts_with("/identities/");
        if reads && pages::is_asset(path) {
            Needs::Cookie
        } else if path == super::KEY_PATH {
            Needs::CookieFromOurPage
        } else if !is_the_pages || path == super::TICKETS_PATH {
            Needs::TheBearer
        } else if reads {
            Needs::CookieAndKey
        } else {
            Needs::CookieAndKeyFromOurPage
        }
    }
}

/// 128 random bits, as they may stand in a path.
fn new_id() -> Result<String> {
    let bytes = random::<16>()?;
    Ok(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}

/// Whether our own page sent this: an approved page of somebody else is none.
fn from_our_page(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    match is_own_page(headers) && sites.all(|site| site == "same-origin") {
        true => Ok(()),
        false => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "NotOurPage",
            "the dashboard's own page did not send this",
            "use the buttons of the page, or send the service's secret",
        )),
    }
}

fn closed() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "DashboardClosed",
        "this page's session is over, or another browser has it",
        "run `acspass serve --open` again",
    )
}

fn is(secret: &ServiceSecret, sent: &str) -> bool {
    secret.expose().as_bytes().ct_eq(sent.as_bytes()).into()
}

fn make_room<T>(list: &mut VecDeque<T>) {
    while list.len() >= MOST {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SettableClock;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_ticket_is_good_once_and_for_less_than_a_minute() {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let passes = Passes::new(Arc::new(clock.clone()));
        let spend = |ticket: &ServiceSecret| passes.spend(ticket.expose()).expect("random bytes");
        let (first, second) = (
            passes.issue().expect("one"),
            passes.issue().expect("another"),
        );
        let third = passes.issue().expect("a third");
        clock.advance(TICKET_LIFE - S);
        assert!(spend(&first).is_some());
        assert!(spend(&first).is_none());
        clock.advance(S);
        assert!(spend(&second).is_none());
        // It is not made young again.
        assert!(spend(&second).is_none());
        assert!(spend(&third).is_none());
        assert!(passes.spend("").expect("random bytes").is_none());
    }

    #[test]
    fn a_cookie_that_somebody_else_set_shuts_nobody_out() {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let passes = Passes::new(Arc::new(clock));
        let open = || {
            let ticket = passes.issue().expect("a ticket");
            let opened = passes.spend(ticket.expose()).expect("random bytes");
            let Opened { path, cookie } = opened.expect("the ticket is good");
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
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(passes.admit(&id, "/", &parts).is_ok(), is_open, "{cookies}");
            assert!(passes.admit("unknown", "/", &parts).is_err(), "{cookies}");
        }
    }

    #[test]
    fn the_oldest_tickets_and_sessions_make_room() {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let passes = Passes::new(Arc::new(clock));
        let first = passes.issue().expect("one");
        for _ in 0..MOST {
            passes.issue().expect("more");
        }
        assert!(
            passes
                .spend(first.expose())
                .expect("random bytes")
                .is_none()
        );
        for _ in 0..2 * MOST {
            let ticket = passes.issue().expect("a ticket");
            let cookie = passes.spend(ticket.expose()).expect("random bytes");
            assert!(cookie.is_some());
        }
        assert_eq!(passes.held().sessions.len(), MOST);
    }
}

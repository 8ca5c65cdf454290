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
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::error::Result;
use crate::secret::ServiceSecret;
use crate::serve::access::is_own_page;
use crate::serve::instance_dir::{new_secret, random};
use crate::serve::response::Refusal;
use crate::time::Clock;

use super::pages;
use super::tickets::{Redeemer, Tickets};

/// Tickets and sessions are made by the service's owner alone; the oldest go first all the same.
const MOST: usize = 32;
/// The header in which the page sends its key.
const KEY: &str = "acspass-dashboard";
/// The cookie's name. Its path tells the sessions apart.
const COOKIE: &str = "acspass";

/// See the module.
pub(in crate::serve) struct DashboardSessions {
    tickets: Arc<Tickets>,
    held: Mutex<SessionList>,
}

#[derive(Default)]
struct SessionList {
    sessions: VecDeque<DashboardSession>,
}

/// One browser's session, which ends with the service.
struct DashboardSession {
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
enum Requirement {
    Cookie,
    CookieFromOurPage,
    CookieAndKey,
    CookieAndKeyFromOurPage,
    TheBearer,
}

impl DashboardSessions {
    pub(in crate::serve) fn new(clock: Arc<dyn Clock>) -> Self {
        DashboardSessions {
            tickets: Arc::new(Tickets::new(clock)),
            held: Mutex::default(),
        }
    }

    /// A new ticket's number and secret.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(super) fn issue(&self, redeemer: Redeemer) -> Result<(u64, ServiceSecret)> {
        self.tickets.issue(redeemer)
    }

    /// Ends once the ticket with this number is used or too old.
    pub(super) fn gone(&self, number: u64) -> impl Future<Output = ()> + use<> {
        self.tickets.gone(number)
    }

    /// Redeems the ticket with this secret, or, without one, a ticket that waits for the start page.
    /// Returns `None` if there is no such ticket.
    pub(super) fn redeem(&self, secret: Option<&str>) -> Result<Option<Opened>> {
        let (id, cookie, key) = (new_id()?, new_secret()?, new_secret()?);
        let is_good = match secret {
            Some(secret) => self.tickets.redeem(secret),
            None => self.tickets.redeem_by_start(),
        };
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
        let mut held = self.held();
        make_room(&mut held.sessions);
        held.sessions.push_back(DashboardSession {
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
        let needs = Requirement::of(&request.method, path);
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
            Requirement::Cookie => Ok(()),
            Requirement::CookieFromOurPage => from_our_page(headers),
            Requirement::CookieAndKey => has_key(),
            Requirement::CookieAndKeyFromOurPage => from_our_page(headers).and_then(|()| has_key()),
            Requirement::TheBearer => Err(closed()),
        }
    }

    fn held(&self) -> MutexGuard<'_, SessionList> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionList {
    /// The session of this id, if the request has its cookie. Any other program that the browser
    /// talks to on this host can set a cookie of the same name, before or after ours.
    fn session(&mut self, id: &str, headers: &HeaderMap) -> Option<&mut DashboardSession> {
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

impl Requirement {
    fn of(method: &Method, path: &str) -> Requirement {
        let reads = *method == Method::GET || *method == Method::HEAD;
        let is_the_pages = path.starts_with("/dashboard/")
            || path == "/token"
            || path == "/identities"
            || path.starts_with("/identities/");
        if reads && pages::is_asset(path) {
            Requirement::Cookie
        } else if path == super::KEY_PATH {
            Requirement::CookieFromOurPage
        } else if !is_the_pages || path == super::TICKETS_PATH {
            Requirement::TheBearer
        } else if reads {
            Requirement::CookieAndKey
        } else {
            Requirement::CookieAndKeyFromOurPage
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

pub(super) fn make_room<T>(list: &mut VecDeque<T>) {
    while list.len() >= MOST {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{SettableClock, Timestamp};

    #[test]
    fn a_cookie_that_somebody_else_set_shuts_nobody_out() {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let passes = DashboardSessions::new(Arc::new(clock));
        let open = || {
            let (_, ticket) = passes.issue(Redeemer::Secret).expect("a ticket");
            let opened = passes.redeem(Some(ticket.expose()));
            let opened = opened.expect("random bytes");
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
        let passes = DashboardSessions::new(Arc::new(clock));
        let issue = || passes.issue(Redeemer::Secret).expect("random bytes").1;
        let redeem = |ticket: &ServiceSecret| {
            let opened = passes.redeem(Some(ticket.expose()));
            opened.expect("random bytes").is_some()
        };
        let first = issue();
        for _ in 0..MOST {
            issue();
        }
        assert!(!redeem(&first));
        for _ in 0..2 * MOST {
            assert!(redeem(&issue()));
        }
        assert_eq!(passes.held().sessions.len(), MOST);
    }
}

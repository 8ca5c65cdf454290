//! The sessions of browsers at the dashboard.
//!
//! A ticket opens a session once. Each session has a path of its own, which contains the page and its
//! requests. The session's cookie is limited to that path, because cookies do not know ports: another
//! program on this host gets the cookie only if the browser visits the same path there. So the cookie
//! alone opens the page, which contains no data. The page gets a key once, keeps it in the storage of
//! its origin, and sends it in a header that no other page can send. This stops forged requests. A
//! second session in one browser does not change the first one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, StatusCode, header};

use crate::error::Result;
use crate::secret::ServiceSecret;
use crate::serve::instance::{is_secret, new_secret, random};
use crate::serve::response::Refusal;

use super::bounded::push;

/// The header in which the page sends its key.
const KEY: &str = "acspass-dashboard";
/// The cookie's name. Its path tells the sessions apart.
const COOKIE: &str = "acspass";

/// The sessions, which end with the service.
#[derive(Default)]
pub(super) struct Sessions(Mutex<VecDeque<Session>>);

/// The session of one browser.
struct Session {
    /// The first segment of its paths.
    id: String,
    cookie: ServiceSecret,
    key: ServiceSecret,
    is_key_issued: bool,
}

/// A new session, as the browser gets it.
pub(super) struct Opened {
    /// The path of the page, with a slash at both ends.
    pub(super) path: String,
    /// The value of `Set-Cookie`.
    pub(super) cookie: String,
}

impl Sessions {
    /// Opens a session.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(super) fn open(&self) -> Result<Opened> {
        let session = Session {
            id: random::<16>()?,
            cookie: new_secret()?,
            key: new_secret()?,
            is_key_issued: false,
        };
        let path = format!("/{}/", session.id);
        let secret = session.cookie.expose();
        let cookie = format!("{COOKIE}={secret}; Path={path}; HttpOnly; SameSite=Strict");
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        push(&mut list, session);
        Ok(Opened { path, cookie })
    }

    /// Returns the key of this session if the request has its cookie. Each session returns it once.
    pub(super) fn issue_key(
        &self,
        id: &str,
        headers: &HeaderMap,
    ) -> Result<ServiceSecret, Refusal> {
        self.with_session(id, headers, |session| {
            let is_first = !std::mem::replace(&mut session.is_key_issued, true);
            is_first.then(|| session.key.clone())
        })
    }

    /// Rejects a request without the cookie of this session.
    pub(super) fn check_cookie(&self, id: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        self.with_session(id, headers, |_| Some(()))
    }

    /// Rejects a request without the cookie and the key of this session.
    pub(super) fn check_key(&self, id: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let sent = headers.get(KEY).map(|value| value.as_bytes());
        self.with_session(id, headers, |session| {
            sent.filter(|sent| is_secret(&session.key, sent)).map(drop)
        })
    }

    /// Calls `then` with the session of this id if the request has its cookie. Other programs on this
    /// host can set a cookie of the same name, before or after ours.
    fn with_session<T>(
        &self,
        id: &str,
        headers: &HeaderMap,
        then: impl FnOnce(&mut Session) -> Option<T>,
    ) -> Result<T, Refusal> {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = list.iter_mut().find(|session| session.id == id);
        let session = session.filter(|session| {
            let mut cookies = headers
                .get_all(header::COOKIE)
                .iter()
                .filter_map(|line| line.to_str().ok())
                .flat_map(|line| line.split(';'))
                .filter_map(|pair| pair.trim().split_once('='))
                .filter(|(name, _)| *name == COOKIE);
            cookies.any(|(_, value)| is_secret(&session.cookie, value.as_bytes()))
        });
        session.and_then(then).ok_or_else(no_session)
    }
}

pub(super) fn no_session() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "DashboardClosed",
        "this page's session is over, or another tab or browser has it",
        "run `acspass serve --open` again",
    )
}

#[cfg(test)]
mod tests {
    use super::super::bounded::MOST;
    use super::*;

    #[test]
    fn cookie_of_another_program_does_not_close_a_session() {
        let sessions = Sessions::default();
        let open = || {
            let Opened { path, cookie } = sessions.open().expect("random bytes");
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
            let is_admitted = sessions.check_cookie(&id, headers).is_ok();
            assert_eq!(is_admitted, is_open, "{cookies}");
            assert!(
                sessions.check_cookie("unknown", headers).is_err(),
                "{cookies}"
            );
        }
    }

    #[test]
    fn new_session_replaces_the_oldest_one() {
        let sessions = Sessions::default();
        for _ in 0..2 * MOST {
            sessions.open().expect("random bytes");
        }
        assert_eq!(sessions.0.lock().expect("no panic").len(), MOST);
    }
}

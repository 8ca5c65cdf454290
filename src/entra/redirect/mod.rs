//! Waits on this machine for Entra's answer to the sign-in (RFC 8252, section 7.3).
//!
//! In comes the redirect address and the `state` of one sign-in; out comes the answer that
//! carries that state, once, with the page that its browser still waits for. Strangers get a page
//! of their own and change nothing. What the answer is worth is not decided here.
//!
//! The public port is served by a gate with hard limits (`gate`, `lobby`); the request that
//! reads as the answer (`answer`) goes on to tiny_http (`handover`), which writes the pages.

mod authorization_response;
mod connections;
mod handover;
mod page;
mod request;
mod start;
#[cfg(test)]
mod tests;
mod uri;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

pub use authorization_response::{Callback, Denial};
pub(super) use authorization_response::{Heard, is_same as is_same_state};
pub use page::{Page, Refused};
pub use uri::{PasteUri, RedirectUri};

use crate::error::{Error, Kind, Result};
use crate::loopback::{self, Bound};
use authorization_response::Expected;
use connections::{Incoming, PendingConnections};
use page::Refusal;
use request::Request;

/// How long nobody is accepted where the machine refuses another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// How Entra is asked to send its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// As a form that the browser posts: nothing stays in its history.
    FormPost,
    /// In the address.
    Query,
}

impl ResponseMode {
    /// The value on the wire.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            ResponseMode::FormPost => "form_post",
            ResponseMode::Query => "query",
        }
    }
}

/// Reads an answer that somebody brought, as strictly as one that came by itself.
pub(super) fn read_answer(form: &[u8], state: &str) -> Option<Heard> {
    authorization_response::read_form(form, state).ok()
}

/// The sign-in's answer, and the page still owed for it.
#[derive(Debug)]
pub struct AuthorizationResponse {
    /// What Entra said.
    pub outcome: Callback,
    /// Who claims to have said it (RFC 9207), where that came along: to be compared with the
    /// issuer that was asked, byte for byte.
    pub issuer: Option<String>,
    /// The browser's page.
    pub page: Page,
}

/// What a wait expects, and what it reports.
pub struct Wait<'a> {
    /// The sign-in's own `state`.
    pub state: &'a str,
    /// How Entra was asked to send its answer.
    pub mode: ResponseMode,
    /// The authority's page, to which the start page leads; without it there is no start page.
    pub leads_to: Option<&'a str>,
    /// Receives the reason of each refusal, every reason once.
    pub refused: &'a (dyn Fn(Refused) + Send + Sync),
}

/// A redirect address that is bound on every loopback family, and not yet served.
#[derive(Debug)]
pub struct Redirect {
    bound: Bound,
    uri: String,
    path: String,
    start_uri: String,
    start_path: &'static str,
    visited: Arc<AtomicBool>,
}

impl Redirect {
    /// Binds the port of `uri`, or a free one. From here on nobody else can take it, and a
    /// browser that is early is kept waiting.
    ///
    /// # Errors
    /// [`Kind::Usage`] where the port is taken, or the address is of a family that this machine
    /// lacks.
    pub fn bind(uri: &RedirectUri) -> Result<Redirect> {
        let bound = loopback::bind(uri.port())?;
        let is_served = uri.literal().is_none_or(|host| {
            bound
                .listeners
                .iter()
                .any(|listener| listener.local_addr().is_ok_and(|own| own.ip() == host))
        });
        if !is_served {
            return Err(Error::new(
                Kind::Usage,
                "this machine does not have the redirect address",
                "use http://localhost as the redirect address",
            ));
        }
        let start_path = start::path_beside(uri.request_path());
        Ok(Redirect {
            start_uri: uri.start_at(bound.port, start_path),
            start_path,
            uri: uri.at(bound.port),
            path: uri.request_path().to_owned(),
            visited: Arc::default(),
            bound,
        })
    }

    /// The address to send as `redirect_uri`, here and when the code is redeemed.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The start page's address. It contains no secret, and leads this user's browser to the
    /// authority while the wait goes on.
    pub fn start_uri(&self) -> &str {
        &self.start_uri
    }

    /// Turns true with the first request, whoever sent it.
    pub fn visited(&self) -> Arc<AtomicBool> {
        self.visited.clone()
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        self.bound.port
    }

    /// Waits until the answer with the expected `state` arrives. Refuses every other request and
    /// keeps waiting. The port is closed when this returns. It has no deadline of its own; dropping
    /// the future closes everything at once. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`Kind::Internal`] where the machine takes the sockets away. No request makes it fail.
    pub async fn wait(self, wait: Wait<'_>) -> Result<AuthorizationResponse> {
        let expected = Expected {
            path: &self.path,
            port: self.bound.port,
            state: wait.state,
            mode: wait.mode,
        };
        let listeners = self
            .bound
            .listeners
            .into_iter()
            .map(TcpListener::from_std)
            .collect::<io::Result<_>>()
            .map_err(lost)?;
        let reports = Reports {
            refused: wait.refused,
            made: Vec::new(),
        };
        let start = wait.leads_to.map(|target| (self.start_path, target));
        let (whole, browser) = listen(listeners, &expected, start, reports, &self.visited).await;
        // From here on the browser gets a page, even where the wait is given up or fails.
        let mut page = Page::new(browser.into_std().map_err(lost)?);
        let response = page.pass_on(&whole).await.map_err(lost)?;
        match authorization_response::read(&response, &expected) {
            Ok(Heard { outcome, issuer }) => Ok(AuthorizationResponse {
                outcome,
                issuer,
                page,
            }),
            Err(_) => Err(Error::internal("the answer was read in two ways")),
        }
    }
}

/// The first request that reads as the answer, and who sent it. Everyone else, and the port, is
/// gone when this returns: a second answer finds nobody.
async fn listen(
    listeners: Vec<TcpListener>,
    expected: &Expected<'_>,
    start: Option<(&str, &str)>,
    mut reports: Reports<'_>,
    visited: &AtomicBool,
) -> (Request, TcpStream) {
    let mut lobby = PendingConnections::default();
    let mut turn = 0;
    loop {
        tokio::select! {
            // Visitors first: whoever was let in is heard before they can be pushed out.
            biased;
            arrival = lobby.next() => {
                visited.store(true, Ordering::Relaxed);
                let refusal = match arrival {
                    Incoming::Refused(refusal) => refusal,
                    Incoming::Whole(whole, stream, admission) => {
                        let refusal = match start {
                            Some((path, target)) if start::is_asked(&whole, path) => {
                                match start::check(&whole, expected.port, admission) {
                                    Ok(()) => {
                                        lobby.respond(stream, page::redirect_to(target));
                                        continue;
                                    }
                                    Err(refusal) => refusal,
                                }
                            }
                            _ => match authorization_response::read(&whole, expected) {
                                Ok(_) => return (whole, stream),
                                Err(refusal) => refusal,
                            },
                        };
                        lobby.reject(stream, refusal, whole.method == "HEAD");
                        refusal
                    }
                };
                reports.make(refusal);
            }
            accepted = accept(&listeners, turn) => {
                turn = turn.wrapping_add(1);
                match accepted {
                    Ok(stream) => lobby.accept(stream),
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(_) => {
                        lobby.make_room();
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }
}

/// Reports each reason once: there are few, so a flood of requests fills no terminal.
struct Reports<'a> {
    refused: &'a (dyn Fn(Refused) + Send + Sync),
    made: Vec<Refused>,
}

impl Reports<'_> {
    fn make(&mut self, refusal: Refusal) {
        if let Some(why) = refusal.why
            && !self.made.contains(&why)
        {
            self.made.push(why);
            (self.refused)(why);
        }
    }
}

/// The next connection from this machine; `turn` lets no family starve the other.
async fn accept(listeners: &[TcpListener], turn: usize) -> io::Result<TcpStream> {
    poll_fn(|context| {
        for at in 0..listeners.len() {
            let listener = &listeners[(at + turn) % listeners.len()];
            match listener.poll_accept(context) {
                Poll::Ready(Ok((stream, peer))) if loopback::is_loopback_peer(peer) => {
                    return Poll::Ready(Ok(stream));
                }
                Poll::Ready(Ok(_)) => context.waker().wake_by_ref(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    })
    .await
}

fn lost(source: io::Error) -> Error {
    Error::new(
        Kind::Internal,
        "the redirect listener lost its socket",
        "run the command again",
    )
    .caused_by(source)
}

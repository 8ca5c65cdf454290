//! Listens at the redirect address until the response to the sign-in arrives.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

use super::authorization_response::{self, AuthorizationResponse, Expected, ResponseMode};
use super::connections::{Incoming, PendingConnections};
use super::content;
use super::page::Page;
use super::progress::Progress;
use super::refusal::{Refusal, Refused};
use super::start;
use super::uri::RedirectUri;
use crate::error::{Error, Kind, Result};
use crate::loopback::{self, Bound};

/// The delay after an accept that failed, for example because file descriptors ran out.
const PAUSE: Duration = Duration::from_millis(50);

/// The response to the sign-in, and the page that its browser waits for.
#[derive(Debug)]
pub struct Received {
    /// The response. Its issuer is not checked yet.
    pub response: AuthorizationResponse,
    /// The browser's page.
    pub page: Page,
}

/// The request that a listener waits for.
pub struct Wait<'a> {
    /// The `state` of this sign-in.
    pub state: &'a str,
    /// The response mode of the authorization request.
    pub mode: ResponseMode,
    /// The authority's page, to which the start page redirects. Without it there is no start page.
    pub leads_to: Option<&'a str>,
    /// Receives the reason of each refusal, every reason once.
    pub refused: &'a (dyn Fn(Refused) + Send + Sync),
}

/// A redirect address that is bound on every loopback family. It does not accept connections yet.
#[derive(Debug)]
pub struct Redirect {
    bound: Bound,
    uri: String,
    path: String,
    start_uri: String,
    start_path: &'static str,
    /// The system has chosen the port. At a port of the user's choice, a web app of the user may have
    /// its data.
    is_free_port: bool,
    progress: Progress,
}

impl Redirect {
    /// Binds the port of `uri`, or a free one. An early browser waits in the backlog.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the port is taken, or if this machine lacks the address's family.
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
            is_free_port: uri.port() == 0,
            uri: uri.at(bound.port),
            path: uri.request_path().to_owned(),
            progress: Progress::default(),
            bound,
        })
    }

    /// Returns the `redirect_uri` for the authorization request and the token request.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns the start page's address. It contains no secret, and redirects this user's browser
    /// to the authority during the wait.
    pub fn start_uri(&self) -> &str {
        &self.start_uri
    }

    /// Returns the listener's progress, which changes during the wait.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Returns the port of the listener.
    pub fn port(&self) -> u16 {
        self.bound.port
    }

    /// Waits until the response with the expected `state` arrives. Refuses every other request and
    /// keeps waiting. The port is closed when this returns. It has no time limit; dropping
    /// the future closes everything at once. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`Kind::Internal`] if a socket fails. No request makes it fail.
    pub async fn wait(self, wait: Wait<'_>) -> Result<Received> {
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
        let start = wait.leads_to.map(|target| {
            let response = content::redirect_to(target, self.is_free_port);
            (self.start_path, response)
        });
        let (response, browser) =
            receive(listeners, &expected, start, reports, &self.progress).await;
        Ok(Received {
            response,
            page: Page::new(browser.into_std().map_err(lost)?),
        })
    }
}

/// Returns the first valid response, and its connection. The port and all other connections are
/// closed when this returns, so that no second response is read.
async fn receive(
    listeners: Vec<TcpListener>,
    expected: &Expected<'_>,
    start: Option<(&str, Zeroizing<Vec<u8>>)>,
    mut reports: Reports<'_>,
    progress: &Progress,
) -> (AuthorizationResponse, TcpStream) {
    let mut pending = PendingConnections::default();
    let mut turn = 0;
    loop {
        tokio::select! {
            // Requests first: an accepted connection is read before another one can replace it.
            biased;
            incoming = pending.next() => {
                progress.set_has_requests();
                let refusal = match incoming {
                    Incoming::Refused(refusal) => refusal,
                    Incoming::Request(request, stream, admission) => {
                        let refusal = match &start {
                            Some((path, response)) if start::matches(&request, path) => {
                                match start::check(&request, expected.port, admission) {
                                    Ok(()) => {
                                        pending.respond(stream, response.clone());
                                        continue;
                                    }
                                    Err(refusal) => refusal,
                                }
                            }
                            _ => match authorization_response::read(&request, expected) {
                                Ok(response) => {
                                    progress.set_answered();
                                    return (response, stream);
                                }
                                Err(refusal) => refusal,
                            },
                        };
                        pending.reject(stream, refusal, request.method == "HEAD");
                        refusal
                    }
                };
                reports.make(refusal);
            }
            accepted = accept(&listeners, turn) => {
                turn = turn.wrapping_add(1);
                match accepted {
                    Ok(stream) => pending.accept(stream),
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(_) => {
                        pending.make_room();
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }
}

/// Reports each reason once, so that many requests do not fill the terminal.
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

/// Accepts the next connection from this machine. `turn` alternates the family that is first.
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

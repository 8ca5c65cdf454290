//! Listens at the redirect address until the response to the sign-in arrives.

use std::future::poll_fn;
use std::io;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::authorization_response::{AuthorizationResponse, ResponseMode};
use super::connections::{Connections, Judge, Progress, StartPage};
use super::page::{self, Page};
use super::refusal::Refused;
use super::uri::RedirectUri;
use crate::error::{Error, Kind, Result};
use crate::loopback::peer::PeerCheck;
use crate::loopback::{self, Bound};

/// The start page's path; the second one if the redirect address has the first.
const START_PATHS: [&str; 2] = ["/sign-in", "/start"];

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
        let bound = loopback::bind(uri.port(), &uri.other_port())?;
        let is_served = uri.literal().is_none_or(|host| {
            let mut own = bound.listeners.iter().map(|listener| listener.local_addr());
            own.any(|own| own.is_ok_and(|own| own.ip() == host))
        });
        if !is_served {
            return Err(Error::usage(
                "this machine does not have the address of the redirect URI",
                "Use the redirect URI http://localhost.",
            ));
        }
        let start_path = START_PATHS[usize::from(uri.request_path() == START_PATHS[0])];
        Ok(Redirect {
            start_uri: uri.beside(bound.port, start_path),
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
    /// keeps waiting. The port and all other connections are closed when this returns, so that no
    /// second response is read. It has no time limit; dropping the future closes everything at
    /// once. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`Kind::Internal`] if a socket fails. No request makes it fail.
    pub async fn wait(self, wait: Wait<'_>) -> Result<Received> {
        let listeners = self.bound.listeners.into_iter().map(TcpListener::from_std);
        let listeners: Vec<_> = listeners.collect::<io::Result<_>>().map_err(lost)?;
        let judge = Judge {
            port: self.bound.port,
            path: &self.path,
            state: wait.state,
            mode: wait.mode,
            start: wait.leads_to.map(|target| StartPage {
                path: self.start_path,
                response: page::redirect_to(target, self.is_free_port),
            }),
            progress: &self.progress,
            refused: wait.refused,
            reported: Mutex::default(),
            peers: PeerCheck::new(),
        };
        let mut connections = Connections::new(&judge);
        let mut turn = 0;
        let (response, browser) = loop {
            tokio::select! {
                // Requests first: an accepted connection is read before another one can replace it.
                biased;
                response = connections.serve() => break response,
                accepted = accept(&listeners, turn) => match accepted {
                    Ok(stream) => connections.add(stream),
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(_) => {
                        connections.make_room();
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
            turn += 1;
        };
        Ok(Received {
            response,
            page: Page::new(browser.into_std().map_err(lost)?),
        })
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
        "Run the command again.",
    )
    .caused_by(source)
}

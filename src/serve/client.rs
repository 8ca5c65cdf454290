//! A client of the running service, which sends the secret to no other program.
//!
//! It prefers the Unix socket beside the secret file, where no other user can listen. Over TCP the
//! service first proves that it has the secret by the HMAC of a nonce. The client sends the secret on
//! the same connection only.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::loopback;
use crate::secret::ServiceSecret;

use super::access::OPEN_PATH;
#[cfg(unix)]
use super::instance::SOCKET;
use super::instance::{NONCE, PROOF, Running, SECRET_FILE, is_proof, new_secret, read_secret};

/// The time limit of a request. The service may have to call Entra ID and the resource.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest response that is read, in bytes.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;

/// A client of one service.
#[derive(Debug, Clone)]
pub struct Client {
    /// `http://HOST:PORT`.
    url: String,
    host: String,
    port: u16,
    /// The service's folder, and the secret's name in it.
    folder: Folder,
    secret_file: String,
}

/// A response of the service.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body, which may contain a token.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the service at this address, as `acspass serve` prints it and `acspass exec`
    /// names it in `ACSPASS_SERVE_URL` and `ACSPASS_SERVE_SECRET_FILE`. Contacts nothing.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the address is not a plain http address of this machine, or if the path
    /// names no file.
    pub fn new(url: &str, secret_file: impl AsRef<Path>) -> Result<Client> {
        let path = secret_file.as_ref();
        let name = path.file_name().and_then(OsStr::to_str).ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "the path of the token service's secret file has no file name",
                "Use the path that `acspass serve --status` prints.",
            )
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Client::in_folder(url, Folder::new(folder), name)
    }

    /// A client of the service that has this folder.
    ///
    /// # Errors
    /// [`Kind::Usage`] if its address is not a plain http address of this machine.
    pub fn of(running: &Running, folder: &Folder) -> Result<Client> {
        Client::in_folder(&running.url, folder.clone(), SECRET_FILE)
    }

    fn in_folder(url: &str, folder: Folder, secret_file: &str) -> Result<Client> {
        let wrong = || {
            Error::new(
                Kind::Usage,
                "the token service's URL is not an http URL of this machine",
                "Use the URL that `acspass serve --status` prints, like http://127.0.0.1:8487.",
            )
        };
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        let host = parsed.host_str().filter(|_| parsed.scheme() == "http");
        let host = host.filter(|host| loopback::is_loopback_host(host));
        let host = host.ok_or_else(wrong)?;
        Ok(Client {
            url: parsed.origin().ascii_serialization(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port_or_known_default().ok_or_else(wrong)?,
            folder,
            secret_file: secret_file.to_owned(),
        })
    }

    /// Checks that the service answers, and that it has the secret of the file. Does not send the
    /// secret.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] if it does not answer, or if another program does.
    pub async fn check(&self) -> Result<()> {
        let work = async { self.over_tcp(&self.secret()?).await.map(drop) };
        self.in_time(work).await
    }

    /// Sends a request without a body, and returns the response.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] if no service runs, if it does not answer within a minute, or if another
    /// program answers.
    pub async fn send(&self, method: Method, target: &str) -> Result<Response> {
        let work = async {
            let secret = self.secret()?;
            let mut connection = self.connect(&secret).await?;
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", secret.expose()))
                .map_err(|_| self.odd("has a secret file without a secret"))?;
            bearer.set_sensitive(true);
            let request = Request::builder()
                .method(method)
                .uri(target)
                .header(header::AUTHORIZATION, bearer);
            let response = self.response(&mut connection, request).await?;
            let status = response.status().as_u16();
            let body = self.body(response).await?;
            Ok(Response { status, body })
        };
        self.in_time(work).await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = tokio::time::timeout(TIMEOUT, work).await;
        done.unwrap_or_else(|_| Err(self.odd("does not respond")))
    }

    /// The secret of the run.
    fn secret(&self) -> Result<ServiceSecret> {
        read_secret(&self.folder, &self.secret_file)
            .map_err(|cause| no_service("the secret file is missing").caused_by(cause))
    }

    async fn connect(&self, secret: &ServiceSecret) -> Result<Connection> {
        #[cfg(unix)]
        {
            let socket = self.folder.file_path(SOCKET);
            if let Ok(stream) = tokio::net::UnixStream::connect(socket).await {
                return self.connection(stream, "localhost").await;
            }
        }
        let connection = self.over_tcp(secret).await;
        connection.map_err(|error| match self.is_stale() {
            true => no_service("the secret file belongs to an earlier run"),
            false => error,
        })
    }

    /// Whether a killed service left the secret file: a running service has it locked. Some file
    /// systems show no lock of another machine. So this explains a failure and causes none.
    fn is_stale(&self) -> bool {
        let file = self.folder.open(&self.secret_file);
        cfg!(unix) && file.is_ok_and(|file| file.try_lock_shared().is_ok())
    }

    async fn over_tcp(&self, secret: &ServiceSecret) -> Result<Connection> {
        let address = (self.host.as_str(), self.port);
        let stream = tokio::net::TcpStream::connect(address).await;
        let stream = stream.map_err(|cause| self.odd("does not respond").caused_by(cause))?;
        let host = self.url.trim_start_matches("http://");
        let mut connection = self.connection(stream, host).await?;
        let nonce = new_secret()?;
        let request = Request::builder()
            .uri(OPEN_PATH)
            .header(NONCE, nonce.expose());
        let response = self.response(&mut connection, request).await?;
        let sent = response.headers().get(PROOF);
        let sent = sent.map(HeaderValue::as_bytes).unwrap_or_default();
        if response.status() != StatusCode::OK || !is_proof(secret, self.port, nonce.expose(), sent)
        {
            return Err(Error::new(
                Kind::Unreachable,
                format!(
                    "the program at {} did not prove that it knows the token service's secret",
                    self.url
                ),
                "Run `acspass serve --status` to find the service, or run `acspass serve` to start it.",
            ));
        }
        self.body(response).await?;
        let ready = connection.sender.ready().await;
        ready.map_err(|cause| self.broken(cause))?;
        Ok(connection)
    }

    async fn connection<S>(&self, stream: S, host: &str) -> Result<Connection>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(|cause| self.broken(cause))?;
        // It ends once the sender and its response are dropped. The future of the request returns
        // the error.
        tokio::spawn(driver);
        let host = host.to_owned();
        Ok(Connection { sender, host })
    }

    /// Sends a request without a body.
    async fn response(
        &self,
        connection: &mut Connection,
        request: Builder,
    ) -> Result<hyper::Response<Incoming>> {
        let request = request
            .header(header::HOST, &connection.host)
            .body(Body::empty())
            .map_err(|cause| Error::internal("a request cannot be built").caused_by(cause))?;
        let response = connection.sender.send_request(request).await;
        response.map_err(|cause| self.broken(cause))
    }

    async fn body(&self, response: hyper::Response<Incoming>) -> Result<Vec<u8>> {
        let body = to_bytes(Body::new(response.into_body()), MAX_RESPONSE_BYTES).await;
        Ok(body.map_err(|cause| self.broken(cause))?.into())
    }

    fn broken(&self, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.odd("closed the connection").caused_by(cause)
    }

    fn odd(&self, what: &str) -> Error {
        Error::new(
            Kind::Unreachable,
            format!("the token service at {} {what}", self.url),
            "Run `acspass serve --status` to check the service.",
        )
    }
}

fn no_service(why: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("no token service is running: {why}"),
        "Run `acspass serve` to start it.",
    )
}

/// One connection. It never reconnects.
struct Connection {
    sender: SendRequest<Body>,
    host: String,
}

//! Hands the one request that reads as the answer over to tiny_http.
//!
//! tiny_http hides its accept loop, starts a thread for every connection and keeps idle threads
//! for seconds, so it listens on an inner port, for the moment that one request takes, and hears
//! the request as the gate understood it. Its reading is what is believed afterwards.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::request::{BODY_LIMIT, Request};

const TIME_LIMIT: Duration = Duration::from_secs(5);

/// A request that tiny_http holds and has not yet answered.
pub(super) struct Held {
    /// Answers into `inner`.
    pub(super) request: tiny_http::Request,
    /// Our end of the inner connection, from which the answer is read.
    pub(super) inner: TcpStream,
}

/// Passes the request through tiny_http. `through` is the loopback address the browser used, so
/// that a family that the machine lacks is not needed here either.
pub(super) async fn hand_over(whole: &Request, through: IpAddr) -> io::Result<(Held, Request)> {
    let listener = TcpListener::bind((through, 0))?;
    let mut inner = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
    let own_address = inner.local_addr()?;
    let (sender, received) = oneshot::channel();
    std::thread::Builder::new()
        .name("redirect".to_owned())
        .spawn(move || {
            // Where the wait was given up meanwhile, the request goes down with it.
            let _ = sender.send(receive(listener, own_address));
        })?;
    inner.write_all(&spell_out(whole)).await?;
    let (request, response) = received
        .await
        .map_err(|_| io::Error::other("the inner listener is gone"))??;
    let inner = inner.into_std()?;
    inner.set_nonblocking(false)?;
    Ok((Held { request, inner }, response))
}

/// The request anew, from what was understood of it: nothing that was overlooked goes on.
fn spell_out(whole: &Request) -> Zeroizing<Vec<u8>> {
    let mut head = Zeroizing::new(format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n",
        whole.method,
        *whole.target,
        whole.host,
        whole.body.len()
    ));
    let optional = [
        ("Content-Type", &whole.content_type),
        ("Sec-Fetch-Site", &whole.fetch_site),
        ("Sec-Fetch-Mode", &whole.fetch_mode),
        ("Sec-Fetch-Dest", &whole.fetch_dest),
        ("Sec-Purpose", &whole.purpose),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str("\r\n");
    let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + whole.body.len()));
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(&whole.body);
    bytes
}

fn receive(
    listener: TcpListener,
    own_address: SocketAddr,
) -> io::Result<(tiny_http::Request, Request)> {
    let server = tiny_http::Server::from_listener(listener, None).map_err(io::Error::other)?;
    let deadline = Instant::now() + TIME_LIMIT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(mut request) = server.recv_timeout(left)? else {
            return Err(io::ErrorKind::TimedOut.into());
        };
        if request.remote_addr() == Some(&own_address) {
            let response = hear(&mut request)?;
            return Ok((request, response));
        }
        // Whoever guessed the inner port in this moment. Not dropped: tiny_http would allocate
        // and read all that it announced.
        std::mem::forget(request);
    }
}

fn hear(request: &mut tiny_http::Request) -> io::Result<Request> {
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_LIMIT + 1));
    request
        .as_reader()
        .take(BODY_LIMIT as u64 + 1)
        .read_to_end(&mut body)?;
    let header = |name: &'static str| {
        let mut headers = request.headers().iter();
        headers
            .find(|header| header.field.equiv(name))
            .map(|header| header.value.as_str().to_owned())
    };
    Ok(Request {
        method: request.method().to_string(),
        target: Zeroizing::new(request.url().to_owned()),
        host: header("Host").unwrap_or_default(),
        content_type: header("Content-Type"),
        fetch_site: header("Sec-Fetch-Site"),
        fetch_mode: header("Sec-Fetch-Mode"),
        fetch_dest: header("Sec-Fetch-Dest"),
        purpose: header("Sec-Purpose"),
        body,
    })
}

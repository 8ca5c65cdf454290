//! Callers that do not read, do not finish a request or send nothing, and a listener with short
//! deadlines.

use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Caller, Limits, handler, serve};

/// No deadline of a test's own listener is meant to be reached with this one.
const NEVER: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(60);
/// A wait that takes so long has failed.
const HANGS: Duration = Duration::from_secs(60);
/// More than the system holds for a connection, both ends together.
const LARGE: usize = 32 * 1024 * 1024;

const LIMITS: Limits = Limits {
    connections: 64,
    buffers: 64,
    unauthenticated: 64,
    kept_buffers: 64,
    head: 8 * 1024,
    idle: NEVER,
    authenticated_idle: NEVER,
    unauthenticated_exchange: NEVER,
    exchange: NEVER,
    stall: NEVER,
    linger: NEVER,
    tick: Duration::from_millis(10),
    grace: Duration::from_millis(100),
    dates: false,
};

/// `/authenticated/…` stands for callers that authenticate.
async fn answer(request: Request<Incoming>) -> Option<Response<Body>> {
    let path = request.uri().path().to_owned();
    let what = match path.strip_prefix("/authenticated") {
        Some(what) => {
            Caller::trust(request.extensions());
            what
        }
        None => &path,
    };
    let mut response = Response::new(match what {
        "/large" => Body::from(vec![b'x'; LARGE]),
        "/medium" => Body::from(vec![b'x'; 256 * 1024]),
        "/endless" => Body::from_stream(futures_util::stream::repeat_with(|| {
            Ok::<_, Infallible>(Bytes::from(vec![b'x'; 16 * 1024]))
        })),
        "/never" => std::future::pending().await,
        "/echo" => {
            let body = Body::new(request.into_body());
            Body::from(to_bytes(body, 1024).await.unwrap_or_default())
        }
        _ => Body::from("fine"),
    });
    if let Some(status) = what.strip_prefix("/status/") {
        *response.status_mut() = status.parse::<StatusCode>().expect("a status");
    }
    Some(response)
}

struct Listening {
    port: u16,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Listening {
    fn start(limits: Limits) -> Listening {
        Listening::over(None, limits)
    }

    fn over(tls: Option<std::sync::Arc<rustls::ServerConfig>>, limits: Limits) -> Listening {
        let bound = crate::loopback::bind_free().expect("a port");
        let port = bound.port;
        let (stop, stopping) = watch::channel(false);
        let serving = tokio::spawn(serve(bound, tls, handler(answer), limits, stopping));
        Listening {
            port,
            stop,
            serving,
        }
    }

    async fn connect(&self) -> TcpStream {
        let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        soon(connected).await.expect("it listens")
    }

    /// A connection that has sent this.
    async fn sends(&self, bytes: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.expect("sent");
        stream
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        let served = soon(self.serving).await.expect("no panic");
        served.expect("it served");
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(HANGS, what).await.expect("it happens in time")
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// A request that is the last one of its connection.
fn ending(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

/// The next answer on a connection that stays open; its body is `fine`.
async fn fine(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nfine") {
        let read = soon(stream.read_buf(&mut answer)).await.expect("an answer");
        assert!(
            read > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    String::from_utf8(answer).expect("text")
}

/// Waits until the other end has closed the connection, without reading from it.
async fn is_cut(stream: &TcpStream) {
    soon(async {
        loop {
            stream.writable().await.expect("a socket");
            match stream.try_write(b"x") {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// All that comes until the other end closes the connection.
async fn rest(stream: &mut TcpStream) -> (Vec<u8>, std::io::Result<usize>) {
    let mut bytes = Vec::new();
    let end = soon(stream.read_to_end(&mut bytes)).await;
    (bytes, end)
}

#[tokio::test]
async fn caller_that_reads_nothing_is_cut_off() {
    let unauthenticated = Limits {
        unauthenticated_exchange: SHORT,
        ..LIMITS
    };
    let authenticated = Limits {
        stall: SHORT,
        ..LIMITS
    };
    let whole = Limits {
        exchange: SHORT,
        ..LIMITS
    };
    for (limits, path) in [
        (unauthenticated, "/large"),
        (unauthenticated, "/endless"),
        (authenticated, "/authenticated/large"),
        (authenticated, "/authenticated/endless"),
        (whole, "/authenticated/large"),
        (whole, "/authenticated/never"),
    ] {
        let listening = Listening::start(limits);
        let stream = listening.sends(&get(path)).await;
        is_cut(&stream).await;
        listening.stop().await;
    }
}

#[tokio::test]
async fn caller_that_pipelines_and_reads_nothing_is_cut_off() {
    let listening = Listening::start(Limits {
        unauthenticated_exchange: SHORT,
        ..LIMITS
    });
    let mut stream = listening.connect().await;
    let requests = get("/medium").repeat(1000);
    soon(async { while stream.write_all(requests.as_bytes()).await.is_ok() {} }).await;
    listening.stop().await;
}

#[tokio::test]
async fn caller_that_sends_byte_by_byte_is_cut_off() {
    for (path, is_body) in [("/", false), ("/echo", true), ("/authenticated", false)] {
        let listening = Listening::start(Limits {
            unauthenticated_exchange: SHORT,
            ..LIMITS
        });
        let head = match is_body {
            true => format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"),
            false => format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Slow: "),
        };
        let mut stream = listening.sends(&head).await;
        let mut pause = tokio::time::interval(LIMITS.tick);
        soon(async {
            while stream.write_all(b"x").await.is_ok() {
                pause.tick().await;
            }
        })
        .await;
        listening.stop().await;
    }
}

#[tokio::test]
async fn silent_connection_is_closed_and_one_of_an_authenticated_caller_is_not() {
    let listening = Listening::start(Limits {
        idle: SHORT,
        ..LIMITS
    });
    let mut authenticated = listening.sends(&get("/authenticated")).await;
    fine(&mut authenticated).await;
    let mut unauthenticated = listening.sends(&get("/")).await;
    fine(&mut unauthenticated).await;
    let mut silent = listening.connect().await;
    assert_eq!(rest(&mut unauthenticated).await.0, b"");
    assert_eq!(rest(&mut silent).await.0, b"");
    authenticated
        .write_all(get("/").as_bytes())
        .await
        .expect("open");
    fine(&mut authenticated).await;
    listening.stop().await;
}

#[tokio::test]
async fn handshake_that_stalls_is_cut_off() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .expect("a configuration");
    let listening = Listening::over(
        Some(std::sync::Arc::new(tls)),
        Limits {
            unauthenticated_exchange: SHORT,
            ..LIMITS
        },
    );
    // The start of a handshake record that announces more.
    let mut stream = listening.sends("\u{16}\u{3}\u{1}\u{1}").await;
    assert_eq!(rest(&mut stream).await.0, b"");
    listening.stop().await;
}

#[tokio::test]
async fn stream_goes_on_while_it_is_read_and_ends_after() {
    let listening = Listening::start(Limits {
        unauthenticated_exchange: SHORT,
        exchange: SHORT,
        stall: SHORT,
        ..LIMITS
    });
    let mut stream = listening.sends(&get("/authenticated/endless")).await;
    // Another connection shows that the deadlines have passed.
    let mut other = listening.sends("GET ").await;
    let mut piece = vec![0; 64 * 1024];
    soon(async {
        let mut late = 0;
        while late < 100 {
            assert!(stream.read(&mut piece).await.expect("it goes on") > 0);
            late += usize::from(other.try_read(&mut [0]).is_ok_and(|read| read == 0));
        }
    })
    .await;
    assert_eq!(rest(&mut other).await.0, b"");
    is_cut(&stream).await;
    listening.stop().await;
}

#[tokio::test]
async fn refused_caller_reads_its_answer_and_gets_no_other() {
    let listening = Listening::start(LIMITS);
    for (status, version) in ["401", "403", "421"]
        .into_iter()
        .flat_map(|status| [(status, "1.1"), (status, "1.0")])
    {
        let path = format!("/status/{status}");
        let mut stream = listening.connect().await;
        let head = format!(
            "POST {path} HTTP/{version}\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: \
             900000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("open");
        // All of this comes before it reads anything: the answer is there, and must not be lost.
        soon(stream.write_all(&vec![b'x'; 900_000]))
            .await
            .expect("it is taken");
        let _ = stream.write_all(get("/").as_bytes()).await;
        let _ = stream.shutdown().await;
        let (answer, end) = rest(&mut stream).await;
        let answer = String::from_utf8(answer).expect("text");
        end.expect("no reset");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{answer}");
        assert!(answer.contains(&format!(" {status} ")), "{answer}");
        if version == "1.1" {
            assert!(answer.contains("connection: close\r\n"), "{answer}");
        }
        assert!(answer.ends_with("fine"), "{answer}");
    }
    listening.stop().await;
}

#[tokio::test]
async fn refused_caller_that_stays_is_closed() {
    let listening = Listening::start(Limits {
        linger: SHORT,
        ..LIMITS
    });
    let stream = listening.sends(&get("/status/401")).await;
    is_cut(&stream).await;
    listening.stop().await;
}

#[tokio::test]
async fn unauthenticated_callers_leave_slots_to_authenticated_ones() {
    let listening = Listening::start(Limits {
        buffers: 3,
        unauthenticated: 2,
        ..LIMITS
    });
    let mut authenticated = listening.sends(&get("/authenticated")).await;
    fine(&mut authenticated).await;
    let mut unauthenticated = Vec::new();
    for _ in 0..8 {
        unauthenticated.push(listening.sends("GET ").await);
    }
    // The authenticated caller gives its place back after each answer, and finds one again each time.
    for _ in 0..10 {
        authenticated
            .write_all(get("/").as_bytes())
            .await
            .expect("open");
        fine(&mut authenticated).await;
        tokio::time::sleep(2 * LIMITS.tick).await;
    }
    // A new caller waits until an unauthenticated caller leaves.
    let mut new_caller = listening.sends(&get("/")).await;
    drop(unauthenticated);
    fine(&mut new_caller).await;
    listening.stop().await;
}

#[tokio::test]
async fn unauthenticated_caller_that_pipelines_gets_no_third_response_and_an_authenticated_one_does()
 {
    let listening = Listening::start(LIMITS);
    for (path, most) in [("/", 2), ("/authenticated", 3)] {
        let requests = format!("{0}{0}{1}", get(path), ending(path));
        let mut stream = listening.sends(&requests).await;
        let (answers, _) = rest(&mut stream).await;
        let answers = String::from_utf8(answers).expect("text");
        assert_eq!(answers.matches("HTTP/1.1 200").count(), most, "{answers}");
    }
    listening.stop().await;
}

#[tokio::test]
async fn new_caller_is_answered_while_callers_that_do_not_read_hold_every_place() {
    for path in [
        "/",
        "/authenticated",
        "/large",
        "/authenticated/large",
        "/endless",
        "/authenticated/endless",
    ] {
        let listening = Listening::start(Limits {
            buffers: 8,
            unauthenticated: 6,
            kept_buffers: 4,
            ..LIMITS
        });
        let mut held = Vec::new();
        for _ in 0..20 {
            // Far more requests than a connection's buffers hold.
            let mut stream = listening.connect().await;
            let requests = get(path).repeat(20_000);
            held.push(tokio::spawn(async move {
                let _ = stream.write_all(requests.as_bytes()).await;
                stream
            }));
        }
        let mut new_caller = listening.sends(&get("/")).await;
        fine(&mut new_caller).await;
        held.iter().for_each(JoinHandle::abort);
        listening.stop().await;
    }
}

#[tokio::test]
async fn new_caller_is_answered_while_silent_callers_hold_every_connection() {
    let listening = Listening::start(Limits {
        connections: 4,
        ..LIMITS
    });
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(listening.connect().await);
    }
    let mut new_caller = listening.sends(&get("/")).await;
    fine(&mut new_caller).await;
    listening.stop().await;
}

#[tokio::test]
async fn body_that_was_waited_for_is_answered_and_the_connection_stays() {
    let listening = Listening::start(LIMITS);
    let request = "POST /authenticated/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\
                   Content-Length: 4\r\n\r\n";
    let mut stream = listening.sends(request).await;
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let read = soon(stream.read_buf(&mut bytes)).await.expect("an answer");
        assert!(read > 0);
    }
    assert!(bytes.starts_with(b"HTTP/1.1 100 "));
    // Another caller's exchange takes longer than a connection needs to come to rest.
    let mut other = listening.sends(&get("/")).await;
    for _ in 0..4 {
        fine(&mut other).await;
        tokio::time::sleep(LIMITS.tick).await;
        other.write_all(get("/").as_bytes()).await.expect("open");
    }
    stream.write_all(b"fine").await.expect("open");
    let answer = fine(&mut stream).await;
    assert!(!answer.contains("close"), "{answer}");
    stream.write_all(get("/").as_bytes()).await.expect("open");
    fine(&mut stream).await;
    listening.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn caller_on_a_unix_socket_that_reads_nothing_is_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    listener.set_nonblocking(true).expect("a mode");
    let (stop, stopping) = watch::channel(false);
    let limits = Limits {
        stall: SHORT,
        ..LIMITS
    };
    let serving = tokio::spawn(super::serve_unix(
        listener,
        handler(answer),
        limits,
        stopping,
    ));
    let mut stream = tokio::net::UnixStream::connect(&path).await.expect("open");
    let request = get("/authenticated/large");
    stream.write_all(request.as_bytes()).await.expect("sent");
    soon(async { while stream.write_all(b"x").await.is_ok() {} }).await;
    stop.send_replace(true);
    soon(serving).await.expect("no panic").expect("it served");
}

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::connections::{Judge, StartPage};
use super::refusal::Refusal;
use super::request::{self, Request};
use super::*;
use crate::error::{Error, Kind, Result};
use crate::loopback::peer::{Admission, PeerCheck};

const STATE: &str = "st4te-marker_0123456789";
const TARGET: &str = "https://login.test/authorize?state=st4te-marker_0123456789&nonce=n";
const CODE: &str = "c0de-marker.AAA~bbb";
const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

type Waiting = JoinHandle<Result<Received>>;

/// The reasons that a wait has reported.
type Reported = Arc<Mutex<Vec<Refused>>>;

/// A listener that waits, and its port.
fn waiting(uri: &RedirectUri, mode: ResponseMode) -> (u16, Waiting) {
    let (port, wait, _) = reporting(uri, mode);
    (port, wait)
}

/// Returns a waiting listener, its port and its reports.
fn reporting(uri: &RedirectUri, mode: ResponseMode) -> (u16, Waiting, Reported) {
    let redirect = Redirect::bind(uri).expect("a free port");
    let port = redirect.port();
    let reported = Reported::default();
    let reports = reported.clone();
    let wait = tokio::spawn(async move {
        let wait = Wait {
            refused: &move |why| reports.lock().expect("no panic").push(why),
            ..expecting(mode)
        };
        redirect.wait(wait).await
    });
    (port, wait, reported)
}

fn expecting(mode: ResponseMode) -> Wait<'static> {
    Wait {
        state: STATE,
        mode,
        leads_to: Some(TARGET),
        refused: &|_| {},
    }
}

/// The judge of requests to port 8080, perhaps with a start page at this path.
fn judge(state: &'static str, mode: ResponseMode, start: Option<&'static str>) -> Judge<'static> {
    static PROGRESS: LazyLock<Progress> = LazyLock::new(Progress::default);
    Judge {
        port: 8080,
        path: "/",
        state,
        mode,
        start: start.map(|path| StartPage {
            path,
            response: Zeroizing::default(),
        }),
        progress: &PROGRESS,
        refused: &|_| {},
        reported: Mutex::default(),
        peers: PeerCheck::new(),
    }
}

fn posted(port: u16, path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: null\r\n\
         Sec-Fetch-Mode: navigate\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn the_answer(port: u16) -> String {
    posted(
        port,
        "/",
        &format!("code={CODE}&state={STATE}&client_info=eyJ9&session_state=x"),
    )
}

/// Sends the bytes and reads until the other side is done.
async fn exchange(ip: IpAddr, port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect((ip, port))
        .await
        .expect("the port is open");
    // A server may close the connection before it has read the whole request.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    // The other side ends the connection itself, long before its time limit does.
    let _ = timeout(request::TIME_LIMIT / 2, stream.read_to_end(&mut answer))
        .await
        .expect("the connection ends with its answer");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn open_connection(port: u16) -> TcpStream {
    TcpStream::connect((V4, port))
        .await
        .expect("the port is open")
}

fn code_of(answer: &Received) -> &str {
    match &answer.response.outcome {
        Callback::Code { code, .. } => code.expose(),
        Callback::Denied(denial) => panic!("denied: {denial:?}"),
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

async fn is_closed(port: u16) -> bool {
    let v4 = TcpStream::connect((V4, port)).await;
    let v6 = TcpStream::connect((V6, port)).await;
    v4.is_err() && v6.is_err()
}

mod attacks;
mod pages;
mod reading;
mod reports;
mod starts;
mod waits;

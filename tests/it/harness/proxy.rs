//! A small CONNECT proxy on loopback (RFC 9110, section 9.3.6): whatever host is asked for, the
//! tunnel leads to this machine, at the port that was asked for.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// See the module.
pub(crate) struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    ends: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

/// What it does with those who ask for a tunnel.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Lets everybody through.
    Open,
    /// Lets through who sends this, and answers 407 to others.
    Wants(&'static str),
    /// Answers this to everybody.
    Says(&'static str),
}

impl Proxy {
    pub(crate) fn start(manner: Manner) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let ends = Arc::new(AtomicBool::new(false));
        let (journal, told) = (asked.clone(), ends.clone());
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::Acquire) {
                    return;
                }
                let (stream, manner, journal) =
                    (stream.expect("a caller"), manner.clone(), journal.clone());
                // Who breaks off is seen by the test in what did not happen.
                std::thread::spawn(move || attend(stream, &manner, &journal));
            }
        });
        Proxy {
            port,
            asked,
            ends,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its address, with these credentials and an `@` where there are any.
    pub(crate) fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}127.0.0.1:{}", self.port)
    }

    /// The targets that were asked for, each time.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn attend(
    mut stream: TcpStream,
    manner: &Manner,
    journal: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let head = head(&mut stream)?;
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    journal.lock().unwrap().push(target.clone());
    let refusal = match manner {
        Manner::Open => None,
        Manner::Says(status) => Some(*status),
        Manner::Wants(authorization) => {
            let line = format!("proxy-authorization: {authorization}");
            let is_there = head.lines().any(|found| {
                let (name, value) = found.split_once(':').unwrap_or_default();
                format!("{}:{value}", name.to_ascii_lowercase()) == line
            });
            (!is_there).then_some("407 Proxy Authentication Required")
        }
    };
    if let Some(status) = refusal {
        return write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    }
    let port = target
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap_or(0);
    let target = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(stream, "HTTP/1.1 200 Connection established\r\n\r\n")?;
    join(stream, target)
}

/// Reads a request's head, and not a byte of what follows it.
pub(super) fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Carries bytes both ways until both sides have ended.
pub(super) fn join(one: TcpStream, other: TcpStream) -> std::io::Result<()> {
    let (mut from, mut to) = (one.try_clone()?, other.try_clone()?);
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (other, one);
    let carried = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = back.join();
    carried.map(drop)
}

//! A relay between the client and an emulator, which carries what it is given until it is told to
//! do something else: over real sockets, at 127.0.0.2 with the emulator's own port, so that every
//! `Host` header and signature stays as it was.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::proxy;

/// Where it listens. On Linux all of 127.0.0.0/8 is there.
pub(crate) const HOST: &str = "127.0.0.2";

/// What it does to a request, and to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mischief {
    /// The connection is taken, and nothing is ever answered.
    Silence,
    /// The connection is reset within the answer's head.
    ResetInHead,
    /// Half the body, then the end.
    HalfThenEnd,
    /// Half the body, then nothing more.
    HalfThenSilence,
    /// One byte after the other, each a while after the one before.
    Drip,
}

/// See the module.
pub(crate) struct Relay {
    plan: Arc<Mutex<Vec<Planned>>>,
    port: u16,
    ends: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

struct Planned {
    path: &'static str,
    left: u32,
    what: Mischief,
}

impl Relay {
    /// In front of whoever listens on this port of 127.0.0.1.
    pub(crate) fn before(port: u16) -> Relay {
        let address: Ipv4Addr = HOST.parse().expect("an address");
        let listener = TcpListener::bind((address, port)).expect("the port is free there");
        let plan = Arc::new(Mutex::new(Vec::new()));
        let ends = Arc::new(AtomicBool::new(false));
        let (planned, told) = (plan.clone(), ends.clone());
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::Acquire) {
                    return;
                }
                let stream = stream.expect("a caller");
                let planned = planned.clone();
                // Who breaks off is seen by the test in what did not happen.
                std::thread::spawn(move || attend(stream, port, &planned));
            }
        });
        Relay {
            plan,
            port,
            ends,
            accepting: Some(accepting),
        }
    }

    /// From now on this happens to as many requests whose path ends so.
    pub(crate) fn will(&self, what: Mischief, path: &'static str, times: u32) {
        let left = times;
        self.plan.lock().unwrap().push(Planned { path, left, what });
    }

    /// How many requests the plan still waits for, once nothing more is planned.
    pub(crate) fn stop(&self) -> u32 {
        let planned = std::mem::take(&mut *self.plan.lock().unwrap());
        planned.iter().map(|planned| planned.left).sum()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        drop(TcpStream::connect((HOST, self.port)));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// One request a connection, so that each can be planned for.
fn attend(mut client: TcpStream, port: u16, plan: &Mutex<Vec<Planned>>) -> std::io::Result<()> {
    let head = proxy::head(&mut client)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let what = {
        let mut plan = plan.lock().unwrap();
        let found = plan
            .iter_mut()
            .find(|planned| planned.left > 0 && path.ends_with(planned.path));
        found.map(|planned| {
            planned.left -= 1;
            planned.what
        })
    };
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let length = header(&head, "content-length").unwrap_or(0);
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(head.as_bytes())?;
    server.write_all(&body)?;
    let mut response = Vec::new();
    server.read_to_end(&mut response)?;
    let end_of_head = response
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .map_or(0, |place| place + 4);
    let half = end_of_head + (response.len() - end_of_head) / 2;
    match what {
        None => client.write_all(&response)?,
        Some(Mischief::Silence) => return wait_for_the_end(&mut client),
        Some(Mischief::ResetInHead) => {
            client.write_all(&response[..end_of_head / 2])?;
            return reset(client);
        }
        Some(Mischief::HalfThenEnd) => client.write_all(&response[..half])?,
        Some(Mischief::HalfThenSilence) => {
            client.write_all(&response[..half])?;
            return wait_for_the_end(&mut client);
        }
        Some(Mischief::Drip) => {
            client.write_all(&response[..end_of_head])?;
            for byte in &response[end_of_head..] {
                // The slowness is what is tested.
                std::thread::sleep(Duration::from_millis(20));
                client.write_all(&[*byte])?;
            }
        }
    }
    client.shutdown(Shutdown::Write)
}

/// Until the client has had enough.
fn wait_for_the_end(client: &mut TcpStream) -> std::io::Result<()> {
    client.read(&mut [0]).map(drop)
}

/// Cuts the connection off (TCP's RST) instead of closing it.
fn reset(client: TcpStream) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _inside = runtime.enter();
    client.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(client)?.set_zero_linger()
}

fn header(head: &str, name: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        let is_it = found.eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().parse().ok())?
    })
}

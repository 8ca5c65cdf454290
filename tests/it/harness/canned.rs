//! A server on loopback that answers each connection with prepared bytes, or breaks it, and counts.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// See the module. Dropping it ends the thread.
pub(crate) struct Canned {
    port: u16,
    connections: Arc<AtomicUsize>,
    ends: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Canned {
    /// Reads a request head of each connection, answers with these bytes and closes.
    pub(crate) fn answering(response: Vec<u8>) -> Canned {
        Canned::answering_each(move |_| response.clone())
    }

    /// Answers each connection with the bytes for its number, which begins at 0.
    pub(crate) fn answering_each(
        response: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    ) -> Canned {
        let number = AtomicUsize::new(0);
        Canned::start(move |stream| {
            read_head(stream)?;
            stream.write_all(&response(number.fetch_add(1, Ordering::SeqCst)))
        })
    }

    /// Closes each connection as soon as it has accepted it.
    pub(crate) fn closing() -> Canned {
        Canned::start(|_| Ok(()))
    }

    fn start(
        serve: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Canned {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let ends = Arc::new(AtomicBool::new(false));
        let (count, told) = (connections.clone(), ends.clone());
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::Acquire) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                // A client that breaks off is seen in what the test then misses.
                let _ = serve(&mut stream);
            }
        });
        Canned {
            port,
            connections,
            ends,
            serving: Some(serving),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> url::Url {
        let url = format!("http://{}/", self.address());
        url.parse().expect("an address")
    }

    /// How many connections it has accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(())
}

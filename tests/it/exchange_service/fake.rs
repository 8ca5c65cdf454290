//! An exchange service that records its requests, and answers as a test says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use url::form_urlencoded;

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrived {
    pub(super) line: String,
    pub(super) bearer: String,
    pub(super) form: BTreeMap<String, String>,
}

/// See the module. Its thread ends with the process.
pub(super) struct FakeService {
    pub(super) url: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl FakeService {
    /// A service whose answer to each request follows from its number, which begins at 1.
    pub(super) fn start(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> FakeService {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let arrived: Arc<Mutex<Vec<Arrived>>> = Arc::default();
        let record = arrived.clone();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (record, answer) = (record.clone(), answer.clone());
                thread::spawn(move || {
                    // A connection that was opened early and not used has no request.
                    let (request, mut stream) = read(stream)?;
                    let mut all = record.lock().ok()?;
                    all.push(request);
                    let answer = answer(all.len());
                    drop(all);
                    // A client that breaks off is seen in what the test then misses.
                    stream.write_all(answer.as_bytes()).ok()
                });
            }
        });
        FakeService {
            url: format!("http://{address}"),
            arrived,
        }
    }

    pub(super) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().expect("no test panics with it").clone()
    }
}

fn read(stream: TcpStream) -> Option<(Arrived, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut request = Arrived::default();
    reader.read_line(&mut request.line).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|bytes| *bytes > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => value
                .strip_prefix("Bearer ")?
                .clone_into(&mut request.bearer),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let form = form_urlencoded::parse(&body);
    request.form = form.into_owned().collect();
    Some((request, reader.into_inner()))
}

/// A response with this body.
pub(super) fn response(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A token that lives an hour, as the answer to the request with this number. No part of it is so short
/// that encrypted bytes hold it by chance: the search for secrets looks for each.
pub(super) fn token(number: usize) -> String {
    token_with(number, "")
}

/// As [`token`], with these headers.
pub(super) fn token_with(number: usize, headers: &str) -> String {
    let body = format!(
        r#"{{"access_token": "eyJ4IjoxfQ.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJlLW9mLXRoZS1mYWtl{number}", "issued_token_type":
            "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600}}"#
    );
    response(200, headers, &body)
}

/// A refusal with this status and error.
pub(super) fn refusal(status: u16, headers: &str, error: &str) -> String {
    let body = format!(
        r#"{{"error": "{error}", "error_description": "The reason.", "request_id": "r-1"}}"#
    );
    response(status, headers, &body)
}

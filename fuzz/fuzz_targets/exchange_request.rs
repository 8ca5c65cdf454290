//! Requests to the exchange service of an organisation over a real socket, with an emulator behind it.
//! The first byte selects the valid tokens that a request has.
#![no_main]

#[path = "../src/http.rs"]
mod http;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};

use acspass::emulator::{Emulator, ForgedToken, Options};
use acspass::exchange_service::{Streams, run};
use libfuzzer_sys::fuzz_target;

const AUDIENCE: &str = "api://acspass-exchange";
const CLIENT: &str = "ac5ba55e-0c11-4000-8000-0000000000a1";
/// The form of a token exchange, before the token of the user.
const FORM: &[u8] = b"&grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
    &subject_token_type=urn:ietf:params:oauth:token-type:jwt&subject_token=";

/// A stream that keeps what was written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("no panic"));
        String::from_utf8(bytes).expect("text")
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that sends each text.
struct Lines(Sender<String>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.0.send(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Service {
    port: u16,
    /// The user's tokens for the service and for ACS.
    bearer: String,
    subject: String,
    records: Kept,
    _emulator: Emulator,
}

/// Returns the first user's token, which outlives every run.
fn token(emulator: &Emulator, claims: &[(&str, &str)]) -> String {
    let mut wanted = ForgedToken::default();
    for (name, value) in claims {
        wanted.claims.insert((*name).to_owned(), (*value).into());
    }
    let expires_on: u64 = 32_000_000_000;
    wanted.claims.insert("exp".to_owned(), expires_on.into());
    emulator.forge_token(wanted).expect("a token")
}

/// Starts the service.
fn start() -> Service {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let folder = tempfile::tempdir().expect("a folder").keep();
    let key_file = folder.join("key");
    let connection = emulator.http_connection_string();
    let key = connection.split_once("accesskey=").expect("a key").1;
    std::fs::write(&key_file, key.trim_end_matches(';')).expect("written");
    let url = emulator.http_url();
    let environment = [
        ("AZURE_AUTHORITY_HOST", url.as_str()),
        ("COMMUNICATION_SERVICES_ENDPOINT", url.as_str()),
        (
            "ACSPASS_EXCHANGE_KEY_FILE",
            key_file.to_str().expect("text"),
        ),
        ("ACSPASS_EXCHANGE_TENANTS", emulator.tenant_id()),
        ("ACSPASS_EXCHANGE_CLIENTS", CLIENT),
        ("ACSPASS_EXCHANGE_AUDIENCE", AUDIENCE),
        ("ACSPASS_EXCHANGE_CUSTOM_ID", "true"),
        ("ACSPASS_EXCHANGE_USER_RATE", "1000000,1000000"),
        ("ACSPASS_EXCHANGE_LISTEN", "127.0.0.1:0"),
        ("ACSPASS_EXCHANGE_METRICS_LISTEN", "127.0.0.1:0"),
        ("ACSPASS_EXCHANGE_TEST_FIRST_WAIT", "0s"),
    ];
    let environment: BTreeMap<_, _> = environment
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let records = Kept::default();
    let (sender, lines) = channel();
    let streams = Streams {
        stdout: Lines(sender),
        stderr: records.clone(),
    };
    std::thread::spawn(move || {
        let arguments = vec!["acspass-exchange".into(), "--output=json".into()];
        run(arguments, &environment, streams)
    });
    let Ok(line) = lines.recv() else {
        panic!("it starts: {}", records.take());
    };
    let url = "\"url\":\"http://127.0.0.1:";
    let port = line.split_once(url).expect("a URL").1;
    let port = port.split(|sign: char| !sign.is_ascii_digit()).next();
    Service {
        port: port.and_then(|port| port.parse().ok()).expect("a port"),
        bearer: token(&emulator, &[("aud", AUDIENCE), ("scp", "access_as_user")]),
        subject: token(&emulator, &[]),
        records,
        _emulator: emulator,
    }
}

fuzz_target!(|data: &[u8]| {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    let service = SERVICE.get_or_init(start);
    let Some((known, rest)) = data.split_first() else {
        return;
    };
    let (bearer, subject) = (&service.bearer, &service.subject);
    let has_bearer = known & 1 != 0;
    let mut headers = String::new();
    if has_bearer {
        headers += &format!("authorization: Bearer {bearer}\r\n");
    }
    if known & 2 != 0 {
        headers += &format!("teams-user-aad-token: {subject}\r\n");
    }
    let mut request = rest.to_vec();
    if known & 4 != 0 {
        headers += "content-type: application/x-www-form-urlencoded\r\n";
        request.extend_from_slice(FORM);
        request.extend_from_slice(subject.as_bytes());
    }
    let response = http::exchange(service.port, &request, &headers);
    for line in service.records.take().lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
        assert!(
            !line.contains(bearer) && !line.contains(subject),
            "a token in a record"
        );
    }
    if let Some(response) = response {
        let (status, body) = (response.status, response.body);
        assert_ne!(status, 500, "an internal error");
        assert!(
            !body.contains(bearer) && !body.contains(subject),
            "a token is repeated"
        );
        let has_token = body.contains("\"token\":\"") || body.contains("\"access_token\":\"");
        assert!(has_bearer || !has_token, "a token without the bearer token");
    }
});

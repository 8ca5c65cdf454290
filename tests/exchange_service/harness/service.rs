//! The service as a process.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use acspass::emulator::Emulator;
use rustix::fs::OFlags;
use serde_json::Value;
use tempfile::TempDir;

use super::http::{Response, send};
use super::tokens::AUDIENCE;

/// The emulator's application.
pub(crate) const CLIENT: &str = "ac5ba55e-0c11-4000-8000-0000000000a1";
/// Nothing takes so long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running service. It ends with the value.
pub(crate) struct Service {
    child: Child,
    pub(crate) port: u16,
    pub(crate) metrics_port: u16,
    reader: Arc<Reader>,
    reading: Option<JoinHandle<()>>,
    _folder: TempDir,
}

/// The reader of standard error.
#[derive(Default)]
struct Reader {
    lines: Mutex<Vec<String>>,
    is_paused: AtomicBool,
    has_stopped: AtomicBool,
    is_closed: AtomicBool,
}

impl Reader {
    fn read(&self, stderr: impl Read) {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            self.lines.lock().expect("no panic").push(line);
            while self.is_paused.load(Ordering::Relaxed) {
                self.has_stopped.store(true, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
            if self.is_closed.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Waits until `found` returns a value.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Service {
    /// The command with the settings for this emulator, and the folder of its key.
    pub(crate) fn command(emulator: &Emulator, changes: &[(&str, &str)]) -> (Command, TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let key_file = folder.path().join("key");
        let connection = emulator.http_connection_string();
        let (_, key) = connection.split_once("accesskey=").expect("a key");
        std::fs::write(&key_file, key.trim_end_matches(';')).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_acspass-exchange"));
        command
            .env_clear()
            .env("AZURE_AUTHORITY_HOST", emulator.http_url())
            .env("COMMUNICATION_SERVICES_ENDPOINT", emulator.http_url())
            .env("ACSPASS_EXCHANGE_KEY_FILE", &key_file)
            .env("ACSPASS_EXCHANGE_TENANTS", emulator.tenant_id())
            .env("ACSPASS_EXCHANGE_CLIENTS", CLIENT)
            .env("ACSPASS_EXCHANGE_AUDIENCE", AUDIENCE)
            .env("ACSPASS_EXCHANGE_LISTEN", "127.0.0.1:0")
            .env("ACSPASS_EXCHANGE_METRICS_LISTEN", "127.0.0.1:0")
            .env("ACSPASS_EXCHANGE_MIN_DRAIN", "0s")
            .env("ACSPASS_EXCHANGE_TEST_FIRST_WAIT", "0s")
            .envs(
                changes
                    .iter()
                    .copied()
                    .filter(|(_, value)| !value.is_empty()),
            );
        for (name, _) in changes.iter().filter(|(_, value)| value.is_empty()) {
            command.env_remove(name);
        }
        (command, folder)
    }

    /// Starts the service, and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(emulator: &Emulator, changes: &[(&str, &str)]) -> Service {
        let (mut command, folder) = Service::command(emulator, changes);
        command.args(["-o", "json"]).stdout(Stdio::piped());
        let mut service = Service::spawn(&mut command, folder);
        let stdout = service.child.stdout.take().expect("a stream");
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("ready: {line:?}, {:?}", service.lines()));
        let port = |name: &str| {
            let url = ready[name].as_str().expect("a URL");
            let address = url.split('/').nth(2).expect("an address");
            let port = address
                .rsplit(':')
                .next()
                .and_then(|port| port.parse().ok());
            port.expect("a port")
        };
        service.port = port("url");
        service.metrics_port = port("metricsUrl");
        service
    }

    /// Starts the service at known ports, and waits until it listens.
    #[track_caller]
    pub(crate) fn start_unready(emulator: &Emulator, changes: &[(&str, &str)]) -> Service {
        Service::start_with_stdout(emulator, changes, Stdio::piped())
    }

    /// As [`Service::start_unready`], with this standard output.
    #[track_caller]
    pub(crate) fn start_with_stdout(
        emulator: &Emulator,
        changes: &[(&str, &str)],
        stdout: Stdio,
    ) -> Service {
        let (port, metrics_port) = (free_port(), free_port());
        let (mut command, folder) = Service::command(emulator, changes);
        command.env("ACSPASS_EXCHANGE_LISTEN", format!("127.0.0.1:{port}"));
        let metrics = format!("127.0.0.1:{metrics_port}");
        command.env("ACSPASS_EXCHANGE_METRICS_LISTEN", metrics);
        let mut service = Service::spawn(command.stdout(stdout), folder);
        service.port = port;
        service.metrics_port = metrics_port;
        until("the service listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        service
    }

    fn spawn(command: &mut Command, folder: TempDir) -> Service {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let stderr = child.stderr.take().expect("a stream");
        let reader: Arc<Reader> = Arc::default();
        let of_thread = reader.clone();
        let reading = std::thread::spawn(move || of_thread.read(stderr));
        Service {
            child,
            port: 0,
            metrics_port: 0,
            reader,
            reading: Some(reading),
            _folder: folder,
        }
    }

    /// Stops the reader of standard error, or lets it go on.
    pub(crate) fn pause_reader(&self, is_paused: bool) {
        self.reader.is_paused.store(is_paused, Ordering::Relaxed);
    }

    /// Opens standard error for writing without waiting. The service's own writes still wait.
    #[track_caller]
    fn stderr(&self) -> std::fs::File {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("flags");
        let path = format!("/proc/{}/fd/2", self.child.id());
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(flags)
            .open(path);
        opened.expect("standard error is a pipe")
    }

    /// Stops the reader of standard error, and fills the pipe with empty lines.
    #[track_caller]
    pub(crate) fn fill_stderr(&self) {
        let mut pipe = self.stderr();
        self.pause_reader(true);
        pipe.write_all(b"\n").expect("room");
        until("the reader has stopped", || {
            Some(()).filter(|()| self.reader.has_stopped.load(Ordering::Relaxed))
        });
        for size in [4096, 1] {
            while pipe.write(&vec![b'\n'; size]).is_ok() {}
        }
    }

    /// Closes the reader's end of standard error.
    #[track_caller]
    pub(crate) fn close_stderr(&mut self) {
        self.reader.is_closed.store(true, Ordering::Relaxed);
        self.stderr().write_all(b"\n").expect("room");
        let reading = self.reading.take().expect("a reader");
        reading.join().expect("no panic");
    }

    /// Returns the address, as a desktop's setting has it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the lines of standard error.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.reader.lines.lock().expect("no panic").clone()
    }

    /// Returns the audit's line of the response.
    #[track_caller]
    pub(crate) fn audit(&self, response: &Response) -> Value {
        let id = response.header("x-request-id").expect("an id").to_owned();
        until("the audit's line", || {
            let lines = self.lines();
            let mut lines = lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            lines.find(|line: &Value| line["audit"] == "decision" && line["requestId"] == *id)
        })
    }

    /// Exchanges a token by RFC 8693.
    #[track_caller]
    pub(crate) fn exchange(&self, bearer: &str, subject: &str) -> Response {
        let form = [
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
            "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token",
            &format!("subject_token={subject}"),
        ]
        .join("&");
        let authorization = format!("Bearer {bearer}");
        let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
        if !bearer.is_empty() {
            headers.push(("Authorization", &authorization));
        }
        send(self.port, "POST", "/v1/token", &headers, &form)
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Response {
        send(self.port, "GET", path, &[], "")
    }

    /// Returns the value of one figure, by the start of its line.
    #[track_caller]
    pub(crate) fn figure(&self, start: &str) -> Option<f64> {
        let metrics = send(self.metrics_port, "GET", "/metrics", &[], "");
        assert_eq!(metrics.status, 200);
        let line = metrics.body.lines().find(|line| line.starts_with(start));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args([name, &id]).status();
        assert!(killed.expect("kill").success());
    }

    /// Ends the process at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is killed");
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until("the service ends", || child.try_wait().expect("a status"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

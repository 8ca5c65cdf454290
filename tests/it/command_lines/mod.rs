//! No secret is on a command line, and only this user's browser gets to the sign-in page.

mod dashboard;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use acspass::emulator::UserAgent;

use crate::harness::browser::{leads_to, parameter};
use crate::harness::users::{ADA, EVE, Machine};
use crate::harness::{Home, http};

/// Nothing here takes a fraction of it.
const HANGS: Duration = Duration::from_secs(20);
/// Not one of a version manager, which other users may be unable to reach.
const PYTHON: &str = "/usr/bin/python3";

/// Every command line of this machine, again and again until it is stopped.
struct Watcher {
    entry: Arc<(Mutex<BTreeSet<String>>, Condvar)>,
    stop: Arc<AtomicBool>,
    looks: std::thread::JoinHandle<()>,
}

impl Watcher {
    fn start() -> Watcher {
        let (entry, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (sees, stopped) = (Arc::clone(&entry), stop.clone());
        let looks = std::thread::spawn(move || {
            let (lines, told): &(Mutex<BTreeSet<String>>, Condvar) = &sees;
            while !stopped.load(Ordering::Acquire) {
                lines.lock().unwrap().extend(command_lines());
                told.notify_all();
            }
        });
        Watcher { entry, stop, looks }
    }

    /// Waits until a command line with this text has been seen.
    #[track_caller]
    fn sees(&self, text: &str) {
        let lacks = |lines: &mut BTreeSet<String>| !lines.iter().any(|line| line.contains(text));
        let lines = self.entry.0.lock().unwrap();
        let (_lines, wait) = self
            .entry
            .1
            .wait_timeout_while(lines, HANGS, lacks)
            .unwrap();
        assert!(!wait.timed_out(), "no command line has {text}");
    }

    fn end(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Release);
        self.looks.join().expect("it reads");
        std::mem::take(&mut *self.entry.0.lock().unwrap())
    }
}

fn command_lines() -> impl Iterator<Item = String> {
    let processes = std::fs::read_dir("/proc").expect("procfs").flatten();
    processes.filter_map(|process| {
        // One that has ended meanwhile has none.
        let line = std::fs::read(process.path().join("cmdline")).ok()?;
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).replace('\0', " "))
    })
}

/// The secrets that a sign-in address carries.
fn secrets_in(url: &str) -> Vec<String> {
    let names = ["state", "nonce", "code_challenge"];
    names.map(|name| parameter(url, name).expect(name)).to_vec()
}

#[track_caller]
fn assert_clean(lines: &BTreeSet<String>, secrets: impl IntoIterator<Item = String>) {
    for secret in secrets {
        if let Some(line) = lines.iter().find(|line| line.contains(&secret)) {
            panic!("a secret that begins with {secret:.6} is in: {line}");
        }
    }
}

/// A command for `BROWSER` that writes the address to a file, whole, and stays as browsers do.
fn staying_browser(folder: &Path) -> (String, PathBuf) {
    let file = folder.join("address");
    let script = r#"printf '%s\n' "$1" > "$0.new"; mv "$0.new" "$0"; sleep 20"#;
    let words = ["/bin/sh", "-c", script, &file.to_string_lossy()];
    (shell_words::join(words), file)
}

fn wait_for(file: &Path) -> Option<String> {
    let start = Instant::now();
    while start.elapsed() < HANGS {
        if let Ok(text) = std::fs::read_to_string(file) {
            return Some(text.trim().to_owned());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

#[test]
fn no_secret_is_on_a_command_line_during_a_sign_in() {
    let (mut home, emulator) = Home::with_keyring();
    let (browser, file) = staying_browser(home.path());
    home.set("BROWSER", &browser);
    for words in [&["login"][..], &["get", "--interactive", "--force-refresh"]] {
        let _ = std::fs::remove_file(&file);
        if words[0] == "get" {
            emulator.revoke_sessions();
        }
        let watcher = Watcher::start();
        let process = home.call(words).spawn();
        let start = wait_for(&file).expect("a browser was opened");
        watcher.sees(&start);
        let url = leads_to(&start);
        let page = UserAgent::new(None).browse(&start).expect("it walks");
        assert!(page.html.contains("You are signed in"), "{}", page.html);
        process.end().assert_code(0);
        let lines = watcher.end();
        let port = redirect_of(&url);
        assert_eq!(start, format!("{port}/sign-in"), "nothing more is in it");
        assert_clean(&lines, secrets_in(&url));
        assert_clean(&lines, home.sweep.secrets());
    }
}

fn redirect_of(url: &str) -> String {
    parameter(url, "redirect_uri").expect("a redirect URI")
}

#[test]
fn a_secret_on_a_command_line_would_be_found() {
    let marker = format!("marker-{}", std::process::id());
    let watcher = Watcher::start();
    let mut child = Command::new("sh")
        .args(["-c", "read x", &marker])
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    watcher.sees(&marker);
    drop(child.stdin.take());
    child.wait().expect("it ends");
    let lines = watcher.end();
    let found = std::panic::catch_unwind(|| assert_clean(&lines, [marker]));
    assert!(found.is_err());
}

/// An emulator of Ada's own: one of root's would close her connections.
struct AdasEmulator {
    child: Child,
    line: serde_json::Value,
}

impl AdasEmulator {
    fn start(machine: &Machine) -> AdasEmulator {
        let mut command = ADA.acspass(machine, &[]);
        let mut child = command
            .args([
                "emulator",
                "--https-port",
                "0",
                "--http-port",
                "0",
                "-o",
                "json",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("a line");
        let line = serde_json::from_str(&line).expect("JSON");
        AdasEmulator { child, line }
    }

    fn get(&self, name: &str) -> &OsStr {
        OsStr::new(self.line[name].as_str().expect(name))
    }
}

impl Drop for AdasEmulator {
    fn drop(&mut self) {
        // `timeout` passes it on.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

/// A `login` of Ada's own, whose browser is a script that writes the address down.
struct Login {
    child: Child,
    file: PathBuf,
    errors: PathBuf,
}

impl Login {
    /// `hidden` names a script that starts the program without the owners of sockets; `/proc` is
    /// hidden from it.
    fn start(machine: &Machine, emulator: &AdasEmulator, hidden: Option<&Path>) -> Login {
        let home = machine.home(ADA);
        let (browser, file) = staying_browser(&home);
        let errors = home.join("errors");
        let state = home.join("state");
        let variables: [(&str, &OsStr); 8] = [
            ("ACSPASS_STORE", OsStr::new("memory")),
            ("ACSPASS_STATE_DIR", state.as_os_str()),
            ("ACSPASS_CONFIG_DIR", state.as_os_str()),
            ("ACSPASS_TENANT_ID", emulator.get("tenantId")),
            ("ACSPASS_CLIENT_ID", emulator.get("clientId")),
            ("AZURE_AUTHORITY_HOST", emulator.get("httpUrl")),
            ("BROWSER", OsStr::new(&browser)),
            ("HOME", home.as_os_str()),
        ];
        let mut command = match hidden {
            None => hidden_from(None, &[machine.program()]),
            Some(script) => hidden_from(hidden, &[Path::new(PYTHON), script, machine.program()]),
        };
        let child = command
            .args(["login", "--timeout", "50s"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&errors).expect("a file"))
            .spawn()
            .expect("it starts");
        Login {
            child,
            file,
            errors,
        }
    }

    fn address(&self) -> String {
        wait_for(&self.file).unwrap_or_else(|| {
            let said = std::fs::read_to_string(&self.errors);
            panic!("no browser was opened: {said:?}")
        })
    }

    /// Waits for a success, and returns what was said.
    #[track_caller]
    fn succeeds(mut self) -> String {
        let status = self.child.wait().expect("it ends");
        let said = std::fs::read_to_string(&self.errors).expect("text");
        assert!(status.success(), "{said}");
        said
    }
}

/// Sends a request as this user and returns the reply.
fn send_as(mut user: Command, port: u16, request: &str) -> String {
    const CLIENT: &str = "
import socket, sys
request = sys.stdin.buffer.read()
try:
    client = socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=20)
    client.sendall(request)
    while part := client.recv(65536):
        sys.stdout.buffer.write(part)
except (ConnectionResetError, BrokenPipeError):
    pass
";
    // The request holds secrets: it is on no command line.
    let mut client = user
        .args(["-c", CLIENT, &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut input = client.stdin.take().expect("its input");
    input.write_all(request.as_bytes()).expect("it reads");
    drop(input);
    let output = client.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn another_user_gets_neither_the_sign_in_page_nor_an_answer_in() {
    let machine = Machine::new();
    let emulator = AdasEmulator::start(&machine);
    let login = Login::start(&machine, &emulator, None);
    let start = login.address();
    let port = url::Url::parse(&start)
        .expect("an address")
        .port()
        .expect("a port");
    let get = format!("GET /sign-in HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    assert_eq!(send_as(EVE.command(PYTHON), port, &get), "");
    let own = send_as(ADA.command(PYTHON), port, &get);
    assert!(own.starts_with("HTTP/1.1 303 "), "{own}");

    // Even with the right state.
    let state = parameter(&leads_to(&start), "state").expect("a state");
    let form = format!("code=1.eves-own-code-of-her-own-account&state={state}");
    let post = format!(
        "POST / HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    assert_eq!(send_as(EVE.command(PYTHON), port, &post), "");
    let page = UserAgent::new(None).browse(&start).expect("it walks");
    assert!(page.html.contains("You are signed in"), "{}", page.html);
    let said = login.succeeds();
    assert!(said.contains("another user of this machine"), "{said}");
}

/// Runs a program that cannot see the owners of sockets: no netlink, and no `/proc`.
const WITHOUT_OWNERS: &str = r#"
import ctypes, errno, os, platform, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
AF_NETLINK, ALLOW, ERRNO = 16, 0x7FFF0000, 0x00050000
code = [(0x20, 0, 0, 0), (0x15, 0, 3, SOCKET), (0x20, 0, 0, 16), (0x15, 0, 1, AF_NETLINK),
        (0x06, 0, 0, ERRNO | errno.EAFNOSUPPORT), (0x06, 0, 0, ALLOW)]
program = b"".join(struct.pack("HBBI", *step) for step in code)
buffer = ctypes.create_string_buffer(program)
filter = ctypes.create_string_buffer(struct.pack("HP", len(code), ctypes.addressof(buffer)))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, filter, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
"#;

/// The script, as a file of Ada's.
fn without_owners(machine: &Machine) -> PathBuf {
    let script = machine.home(ADA).join("without_owners.py");
    std::fs::write(&script, WITHOUT_OWNERS).expect("a file");
    ADA.owns(&script);
    script
}

/// A program of Ada's. `/proc` is hidden from it if it is to see no owners.
fn hidden_from(hidden: Option<&Path>, program: &[impl AsRef<OsStr>]) -> Command {
    let mut inner = ADA.command(&program[0]);
    inner.args(&program[1..]);
    if hidden.is_none() {
        return inner;
    }
    let hides = "mount -t tmpfs tmpfs /proc; exec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", hides, "sh"])
        .arg(inner.get_program())
        .args(inner.get_args());
    command
}

#[test]
fn without_reports_of_owners_the_browser_gets_a_file_that_only_its_user_can_read() {
    let machine = Machine::new();
    let emulator = AdasEmulator::start(&machine);
    let script = without_owners(&machine);
    let watcher = Watcher::start();
    let login = Login::start(&machine, &emulator, Some(&script));
    let address = login.address();
    assert!(address.starts_with("file:///"), "{address}");
    let path = url::Url::parse(&address).expect("an address");
    let path = path.to_file_path().expect("a file");
    assert!(
        !EVE.command("cat")
            .arg(&path)
            .output()
            .expect("cat")
            .status
            .success()
    );
    let page = ADA.sh("cat \"$1\"", &[&path]);
    let url = page
        .split("url=")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let url = url.expect("an address").replace("&#38;", "&");

    // There is no start page.
    let port = url::Url::parse(&redirect_of(&url))
        .expect("an address")
        .port()
        .expect("a port");
    let start = http::get(port, &format!("localhost:{port}"), "/sign-in");
    assert_eq!(http::status(&start), 404, "{start}");
    let page = UserAgent::new(None).browse(&url).expect("it walks");
    assert!(page.html.contains("You are signed in"), "{}", page.html);
    login.succeeds();
    assert!(!path.exists(), "it is deleted after use");
    assert_clean(&watcher.end(), secrets_in(&url));
}

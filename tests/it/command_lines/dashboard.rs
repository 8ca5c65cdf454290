//! `serve --open`: the browser's command line has no secret, and only this user's browser gets in.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use acspass::emulator::UserAgent;
use serde_json::Value;

use super::{
    AdasEmulator, HANGS, PYTHON, Watcher, assert_clean, hidden_from, send_as, staying_browser,
    wait_for, without_owners,
};
use crate::harness::users::{ADA, EVE, Machine};

/// Which process has the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    /// The one that `serve --open` starts.
    Own,
    /// One that runs already.
    Running,
}

#[test]
fn serve_open_gives_the_browser_a_start_page_without_a_secret() {
    for service in [Service::Own, Service::Running] {
        let machine = Machine::new();
        let emulator = AdasEmulator::start(&machine);
        let watcher = Watcher::start();
        let open = Open::start(&machine, &emulator, service, None);
        let address = open.address();
        let (port, path) = port_and_path(&address);
        assert_eq!(address, format!("http://localhost:{port}/open"));
        assert_eq!(path, "/open", "nothing more is in it");
        watcher.sees(&address);

        // Another user, a page of another site, and a program that is refused spend nothing.
        assert_eq!(
            send_as(EVE.command(PYTHON), port, &get(port, "/open", "")),
            ""
        );
        for sent in [
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
            "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
            "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
            "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
            "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n",
            "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Mode: no-cors\r\n",
            "Origin: http://evil.example\r\n",
            "Origin: null\r\n",
        ] {
            assert_shut(
                &send_as(ADA.command(PYTHON), port, &get(port, "/open", sent)),
                sent,
            );
        }
        let opened = send_as(ADA.command(PYTHON), port, &get(port, "/open", DIRECT));
        assert!(opened.starts_with("HTTP/1.1 303 "), "{opened}");
        let again = send_as(ADA.command(PYTHON), port, &get(port, "/open", DIRECT));
        assert_shut(&again, "a second time");

        let secrets = open.secrets(port, &opened);
        open.end();
        assert_clean(&watcher.end(), secrets);
    }
}

#[test]
fn serve_open_gives_the_browser_a_file_if_the_system_reports_no_owners() {
    for service in [Service::Own, Service::Running] {
        let machine = Machine::new();
        let emulator = AdasEmulator::start(&machine);
        let script = without_owners(&machine);
        let watcher = Watcher::start();
        let open = Open::start(&machine, &emulator, service, Some(&script));
        let address = open.address();
        assert!(address.starts_with("file:///"), "{address}");
        watcher.sees(&address);
        let file = url::Url::parse(&address).expect("an address");
        let file = file.to_file_path().expect("a file");
        let read = EVE.command("cat").arg(&file).output().expect("cat");
        assert!(!read.status.success());
        let page = ADA.sh("cat \"$1\"", &[&file]);
        let target = page
            .split("url=")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let target = target.expect("an address").replace("&#38;", "&");
        let (port, path) = port_and_path(&target);

        // Without the ticket there is nothing, for this user too.
        for user in [EVE, ADA] {
            let shut = send_as(user.command(PYTHON), port, &get(port, "/open", DIRECT));
            assert_shut(&shut, "no owner");
        }
        let opened = send_as(ADA.command(PYTHON), port, &get(port, &path, FROM_FILE));
        // A redirect would lose the cookie: a page in a file led there.
        assert!(opened.starts_with("HTTP/1.1 200 "), "{opened}");
        let session = header(&opened, "set-cookie").expect("a cookie");
        let session = session
            .split("Path=")
            .nth(1)
            .and_then(|rest| rest.split(';').next());
        assert!(
            opened.contains(&format!("url={}", session.expect("a path"))),
            "{opened}"
        );
        let again = send_as(ADA.command(PYTHON), port, &get(port, &path, FROM_FILE));
        assert_shut(&again, "a second time");

        wait_until_deleted(&file);
        let secrets = open.secrets(port, &opened);
        open.end();
        assert_clean(&watcher.end(), secrets);
    }
}

#[test]
fn the_redirect_file_is_deleted_if_serve_ends_before_its_use() {
    for service in [Service::Own, Service::Running] {
        let machine = Machine::new();
        let emulator = AdasEmulator::start(&machine);
        let script = without_owners(&machine);
        let open = Open::start(&machine, &emulator, service, Some(&script));
        let file = url::Url::parse(&open.address()).expect("an address");
        let file = file.to_file_path().expect("a file");
        assert!(file.exists());
        open.end();
        wait_until_deleted(&file);
    }
}

const DIRECT: &str =
    "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
/// What Chromium sends if a page of the scheme `file` leads to an address.
const FROM_FILE: &str =
    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

/// A `serve --open` of Ada's own at a terminal, whose browser is a script that writes its argument
/// down.
struct Open {
    /// The service that ran before, and the one that opened the dashboard.
    children: Vec<Child>,
    /// What the terminal shows.
    screen: PathBuf,
    file: PathBuf,
    secret_file: PathBuf,
    access_key: String,
}

impl Open {
    fn start(
        machine: &Machine,
        emulator: &AdasEmulator,
        service: Service,
        hidden: Option<&Path>,
    ) -> Open {
        let home = machine.home(ADA);
        let (browser, file) = staying_browser(&home);
        let state = home.join("state");
        let connection = emulator.get("connectionString").to_str().expect("text");
        let (_, key) = connection.split_once(';').expect("a key");
        let http = emulator.get("httpUrl").to_str().expect("text");
        let connection = format!("endpoint={http}/;{key}");
        let command = |program: &[&str]| {
            let mut command = hidden_from(hidden, program);
            command
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("SHELL", "/bin/sh")
                .env("TERM", "xterm")
                .env("HOME", &home)
                .env("ACSPASS_STORE", "memory")
                .env("ACSPASS_STATE_DIR", &state)
                .env("ACSPASS_CONFIG_DIR", &state)
                .env("ACSPASS_TENANT_ID", emulator.get("tenantId"))
                .env("ACSPASS_CLIENT_ID", emulator.get("clientId"))
                .env("AZURE_AUTHORITY_HOST", emulator.get("httpUrl"))
                .env("COMMUNICATION_SERVICES_CONNECTION_STRING", &connection)
                .env("BROWSER", &browser)
                .stdin(Stdio::piped())
                .stderr(Stdio::null());
            command
        };
        let program = machine.program().to_str().expect("text");
        let inner: Vec<&str> = match hidden {
            Some(script) => vec![PYTHON, script.to_str().expect("text"), program],
            None => vec![program],
        };
        let mut children = Vec::new();
        if service == Service::Running {
            let words = [&inner[..], &["serve", "--port", "0", "-o", "json"]].concat();
            let mut running = command(&words)
                .stdout(Stdio::piped())
                .spawn()
                .expect("it starts");
            let mut ready = String::new();
            let stdout = running.stdout.as_mut().expect("its output");
            BufReader::new(stdout)
                .read_line(&mut ready)
                .expect("a line");
            assert!(ready.contains("secretFile"), "{ready}");
            children.push(running);
        }
        let screen = home.join("screen");
        let words = [&inner[..], &["serve", "--open", "--port", "0"]].concat();
        let line = shell_words::join(words);
        let opener = command(&["script", "-qfec", &line, "/dev/null"])
            .stdout(std::fs::File::create(&screen).expect("a file"))
            .spawn()
            .expect("script, of bsdutils");
        children.push(opener);
        let secret_file = state.join("serve/secret");
        Open {
            children,
            screen,
            file,
            secret_file,
            access_key: key.trim_start_matches("accesskey=").to_owned(),
        }
    }

    fn address(&self) -> String {
        wait_for(&self.file).unwrap_or_else(|| {
            let said = std::fs::read_to_string(&self.screen);
            panic!("no browser was opened: {said:?}")
        })
    }

    /// Every secret of a visit: ticket, cookie, key, the service's secret, those of a sign-in, and
    /// the tokens that it brings.
    fn secrets(&self, port: u16, opened: &str) -> Vec<String> {
        let screen = std::fs::read_to_string(&self.screen).expect("text");
        let ticket = screen
            .split("?ticket=")
            .nth(1)
            .expect("the printed link has a ticket");
        let ticket: String = ticket.chars().take(43).collect();
        let cookie = header(opened, "set-cookie").expect("a cookie");
        let (pair, attributes) = cookie.split_once(';').expect("attributes");
        let path = attributes
            .split("Path=")
            .nth(1)
            .and_then(|rest| rest.split(';').next());
        let path = path.expect("a path").trim_end_matches('/');
        let ask = |method: &str, target: &str, key: &str| {
            let request = format!(
                "{method} {path}{target} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: \
                 http://localhost:{port}\r\nCookie: {pair}\r\nacspass-dashboard: {key}\r\n\
                 Connection: close\r\n\r\n"
            );
            let response = send_as(ADA.command(PYTHON), port, &request);
            let (head, body) = response.split_once("\r\n\r\n").expect("a whole head");
            assert!(head.starts_with("HTTP/1.1 200 "), "{target}: {response}");
            serde_json::from_str::<Value>(body).expect("JSON")
        };
        let text = |json: &Value, name: &str| json[name].as_str().expect(name).to_owned();
        let key = text(&ask("POST", "/dashboard/key", ""), "key");
        let url = text(&ask("POST", "/dashboard/sign-in", &key), "url");
        let page = UserAgent::new(None).browse(&url).expect("it walks");
        assert!(page.html.contains("You are signed in"), "{}", page.html);
        let token = text(&ask("GET", "/token", &key), "token");
        let secret = std::fs::read_to_string(&self.secret_file).expect("the secret");
        let cookie = pair.split_once('=').expect("a pair").1.to_owned();
        let mut secrets = super::secrets_in(&url);
        secrets.extend([ticket, cookie, key, token, secret, path.to_owned()]);
        secrets.push(self.access_key.clone());
        assert!(
            secrets.iter().all(|secret| secret.len() >= 16),
            "{secrets:?}"
        );
        secrets
    }

    /// Ends what runs, as closing the terminal does.
    fn end(mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            child.wait().expect("it ends");
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn get(port: u16, target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{headers}\r\n")
}

/// The request got no way in, and no secret.
#[track_caller]
fn assert_shut(response: &str, why: &str) {
    let status = response.split(' ').nth(1);
    assert!(matches!(status, Some("401" | "403")), "{why}: {response}");
    for name in ["set-cookie", "location"] {
        assert_eq!(header(response, name), None, "{why}: {response}");
    }
    assert!(!response.contains("ticket="), "{why}: {response}");
}

fn header(response: &str, name: &str) -> Option<String> {
    let lines = response.lines().take_while(|line| !line.is_empty());
    let mut pairs = lines.filter_map(|line| line.split_once(": "));
    let (_, value) = pairs.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value.to_owned())
}

fn port_and_path(address: &str) -> (u16, String) {
    let url = url::Url::parse(address).expect("an address");
    let path = address.splitn(4, '/').nth(3).unwrap_or_default();
    (url.port().expect("a port"), format!("/{path}"))
}

#[track_caller]
fn wait_until_deleted(file: &Path) {
    let start = std::time::Instant::now();
    while file.exists() {
        assert!(start.elapsed() < HANGS, "it is deleted after use");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

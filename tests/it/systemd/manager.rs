//! The whole thing under a real service manager of one's own: `systemd --user` in a namespace that
//! looks as if systemd had booted it, with a real keyring on its bus.
//!
//! It needs user namespaces and a cgroup that may be written to, which not every container gives, so
//! it is asked for by name: `tests/manager.sh`.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::free_port;
use crate::harness::http::{self, Response};
use crate::harness::{Home, Run};

/// A new `/run` in which systemd believes to have been booted (sd_booted(3)), seen by nobody else.
const BOOT: &str = "mount -t tmpfs run /run && mkdir -p /run/systemd/system && exec \"$0\" --user";

/// A user's service manager; it ends with this.
struct Manager {
    child: Child,
    environment: Vec<(String, String)>,
    _runtime: TempDir,
}

impl Manager {
    fn start(home: &mut Home) -> Manager {
        // Not in the home: a pipe lies there, on which the sweep would wait.
        let runtime = TempDir::new().expect("a folder");
        home.set("XDG_RUNTIME_DIR", &runtime.path().to_string_lossy());
        home.set("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let told = runtime.path().join("told");
        let ready = UnixDatagram::bind(&told).expect("a socket");
        let program = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];
        let program = program.into_iter().find(|path| Path::new(path).exists());
        let environment: Vec<(String, String)> = ["HOME", "PATH", "XDG_RUNTIME_DIR"]
            .map(|name| (name.to_owned(), home.variables[name].clone()))
            .into();
        let child = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", BOOT])
            .arg(program.expect("systemd, of the package systemd"))
            .env_clear()
            .envs(environment.clone())
            .env("NOTIFY_SOCKET", &told)
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("unshare, of the package util-linux");
        let manager = Manager {
            child,
            environment,
            _runtime: runtime,
        };
        let patience = Some(Duration::from_secs(30));
        ready.set_read_timeout(patience).expect("a timeout");
        let mut said = [0; 1024];
        loop {
            let length = ready.recv(&mut said).expect("systemd is ready");
            if String::from_utf8_lossy(&said[..length]).contains("READY=1") {
                return manager;
            }
        }
    }

    fn systemctl(&self, words: &[&str]) -> String {
        let output = Command::new("systemctl")
            .arg("--user")
            .args(words)
            .env_clear()
            .envs(self.environment.clone())
            .output()
            .expect("systemctl");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // It ends what it has started, which a signal that kills it would not.
        self.systemctl(&["exit"]);
        let _ = self.child.wait();
    }
}

/// The response to a request with this secret.
fn ask(address: &str, path: &str, secret: &str) -> Response {
    let host = format!("Host: {address}");
    let authorization = format!("Authorization: Bearer {secret}");
    let request = http::request("GET", path, &[&host, &authorization], "");
    Response::parse(&http::exchange(http::connect_to(address), request))
}

/// Keeps the resource's key in the keyring, by the real program.
fn keep_key(home: &Home, connection_string: &str) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_acspass"))
        .args(["config", "set", "connection-string"])
        .env_clear()
        .envs(&home.variables)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stdin = program.stdin.take().expect("its input");
    stdin
        .write_all(connection_string.as_bytes())
        .expect("it reads");
    drop(stdin);
    assert!(program.wait().expect("it ends").success());
}

fn status(home: &Home) -> (Run, serde_json::Value) {
    let run = home.real(&["serve", "--status", "-o", "json"]);
    let json = run.json();
    (run, json)
}

#[test]
#[ignore = "needs user namespaces and a cgroup of its own: tests/manager.sh"]
fn it_runs_by_itself_with_a_real_manager_and_keyring() {
    let (mut home, emulator) = Home::with_keyring();
    let folder = home.path().join("state 100% $x");
    let config = home.path().join("config").display().to_string();
    home.set("ACSPASS_CONFIG_DIR", &config);
    home.set("ACSPASS_STATE_DIR", &folder.to_string_lossy());
    let manager = Manager::start(&mut home);
    let bus = home.variables["DBUS_SESSION_BUS_ADDRESS"].clone();
    manager.systemctl(&[
        "set-environment",
        &format!("DBUS_SESSION_BUS_ADDRESS={bus}"),
    ]);
    for (key, value) in [
        ("authority-host", emulator.http_url().as_str()),
        ("tenant", emulator.tenant_id()),
        ("client-id", emulator.client_id()),
    ] {
        home.real(&["config", "set", key, value]).assert_code(0);
    }
    for name in [
        "AZURE_AUTHORITY_HOST",
        "ACSPASS_TENANT_ID",
        "ACSPASS_CLIENT_ID",
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
    ] {
        home.unset(name);
    }
    keep_key(&home, &emulator.http_connection_string());
    home.login();

    let port = free_port();
    home.real(&["serve", "--install", "--port", &port])
        .assert_code(0);
    let (run, json) = status(&home);
    run.assert_code(0);
    assert_eq!(json["active"], true);
    assert_eq!(json["socketActive"], true);
    assert_eq!(json["signedIn"].as_array().map(Vec::len), Some(1), "{json}");
    let file = PathBuf::from(json["secretFile"].as_str().expect("a file"));
    let secret = || fs::read_to_string(&file).expect("the secret");
    // The token comes out of the keyring, over its bus.
    let [v4, v6] = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
    for address in [&v4, &v6] {
        let response = ask(address, "/token", &secret());
        home.sweep.add(&response.token());
    }
    // What is not the state folder's is not to be written to.
    let pid = manager.systemctl(&["show", "--property=MainPID", "--value", "acspass.service"]);
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("its mounts");
    let root = mounts
        .lines()
        .find(|line| line.contains(" / / "))
        .expect("a root");
    assert!(root.contains(" / / ro,"), "{root}");
    let entry = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    assert!(entry.contains("NoNewPrivs:\t1"), "{entry}");

    // One that dies is followed by another; its callers wait, and need the new secret.
    let old = secret();
    let killed = Command::new("kill").args(["-KILL", &pid]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(ask(&v4, "/healthz", "").status, 200);
    assert_ne!(secret(), old);
    assert_eq!(ask(&v4, "/token", &old).status, 401);
    assert_eq!(ask(&v4, "/token", &secret()).status, 200);

    // One that is stopped ends well, leaves no secret, and is started by the next caller.
    manager.systemctl(&["stop", "acspass.service"]);
    let result = manager.systemctl(&["show", "--property=Result", "--value", "acspass.service"]);
    assert_eq!(result, "success");
    assert!(!file.exists());
    let (run, json) = status(&home);
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    assert_eq!(json["socketActive"], true);
    assert_eq!(ask(&v6, "/healthz", "").status, 200);
    assert_eq!(ask(&v6, "/token", &secret()).status, 200);

    // Another port takes the old one's place.
    let other = free_port();
    home.real(&["serve", "--install", "--port", &other])
        .assert_code(0);
    assert_eq!(
        ask(&format!("127.0.0.1:{other}"), "/healthz", "").status,
        200
    );
    assert!(std::net::TcpStream::connect(&v4).is_err());

    home.real(&["serve", "--uninstall"]).assert_code(0);
    let (run, json) = status(&home);
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    assert_eq!(json["installed"], false);
    assert!(std::net::TcpStream::connect(format!("127.0.0.1:{other}")).is_err());
    let loaded = manager.systemctl(&["show", "--property=LoadState", "--value", "acspass.socket"]);
    assert_eq!(loaded, "not-found");
}

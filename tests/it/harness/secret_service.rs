//! A real Secret Service on a D-Bus of its own, with its own home: nothing of the user's is seen.

use super::deadline::Deadline;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const INSTALL: &str =
    "apt-get install -y --no-install-recommends gnome-keyring dbus dbus-daemon libsecret-tools";

/// A session bus, and a keyring daemon on it where one was asked for. All of it ends with this.
pub(crate) struct SecretService {
    home: TempDir,
    address: String,
    bus: Child,
}

impl SecretService {
    /// An unlocked keyring. The bus starts the daemon again where it has been killed, as a
    /// desktop does.
    pub(crate) fn start() -> Self {
        let service = SecretService::bus_that_can_start_a_keyring();
        service.unlock();
        service
    }

    /// An unlocked keyring on a bus that cannot start it again.
    pub(crate) fn start_mortal() -> Self {
        let service = SecretService::bus_alone();
        service.unlock();
        service
    }

    /// A bus on which no keyring has ever been set up, yet the daemon starts when it is called.
    pub(crate) fn bus_that_can_start_a_keyring() -> Self {
        SecretService::over_bus(&["--session"])
    }

    /// A bus on which nothing answers for the keyring.
    pub(crate) fn bus_alone() -> Self {
        let config = TempDir::new().expect("a folder for the bus's configuration");
        let file = config.path().join("bus.conf");
        let text = "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>\
            <auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination=\"*\" \
            eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>";
        fs::write(&file, text).expect("the bus's configuration");
        SecretService::over_bus(&["--config-file", file.to_str().expect("a plain path")])
    }

    /// An unlocked keyring on a bus that listens at this address.
    pub(crate) fn listening_at(address: &str) -> Self {
        let service = SecretService::over_bus(&["--session", &format!("--address={address}")]);
        service.unlock();
        service
    }

    /// The address of the bus.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    fn over_bus(args: &[&str]) -> Self {
        let home = TempDir::new().expect("a home");
        let mut bus = tool("dbus-daemon", home.path())
            .args(args)
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|_| panic!("dbus-daemon is missing: {INSTALL}"));
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("its output"))
            .read_line(&mut address)
            .expect("the bus says its address");
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "the bus did not start");
        SecretService { home, address, bus }
    }

    /// What a program needs in its environment to live in this world, and nothing else.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let mut env = home_env(self.home.path());
        env.push(("DBUS_SESSION_BUS_ADDRESS".into(), self.address.clone()));
        env
    }

    /// The names of our items, as another program sees them.
    pub(crate) fn lookup_items(&self) -> Vec<String> {
        let found = self.run(
            "secret-tool",
            &["search", "--all", "service", "acspass"],
            b"",
        );
        // Attributes go to standard error, secrets to standard output.
        let mut items: Vec<String> = String::from_utf8_lossy(&found.stderr)
            .lines()
            .filter_map(|line| line.strip_prefix("attribute.username = "))
            .map(str::to_owned)
            .collect();
        items.sort();
        items
    }

    /// An item's bytes, as another program reads them.
    pub(crate) fn lookup(&self, item: &str) -> Vec<u8> {
        let args = ["lookup", "service", "acspass", "username", item];
        self.run("secret-tool", &args, b"").stdout
    }

    /// Replaces what an item holds, as another program could.
    pub(crate) fn replace(&self, item: &str, bytes: &[u8]) {
        let found = self.run(
            "secret-tool",
            &["search", "service", "acspass", "username", item],
            b"",
        );
        let found = String::from_utf8_lossy(&found.stderr).into_owned();
        let attributes: Vec<&str> = found
            .lines()
            .filter_map(|line| line.strip_prefix("attribute."))
            .filter_map(|line| line.split_once(" = "))
            .flat_map(|(name, value)| [name, value])
            .collect();
        assert!(!attributes.is_empty(), "there is an item to replace");
        let args = [&["store", "--label=replaced"][..], &attributes].concat();
        assert!(self.run("secret-tool", &args, bytes).status.success());
    }

    /// Removes an item, as another program could.
    pub(crate) fn remove(&self, item: &str) {
        let args = ["clear", "service", "acspass", "username", item];
        assert!(self.run("secret-tool", &args, b"").status.success());
    }

    /// Puts a second item in under one name, as no program should.
    pub(crate) fn add_twin(&self, item: &str) {
        let args = [
            "store",
            "--label=twin",
            "service",
            "acspass",
            "username",
            item,
            "twin",
            "yes",
        ];
        assert!(self.run("secret-tool", &args, b"x").status.success());
    }

    /// Stops the daemon where it stands: it lives and does not answer.
    pub(crate) fn stop_daemon(&self) {
        for pid in self.daemons() {
            signal("STOP", pid);
        }
    }

    /// Lets a stopped daemon go on.
    pub(crate) fn continue_daemon(&self) {
        for pid in self.daemons() {
            signal("CONT", pid);
        }
    }

    /// Kills the daemon, and waits until the bus knows. Where the bus can start it again, the
    /// next call finds a locked keyring.
    pub(crate) fn kill_daemon(&self) {
        let daemons = self.daemons();
        assert!(!daemons.is_empty(), "there is a daemon to kill");
        for pid in daemons {
            signal("KILL", pid);
        }
        self.wait_until_owned(false);
    }

    /// Deletes the keyring's files and starts with a new, empty keyring, as a user does who has
    /// forgotten its password.
    pub(crate) fn reset(&self) {
        self.kill_daemon();
        let keyrings = self.home.path().join(".local/share/keyrings");
        fs::remove_dir_all(keyrings).expect("the keyring's files");
        self.unlock();
    }

    /// Waits until the bus says that a Secret Service is there, or is not.
    fn wait_until_owned(&self, owned: bool) {
        let question = [
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.secrets",
        ];
        let wanted = format!("boolean {owned}");
        let deadline = Deadline::start();
        loop {
            let response = self.run("dbus-send", &question, b"");
            assert!(response.status.success(), "the bus is there");
            if String::from_utf8_lossy(&response.stdout).contains(&wanted) {
                return;
            }
            deadline.pass("the bus reports the change");
        }
    }

    /// Kills the bus itself.
    pub(crate) fn kill_bus(&mut self) {
        self.bus.kill().expect("the bus is ours to kill");
        self.bus.wait().expect("it has ended");
    }

    /// Starts the daemon if it does not run, and unlocks the keyring.
    pub(crate) fn unlock(&self) {
        let args = ["--unlock", "--components=secrets"];
        let started = self.run("gnome-keyring-daemon", &args, b"a test's password");
        assert!(started.status.success(), "the keyring daemon started");
        // It says that it has started before the bus knows it.
        self.wait_until_owned(true);
    }

    fn run(&self, program: &str, args: &[&str], input: &[u8]) -> Output {
        let mut child = tool(program, self.home.path())
            .args(args)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|_| panic!("{program} is missing: {INSTALL}"));
        // A program that reads no input may have ended before it is written.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input));
        child.wait_with_output().expect("it ends")
    }

    /// The daemons that live in this home, whoever started them: ours, or the bus.
    fn daemons(&self) -> Vec<u32> {
        let home = [b"HOME=", self.home.path().as_os_str().as_bytes()].concat();
        let processes = fs::read_dir("/proc").expect("a Linux with /proc");
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                name.starts_with(b"gnome-keyring")
                    && environment.split(|b| *b == 0).any(|v| v == home)
            })
            .collect()
    }
}

impl Drop for SecretService {
    fn drop(&mut self) {
        // A stopped daemon would outlive its bus.
        for pid in self.daemons() {
            signal("KILL", pid);
        }
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

fn home_env(home: &Path) -> Vec<(String, String)> {
    let folder = home.to_str().expect("a plain path");
    vec![
        ("HOME".into(), folder.into()),
        ("XDG_RUNTIME_DIR".into(), folder.into()),
        ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
    ]
}

fn tool(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(home_env(home));
    command
}

/// Through the shell's own `kill`: the crate forbids unsafe code, and `procps` may be missing.
fn signal(name: &str, pid: u32) {
    let order = format!("kill -{name} {pid}");
    // The process may have ended by itself.
    let _ = Command::new("sh")
        .args(["-c", &order])
        .stderr(Stdio::null())
        .status();
}

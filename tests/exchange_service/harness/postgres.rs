//! A PostgreSQL of its own, on a free port. Its programs must be installed.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::service::until;

/// A running database. It ends with the value.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

/// Returns the folder of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders
        .filter(|folder| folder.join("initdb").exists())
        .max()
}

/// PostgreSQL refuses to run as root.
fn as_user(command: &mut Command, folder: &Path) {
    let id = |flag| {
        let output = Command::new("id").args([flag, "postgres"]).output().ok()?;
        String::from_utf8(output.stdout)
            .ok()?
            .trim()
            .parse::<u32>()
            .ok()
    };
    let own = Command::new("id").arg("-u").output().expect("id");
    if own.stdout.starts_with(b"0\n")
        && let (Some(user), Some(group)) = (id("-u"), id("-g"))
    {
        std::os::unix::fs::chown(folder, Some(user), Some(group)).expect("a folder of the user");
        command.uid(user).gid(group);
    }
}

impl Postgres {
    /// Starts a database.
    pub(crate) fn start() -> Postgres {
        let programs = programs().expect("PostgreSQL: apt-get install postgresql");
        let folder = tempfile::tempdir().expect("a folder");
        let mut init = Command::new(programs.join("initdb"));
        init.args([
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
            "-E",
            "UTF8",
            "-D",
        ])
        .arg(folder.path().join("data"))
        .stdout(Stdio::null());
        as_user(&mut init, folder.path());
        assert!(init.status().expect("initdb").success());
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut postgres = Postgres {
            programs,
            folder,
            port,
            child: None,
        };
        postgres.resume();
        postgres
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts the server, and waits until it responds.
    pub(crate) fn resume(&mut self) {
        let mut server = Command::new(self.programs.join("postgres"));
        server
            .args(["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-k"])
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string(), "-D"])
            .arg(self.folder.path().join("data"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        as_user(&mut server, self.folder.path());
        self.child = Some(server.spawn().expect("postgres"));
        until("PostgreSQL responds", || self.query("SELECT 1"));
    }

    /// Stops the server at once, with its connections.
    pub(crate) fn stop(&mut self) {
        if self.child.is_some() {
            self.signal("-CONT");
        }
        if let Some(mut child) = self.child.take() {
            // SIGQUIT: the children end too.
            let _ = Command::new("kill")
                .args(["-QUIT", &child.id().to_string()])
                .status();
            let _ = child.wait();
        }
    }

    /// Sends a signal to the server and to all its processes: `-STOP` freezes them, `-CONT` lets them go on.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let server = self.child.as_ref().expect("it runs").id();
        let children = format!("/proc/{server}/task/{server}/children");
        let children = std::fs::read_to_string(children).expect("procfs");
        // The server first, so that it starts no other process.
        for id in std::iter::once(server.to_string().as_str()).chain(children.split_whitespace()) {
            // A process may have ended.
            let _ = Command::new("kill").args([name, id]).status();
        }
    }

    /// Returns the result of a statement, one row a line. `None` if it failed.
    pub(crate) fn query(&self, statement: &str) -> Option<String> {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "-X",
                "-At",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &self.url(),
                "-c",
                statement,
            ])
            .stderr(Stdio::null())
            .output()
            .expect("psql");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

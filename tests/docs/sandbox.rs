//! A place to run the program in: an emulator, a home folder with nothing in it, sealed files as the
//! store, and a browser that signs in by itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use acspass::emulator::{Emulator, Options, UserAgent};
use tempfile::TempDir;

/// The system's certificates on Debian.
const SYSTEM_CAS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// See the module.
pub(crate) struct Sandbox {
    pub(crate) folder: TempDir,
    pub(crate) variables: BTreeMap<String, String>,
    _emulator: Emulator,
    _browser: Browser,
}

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        let options = Options {
            https_port: Some(0),
            ..Options::default()
        };
        let emulator = Emulator::start(options).expect("an emulator");
        let ca = emulator.ca_pem().expect("the emulator's certificate");
        let browser = Browser::start(UserAgent::new(None).trusting(&ca));
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let text = |path: PathBuf| path.to_str().expect("a plain path").to_owned();
        for name in ["home", "work"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        let key = path("key");
        acspass::store::create_key_file(&key).expect("a key file");
        let bundle = fs::read_to_string(SYSTEM_CAS).unwrap_or_default() + &ca;
        fs::write(path("ca.pem"), &ca).expect("written");
        fs::write(path("bundle.pem"), bundle).expect("written");
        let url = emulator.https_url().expect("https");
        let variables = [
            ("HOME", text(path("home"))),
            ("PATH", search_path()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TERM", "dumb".to_owned()),
            ("BROWSER", browser.command()),
            ("ACSPASS_EMULATOR_URL", emulator.http_url()),
            ("ACSPASS_STORE", "file".to_owned()),
            ("ACSPASS_STORE_KEY_FILE", text(key)),
            ("ACSPASS_CA_FILE", text(path("ca.pem"))),
            ("NODE_EXTRA_CA_CERTS", text(path("ca.pem"))),
            ("SSL_CERT_FILE", text(path("bundle.pem"))),
            ("REQUESTS_CA_BUNDLE", text(path("bundle.pem"))),
            ("ACSPASS_EMULATOR_URL", emulator.http_url()),
            ("AZURE_AUTHORITY_HOST", url),
            ("ACSPASS_TENANT_ID", emulator.tenant_id().to_owned()),
            ("ACSPASS_CLIENT_ID", emulator.client_id().to_owned()),
            (
                "COMMUNICATION_SERVICES_CONNECTION_STRING",
                emulator.connection_string(),
            ),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Sandbox {
            folder,
            variables: variables.into(),
            _emulator: emulator,
            _browser: browser,
        }
    }

    /// The folder that commands run in.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A command with the sandbox's environment that is ended after some seconds.
    pub(crate) fn command(&self, seconds: u32, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", &seconds.to_string()])
            .arg(program.as_ref())
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.work());
        command
    }

    /// The program with these arguments.
    pub(crate) fn acspass(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(60, env!("CARGO_BIN_EXE_acspass"));
        command.args(arguments);
        command
    }
}

/// The folders of the built program and of the system's programs.
fn search_path() -> String {
    let built = Path::new(env!("CARGO_BIN_EXE_acspass")).parent();
    let built = built.and_then(Path::to_str).expect("a plain path");
    format!("{built}:/usr/local/bin:/usr/bin:/bin")
}

/// Opens each address that its command gets, and walks the pages to the end.
struct Browser {
    port: u16,
    is_closed: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Browser {
    fn start(agent: UserAgent) -> Browser {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let mut url = String::new();
                if BufReader::new(connection).read_line(&mut url).is_err() {
                    continue;
                }
                let agent = agent.clone();
                std::thread::spawn(move || {
                    // A page that is no sign-in ends the walk with an error, which nothing awaits.
                    let _page = agent.browse(url.trim());
                });
            }
        });
        Browser {
            port,
            is_closed,
            listener: Some(thread),
        }
    }

    /// The command for BROWSER.
    fn command(&self) -> String {
        let script = format!("printf '%s\\n' \"$1\" >/dev/tcp/127.0.0.1/{}", self.port);
        shell_words::join(["/bin/bash", "-c", &script, "browser"])
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

//! The service that runs by itself: its units, the sockets that it takes over, and how it is.
//!
//! `install` calls a `systemctl` that is a stand-in: it keeps what it is told and does nothing. The
//! real one is asked in `manager`, where a manager of one's own can be started.

mod handed_over;
mod install;
mod manager;
mod refused;
mod status;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::harness::Home;

/// A profile with which a service could start.
const PROFILE: &str = r#"
[profile.default]
client-id = "11111111-2222-3333-4444-555555555555"
exchange = "entra"
endpoint = "https://contoso.communication.azure.com"
"#;

/// A home with a profile and a stand-in for systemctl.
struct Desk {
    home: Home,
}

impl Desk {
    fn new() -> Desk {
        let mut home = Home::new();
        home.configure(PROFILE);
        let bin = home.path().join("bin");
        fs::create_dir(&bin).expect("a folder");
        let stand_in = format!(
            "#!/bin/sh
shift
echo \"$*\" >> '{0}/orders'
case \"$*\" in *\"$(cat '{0}/fails' 2>/dev/null || echo nothing)\"*)
    echo 'the stand-in was told to fail' >&2; exit 1;;
esac
case $1 in show) echo inactive;; esac
",
            home.path().display()
        );
        let systemctl = bin.join("systemctl");
        fs::write(&systemctl, stand_in).expect("the stand-in");
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("its mode");
        home.set("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
        let path = home.path().display().to_string();
        home.set("HOME", &path);
        Desk { home }
    }

    /// The next order that holds these words fails.
    fn fails(&self, words: &str) {
        fs::write(self.home.path().join("fails"), words).expect("a file");
    }

    /// What systemctl was told, without its questions.
    fn orders(&self) -> Vec<String> {
        let path = self.home.path().join("orders");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        let orders = text.lines().filter(|line| !line.starts_with("show"));
        orders.map(str::to_owned).collect()
    }

    fn units(&self) -> PathBuf {
        self.home.path().join(".config/systemd/user")
    }

    fn unit(&self, name: &str) -> String {
        fs::read_to_string(self.units().join(name)).expect("the unit")
    }

    /// What is left where units are.
    fn left(&self) -> Vec<PathBuf> {
        let Ok(folder) = fs::read_dir(self.units()) else {
            return Vec::new();
        };
        folder
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }
}

/// A port that nobody has just now.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("bound").port().to_string()
}

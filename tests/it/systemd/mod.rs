//! The installed service: its units, sockets from systemd, status.
//!
//! `install` calls a fake `systemctl` that only records its arguments. `manager` calls the real one,
//! on machines that can start a manager for the test.

mod install;
mod manager;
mod refused;
mod socket_activation;
mod status;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::harness::{Home, http};

/// A profile that a service can start with.
const PROFILE: &str = r#"
[profile.default]
client-id = "11111111-2222-3333-4444-555555555555"
exchange = "entra"
endpoint = "https://contoso.communication.azure.com"
"#;

/// A home with a profile and a fake `systemctl`.
struct SystemdHome {
    home: Home,
}

impl SystemdHome {
    fn new() -> SystemdHome {
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
        SystemdHome { home }
    }

    /// Makes commands with these words fail.
    fn fails(&self, words: &str) {
        fs::write(self.home.path().join("fails"), words).expect("a file");
    }

    /// Returns the recorded commands, except `show`.
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

    /// Returns the files in the folder of units.
    fn left(&self) -> Vec<PathBuf> {
        let Ok(folder) = fs::read_dir(self.units()) else {
            return Vec::new();
        };
        folder
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }
}

/// Returns a port that is free now.
fn free_port() -> String {
    http::unused_port().to_string()
}

//! Talks to the user's service manager: `systemctl --user`, each call with a time limit, and one
//! datagram for readiness.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

#[cfg(target_os = "linux")]
use crate::cli::env_vars::NOTIFY_SOCKET;
use crate::cli::environment::Environment;
use crate::error::{Error, Result};
use crate::text::one_line;

use super::units::{SERVICE, SOCKET};

/// Longer than the units allow for a start.
const ORDER_TIMEOUT: Duration = Duration::from_secs(120);
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of its output that an error repeats.
const MAX_REPEATED_OUTPUT: usize = 300;

/// The user's service manager, called with this environment.
pub(crate) struct Systemctl<'e>(pub(crate) &'e Environment);

impl Systemctl<'_> {
    /// Checks that there is a manager.
    pub(crate) async fn probe(&self) -> Result<()> {
        let query = ["show", "--property=Version"];
        let output = self.call(&query, QUERY_TIMEOUT).await?;
        match output.status.success() {
            true => Ok(()),
            false => Err(missing("systemd does not run for this user").caused_by(reason(&output))),
        }
    }

    /// Runs a command and waits until it is done.
    pub(super) async fn order(&self, words: &[&str]) -> Result<()> {
        let output = self.call(words, ORDER_TIMEOUT).await?;
        match output.status.success() {
            true => Ok(()),
            false => Err(Error::usage(
                format!(
                    "`systemctl --user {}` failed: {}",
                    words.join(" "),
                    reason(&output)
                ),
                "Run `journalctl --user -u acspass` to see the log of the service.",
            )),
        }
    }

    /// Stops and disables both units.
    pub(super) async fn disable(&self) -> Result<()> {
        self.order(&["disable", "--now", SOCKET, SERVICE]).await
    }

    /// Whether a unit is active; `None` if that is unknown.
    pub(super) async fn is_active(&self, unit: &str) -> Option<bool> {
        let query = ["show", "--property=ActiveState", "--value", unit];
        let output = self.call(&query, QUERY_TIMEOUT).await.ok()?;
        match String::from_utf8_lossy(&output.stdout).trim() {
            "" => None,
            state => Some(state == "active"),
        }
    }

    async fn call(&self, words: &[&str], timeout: Duration) -> Result<Output> {
        let mut command = Command::new("systemctl");
        command
            .arg("--user")
            .args(words)
            .env_clear()
            .envs(&self.0.variables)
            .envs(&self.0.raw_variables)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        tokio::time::timeout(timeout, command.output())
            .await
            .map_err(|_| missing("`systemctl --user` did not respond within the time limit"))?
            .map_err(|cause| {
                missing("`systemctl` was not found, so that --install cannot set up a service")
                    .caused_by(cause)
            })
    }
}

/// Returns the error output on one line, without the lines of successful steps.
fn reason(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with("Created symlink"));
    one_line(&lines.collect::<Vec<_>>().join(" "), MAX_REPEATED_OUTPUT)
}

fn missing(message: &str) -> Error {
    Error::usage(
        message,
        "Run `acspass serve` in the programs that start at login (in a container, as its command). \
         If the system has systemd, log in as this user instead of su or sudo.",
    )
}

/// Reports readiness to the socket that a service manager names (sd_notify(3)). Returns whether there
/// is a service manager.
#[cfg(target_os = "linux")]
pub(crate) fn report_ready(env: &Environment) -> bool {
    let Some(name) = env.variable(NOTIFY_SOCKET) else {
        return false;
    };
    if let Err(cause) = send_ready(name) {
        tracing::warn!("readiness could not be reported to the service manager: {cause}");
    }
    true
}

#[cfg(target_os = "linux")]
fn send_ready(name: &str) -> std::io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
    Ok(())
}

/// Returns `false`: this system has no such manager.
#[cfg(not(target_os = "linux"))]
pub(crate) fn report_ready(_env: &Environment) -> bool {
    false
}

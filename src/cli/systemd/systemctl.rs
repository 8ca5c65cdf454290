//! Calls `systemctl --user`, each call with a time limit.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::cli::environment::Environment;
use crate::error::{Error, Result};
use crate::text::one_line;

use super::unit_files::{SERVICE, SOCKET};

/// Longer than the units allow for a start.
const ORDER_TIMEOUT: Duration = Duration::from_secs(120);
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of its output that an error repeats.
const LONGEST: usize = 300;

/// The user's service manager, called with this environment.
pub(super) struct Systemctl<'e>(pub(super) &'e Environment);

/// The output of a call.
struct Answer {
    is_ok: bool,
    out: String,
    err: String,
}

impl Answer {
    /// Returns its error output on one line, without the lines of successful steps.
    fn reason(&self) -> String {
        let lines = self.err.lines().map(str::trim);
        let lines = lines.filter(|line| !line.starts_with("Created symlink"));
        one_line(&lines.collect::<Vec<_>>().join(" "), LONGEST)
    }
}

impl Systemctl<'_> {
    /// Checks that there is a manager.
    pub(super) async fn probe(&self) -> Result<()> {
        let query = ["show", "--property=Version"];
        let answer = self.call(&query, QUERY_TIMEOUT).await?;
        match answer.is_ok {
            true => Ok(()),
            false => {
                let error = missing("this user has no systemd manager to talk to");
                Err(error.caused_by(answer.reason()))
            }
        }
    }

    /// Runs a command and waits until it is done.
    pub(super) async fn order(&self, words: &[&str]) -> Result<()> {
        let answer = self.call(words, ORDER_TIMEOUT).await?;
        match answer.is_ok {
            true => Ok(()),
            false => Err(Error::usage(
                format!(
                    "`systemctl --user {}` failed: {}",
                    words.join(" "),
                    answer.reason()
                ),
                "`journalctl --user -u acspass` shows the service's own words",
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
        let answer = self.call(&query, QUERY_TIMEOUT).await.ok()?;
        match answer.out.trim() {
            "" => None,
            state => Some(state == "active"),
        }
    }

    async fn call(&self, words: &[&str], timeout: Duration) -> Result<Answer> {
        let mut command = Command::new("systemctl");
        command
            .arg("--user")
            .args(words)
            .env_clear()
            .envs(&self.0.variables)
            .envs(&self.0.raw_variables)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(timeout, command.output()).await;
        let output = output
            .map_err(|_| missing("`systemctl --user` does not answer"))?
            .map_err(|cause| missing("there is no `systemctl` to be run here").caused_by(cause))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer {
            is_ok: output.status.success(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        })
    }
}

fn missing(message: &str) -> Error {
    Error::usage(
        message,
        "let whatever starts programs at login here (a container's own command, launchd, the task \
         scheduler) run `acspass serve`; with systemd, log in as this user, not by su or sudo",
    )
}

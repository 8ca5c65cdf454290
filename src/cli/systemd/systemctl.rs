//! `systemctl --user`, each call bounded in time.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::cli::context::Environment;
use crate::error::{Error, Kind, Result};
use crate::text::one_line;

/// Longer than a start may take in the units.
const PATIENCE: Duration = Duration::from_secs(120);
/// A question is answered at once, or by nobody.
const QUESTION: Duration = Duration::from_secs(5);
/// Characters of what it says that are repeated.
const LONGEST: usize = 300;

/// The user's service manager.
pub(super) struct Systemctl<'w>(&'w Environment);

/// What a call brought.
struct Answer {
    is_ok: bool,
    out: String,
    err: String,
}

impl Answer {
    /// What it said, on one line.
    fn reason(&self) -> String {
        let lines = self.err.lines().map(str::trim);
        // What went well is no reason.
        let lines: Vec<&str> = lines
            .filter(|line| !line.starts_with("Created symlink"))
            .collect();
        one_line(&lines.join(" "), LONGEST)
    }
}

impl<'w> Systemctl<'w> {
    pub(super) fn new(env: &'w Environment) -> Self {
        Systemctl(env)
    }

    /// Makes sure that there is a manager to talk to.
    pub(super) async fn probe(&self) -> Result<()> {
        let answer = self.call(&["show", "--property=Version"], QUESTION).await?;
        match answer.is_ok {
            true => Ok(()),
            false => {
                Err(missing("this user has no systemd manager to talk to")
                    .caused_by(answer.reason()))
            }
        }
    }

    /// Orders something, and waits until it is done.
    pub(super) async fn order(&self, words: &[&str]) -> Result<()> {
        let answer = self.call(words, PATIENCE).await?;
        match answer.is_ok {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Usage,
                format!(
                    "`systemctl --user {}` failed: {}",
                    words.join(" "),
                    answer.reason()
                ),
                "`journalctl --user -u acspass` shows the service's own words",
            )),
        }
    }

    /// Whether a unit is active; `None` where nobody can tell.
    pub(super) async fn is_active(&self, unit: &str) -> Option<bool> {
        let asked = self
            .call(
                &["show", "--property=ActiveState", "--value", unit],
                QUESTION,
            )
            .await;
        match asked.ok()?.out.trim() {
            "" => None,
            state => Some(state == "active"),
        }
    }

    async fn call(&self, words: &[&str], patience: Duration) -> Result<Answer> {
        let mut command = Command::new("systemctl");
        command
            .arg("--user")
            .args(words)
            .env_clear()
            .envs(&self.0.variables)
            .envs(&self.0.raw_variables)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let called = tokio::time::timeout(patience, command.output()).await;
        let output = called
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
    Error::new(
        Kind::Usage,
        message,
        "let whatever starts programs at login here (a container's own command, launchd, the task \
         scheduler) run `acspass serve`; with systemd, log in as this user, not by su or sudo",
    )
}

//! `serve --status`: prints whether a service runs and answers, its units, and the accounts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::cli::autostart::entry::Entry;
use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::io::report::Report;
use crate::cli::io::style::Mark;
use crate::cli::runtime::block_on;
use crate::error::{Kind, Result};
use crate::files::Folder;
use crate::serve::{Client, Running, running};
use crate::text::shell_word;
use crate::time::{Timestamp, in_words};

use super::manager::Systemctl;
use super::units::{SERVICE, SOCKET, Units};

/// A service answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The state of service, units and accounts, in the order of the keys in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// Of the service's unit; `None` if systemd does not report it.
    active: Option<bool>,
    /// The start as local text.
    #[serde(skip)]
    started: String,
    answers: bool,
    installed: bool,
    /// The name and the file of an entry without systemd.
    #[serde(skip)]
    entry: Option<(&'static str, String)>,
    pid: Option<u32>,
    running: bool,
    secret_file: Option<String>,
    /// The accounts in the index of this profile that can get no token, and the others.
    sign_in_needed: Vec<String>,
    signed_in: Vec<String>,
    since: Option<String>,
    socket: Option<String>,
    socket_active: Option<bool>,
    url: Option<String>,
}

/// The width of the labels after a start and in the state: an address fits beside one at 40 columns.
pub(crate) const LABEL_COLUMNS: usize = 13;

impl Status {
    fn add_to(&self, report: &mut Report) {
        let mut marked = |label: &str, mark: (Mark, &str), rest: &str| {
            report.marked_row(label, LABEL_COLUMNS, mark, rest);
        };
        match self.pid {
            Some(pid) => {
                let process = format!(": process {pid}{}", self.started);
                match self.answers {
                    true => marked("Service", (Mark::Good, "running"), &process),
                    false => marked("Service", (Mark::Bad, "not responding"), &process),
                }
            }
            None => marked("Service", (Mark::Warning, "not running"), self.next_step()),
        }
        let mut row = |label: &str, text: &str| report.row(label, LABEL_COLUMNS, text);
        if let Some(url) = &self.url {
            row("Token URL", &format!("{url}/token"));
            row("Dashboard", "run `acspass serve --open`");
        }
        if let Some(path) = &self.secret_file {
            row("Secret file", path);
        }
        if let Some(path) = &self.socket {
            row("Unix socket", path);
        }
        match (&self.entry, self.installed) {
            (Some((name, file)), _) => row(name, &format!("installed: {file}")),
            (None, true) => row(
                "systemd",
                &format!(
                    "installed; service {}, socket {}",
                    word(self.active),
                    word(self.socket_active)
                ),
            ),
            (None, false) => row(
                "systemd",
                "not installed. Run `acspass serve --install` to start the service at every login.",
            ),
        }
        let mut marked = |mark: (Mark, &str), rest: &str| {
            report.marked_row("Accounts", LABEL_COLUMNS, mark, rest);
        };
        if self.signed_in.is_empty() && self.sign_in_needed.is_empty() {
            marked((Mark::Warning, "none"), ". Run `acspass login`.");
        }
        if !self.signed_in.is_empty() {
            let names = self.signed_in.join(", ");
            marked((Mark::Good, "signed in"), &format!(": {names}"));
        }
        for name in &self.sign_in_needed {
            let command = format!("acspass login --account {}", shell_word(name, "USER"));
            marked(
                (Mark::Warning, "sign-in needed"),
                &format!(": {name}. Run `{command}`."),
            );
        }
    }

    /// What starts a service that does not run.
    fn next_step(&self) -> &'static str {
        match (self.installed && self.entry.is_none(), self.socket_active) {
            (false, _) => ". Run `acspass serve` to start it.",
            (true, Some(true)) => ". The next connection to its port starts it.",
            (true, _) => ". Run `journalctl --user -u acspass` to see why.",
        }
    }
}

fn word(is_active: Option<bool>) -> &'static str {
    match is_active {
        Some(true) => "active",
        Some(false) => "not active",
        None => "unknown",
    }
}

/// Prints the state. The exit code is 0 if a service answers.
pub(crate) fn run(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let folder = env.serve_folder()?;
    let service = running(&folder)?;
    let has_units = Units::of(env).is_ok_and(|units| units.exist());
    let entry = Entry::installed(env);
    let systemctl = Systemctl(env);
    let (answers, [active, socket_active]) = block_on(async {
        let answers = match &service {
            Some(service) => answers(service, &folder).await,
            None => false,
        };
        let states = match has_units {
            true => [
                systemctl.is_active(SERVICE).await,
                systemctl.is_active(SOCKET).await,
            ],
            false => [None, None],
        };
        Ok((answers, states))
    })?;
    let accounts = context.overview(usize::MAX)?.accounts();
    let names = |can_get_token: bool| {
        let accounts = accounts.iter();
        let accounts = accounts.filter(|state| state.can_get_token() == can_get_token);
        accounts
            .map(|state| state.account.username.clone())
            .collect()
    };
    let shown = |path: &PathBuf| path.display().to_string();
    let since = service.as_ref().and_then(since);
    let status = Status {
        active,
        answers,
        installed: has_units || entry.is_some(),
        entry: entry.map(|entry| (entry.name(), shown(&entry.file))),
        pid: service.as_ref().map(|service| service.pid),
        running: service.is_some(),
        secret_file: service.as_ref().map(|service| shown(&service.secret_file)),
        sign_in_needed: names(false),
        signed_in: names(true),
        since: since.map(|since| since.to_string()),
        socket: service
            .as_ref()
            .and_then(|service| service.socket.as_ref().map(shown)),
        socket_active,
        started: since.map_or_else(String::new, |at| started(env, at)),
        url: service.map(|service| service.url),
    };
    match output.is_json {
        true => output.print_json(&status)?,
        false => {
            let mut report = output.report();
            status.add_to(&mut report);
            output.print_report(report)?
        }
    };
    Ok(match answers {
        true => 0,
        false => Kind::Unreachable.exit_code(),
    })
}

fn started(env: &Environment, at: Timestamp) -> String {
    let now = env.clock.now();
    let time = env.local_times(now).clock_time(at);
    format!(", since {time} ({})", in_words(now.since(at)))
}

/// Whether the service answers at its port, and no other program.
async fn answers(service: &Running, folder: &Folder) -> bool {
    let Ok(client) = Client::of(service, folder) else {
        return false;
    };
    let checked = tokio::time::timeout(TIMEOUT, client.check()).await;
    matches!(checked, Ok(Ok(())))
}

/// Returns the start of the service: it writes its secret then.
fn since(service: &Running) -> Option<Timestamp> {
    let written = std::fs::metadata(&service.secret_file).ok()?.modified();
    let since_epoch = written.ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(since_epoch.as_secs()).ok()?;
    Some(Timestamp::from_unix_seconds(seconds))
}

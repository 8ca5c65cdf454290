//! `serve --status`: prints whether a service runs and answers, its units, and the accounts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::error::{Kind, Result};
use crate::files::Folder;
use crate::serve::{Client, Running, running};
use crate::time::{Timestamp, in_words};

use super::systemctl::Systemctl;
use super::unit_files::{SERVICE, SOCKET, UnitFiles};

/// A service answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The state of service, units and accounts.
struct Found {
    service: Option<Running>,
    since: Option<Timestamp>,
    answers: bool,
    is_installed: bool,
    /// Of service and socket; `None` if systemd does not report it.
    is_active: Option<bool>,
    is_listening: Option<bool>,
    /// The accounts in the index of this profile that can get tokens, and the others.
    signed_in: Vec<String>,
    sign_in_needed: Vec<String>,
}

/// Prints the state. The exit code is 0 if a service answers.
pub(crate) fn run(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let folder = env.serve_folder()?;
    let service = running(&folder)?;
    let is_installed = UnitFiles::of(env).is_ok_and(|files| files.exist());
    let systemctl = Systemctl(env);
    let (answers, [is_active, is_listening]) = block_on(async {
        let answers = match &service {
            Some(service) => answers(service, &folder).await,
            None => false,
        };
        let states = match is_installed {
            true => [
                systemctl.is_active(SERVICE).await,
                systemctl.is_active(SOCKET).await,
            ],
            false => [None, None],
        };
        Ok((answers, states))
    })?;
    let (mut signed_in, mut sign_in_needed) = (Vec::new(), Vec::new());
    for state in context.overview(usize::MAX)?.accounts() {
        let names = match state.can_get_token() {
            true => &mut signed_in,
            false => &mut sign_in_needed,
        };
        names.push(state.account.username.clone());
    }
    let found = Found {
        since: service.as_ref().and_then(since),
        service,
        answers,
        is_installed,
        is_active,
        is_listening,
        signed_in,
        sign_in_needed,
    };
    output.result(&text(&found, env.clock.now()), &json(&found))?;
    Ok(match found.answers {
        true => 0,
        false => Kind::Unreachable.exit_code(),
    })
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

fn json(found: &Found) -> Value {
    let service = found.service.as_ref();
    let socket = service.and_then(|service| service.socket.as_ref());
    json!({
        "running": service.is_some(),
        "answers": found.answers,
        "pid": service.map(|service| service.pid),
        "since": found.since.map(|since| since.to_string()),
        "url": service.map(|service| &service.url),
        "secretFile": service.map(|service| service.secret_file.display().to_string()),
        "socket": socket.map(|socket| socket.display().to_string()),
        "installed": found.is_installed,
        "active": found.is_active,
        "socketActive": found.is_listening,
        "signedIn": found.signed_in,
        "signInNeeded": found.sign_in_needed,
    })
}

fn text(found: &Found, now: Timestamp) -> String {
    let service = match &found.service {
        Some(service) => {
            let since = found.since;
            let since = since.map(|at| format!(", since {at} ({})", in_words(now.since(at))));
            let answers = match found.answers {
                true => "which answers",
                false => "which does not answer",
            };
            let socket = service.socket.as_ref();
            let socket = socket.map(|path| format!("\nUnix socket  {}", path.display()));
            format!(
                "process {}{}\naddress      {}, {answers}\nsecret file  {}{}",
                service.pid,
                since.unwrap_or_default(),
                service.url,
                service.secret_file.display(),
                socket.unwrap_or_default(),
            )
        }
        None => match (found.is_installed, found.is_listening) {
            (true, Some(true)) => "none runs; the next connection to its port starts it",
            (true, _) => "none runs: see `journalctl --user -u acspass`",
            (false, _) => "none runs: `acspass serve` starts one",
        }
        .to_owned(),
    };
    let word = |state| match state {
        Some(true) => "active",
        Some(false) => "not active",
        None => "not known",
    };
    let units = match found.is_installed {
        false => "not installed: `acspass serve --install` does".to_owned(),
        true => {
            let (service, socket) = (word(found.is_active), word(found.is_listening));
            format!("installed; service {service}, socket {socket}")
        }
    };
    let accounts = match (&*found.signed_in, &*found.sign_in_needed) {
        ([], []) => "sign-in      nobody is signed in: run `acspass login`".to_owned(),
        (names, []) => format!("signed in    {}", names.join(", ")),
        (_, names) => {
            let names = names.join(", ");
            format!("sign-in      needed for {names}: run `acspass login`")
        }
    };
    format!("service      {service}\nsystemd      {units}\n{accounts}")
}

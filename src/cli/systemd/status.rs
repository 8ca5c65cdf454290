//! `serve --status`: whether a service runs and answers, what starts it, and who must sign in.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::systemctl::Systemctl;
use super::{Files, SERVICE, SOCKET};
use crate::cli::context::{Context, Environment, block_on};
use crate::cli::output::Output;
use crate::error::{Kind, Result};
use crate::files::Folder;
use crate::serve::{Client, Running, running};
use crate::time::{Timestamp, in_words};

/// A service that lives answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found.
struct Found {
    service: Option<Running>,
    since: Option<Timestamp>,
    answers: bool,
    is_installed: bool,
    /// Of service and socket, where systemd tells.
    is_active: Option<bool>,
    is_listening: Option<bool>,
    /// The accounts of this profile that give tokens, and those that do not, as the index has them.
    signed_in: Vec<String>,
    sign_in_needed: Vec<String>,
}

/// `serve --status`.
pub(in crate::cli) fn status(env: &Environment, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &BTreeMap::new())?;
    let folder = env.serve_folder()?;
    let service = running(&folder)?;
    let is_installed = Files::of(env).is_ok_and(|files| files.are_there());
    let systemctl = Systemctl::new(env);
    let (answers, is_active, is_listening) = block_on(async {
        let answers = match &service {
            Some(service) => answers(service, &folder).await,
            None => false,
        };
        Ok(match is_installed {
            true => (
                answers,
                systemctl.is_active(SERVICE).await,
                systemctl.is_active(SOCKET).await,
            ),
            false => (answers, None, None),
        })
    })?;
    let accounts = context.overview(usize::MAX)?.accounts();
    let named = |can_give: bool| {
        let named = accounts
            .iter()
            .filter(|state| state.can_get_token() == can_give);
        named.map(|state| state.account.username.clone()).collect()
    };
    let found = Found {
        since: service.as_ref().and_then(since),
        service,
        answers,
        is_installed,
        is_active,
        is_listening,
        signed_in: named(true),
        sign_in_needed: named(false),
    };
    let now = context.env.clock.now();
    output.result(&text(&found, now), &shape(&found))?;
    Ok(match found.answers {
        true => 0,
        false => Kind::Unreachable.exit_code(),
    })
}

/// Whether the service itself answers at its port, and no other program.
async fn answers(service: &Running, folder: &Folder) -> bool {
    let Ok(client) = Client::of(service, folder) else {
        return false;
    };
    let checked = tokio::time::timeout(PATIENCE, client.check()).await;
    matches!(checked, Ok(Ok(())))
}

/// The secret is written once a run, when it starts.
fn since(service: &Running) -> Option<Timestamp> {
    let written = std::fs::metadata(&service.secret_file)
        .ok()?
        .modified()
        .ok()?;
    let since_epoch = written.duration_since(std::time::UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(since_epoch.as_secs()).ok()?;
    Some(Timestamp::from_unix_seconds(seconds))
}

fn shape(found: &Found) -> Value {
    let service = found.service.as_ref();
    json!({
        "running": service.is_some(),
        "answers": found.answers,
        "pid": service.map(|service| service.pid),
        "since": found.since.map(|since| since.to_string()),
        "url": service.map(|service| &service.url),
        "secretFile": service.map(|service| service.secret_file.display().to_string()),
        "socket": service
            .and_then(|service| service.socket.as_ref())
            .map(|socket| socket.display().to_string()),
        "installed": found.is_installed,
        "active": found.is_active,
        "socketActive": found.is_listening,
        "signedIn": found.signed_in,
        "signInNeeded": found.sign_in_needed,
    })
}

fn text(found: &Found, now: Timestamp) -> String {
    let mut lines = Vec::new();
    match &found.service {
        Some(service) => {
            let since = found
                .since
                .map(|since| format!(", since {since} ({})", in_words(now.since(since))))
                .unwrap_or_default();
            let answers = match found.answers {
                true => "which answers",
                false => "which does not answer",
            };
            lines.push(format!("service      process {}{since}", service.pid));
            lines.push(format!("address      {}, {answers}", service.url));
            lines.push(format!("secret file  {}", service.secret_file.display()));
            if let Some(socket) = &service.socket {
                lines.push(format!("Unix socket  {}", socket.display()));
            }
        }
        None => {
            let next = match (found.is_installed, found.is_listening) {
                (true, Some(true)) => "; the next connection to its port starts it",
                (true, _) => ": see `journalctl --user -u acspass`",
                (false, _) => ": `acspass serve` starts one",
            };
            lines.push(format!("service      none runs{next}"));
        }
    }
    lines.push(format!("systemd      {}", unit(found)));
    lines.push(match (&*found.signed_in, &*found.sign_in_needed) {
        ([], []) => "sign-in      nobody is signed in: run `acspass login`".to_owned(),
        (names, []) => format!("signed in    {}", names.join(", ")),
        (_, names) => format!(
            "sign-in      needed for {}: run `acspass login`",
            names.join(", ")
        ),
    });
    lines.join("\n")
}

fn unit(found: &Found) -> String {
    let word = |state| match state {
        Some(true) => "active",
        Some(false) => "not active",
        None => "not known",
    };
    match found.is_installed {
        false => "not installed: `acspass serve --install` does".to_owned(),
        true => format!(
            "installed; service {}, socket {}",
            word(found.is_active),
            word(found.is_listening)
        ),
    }
}

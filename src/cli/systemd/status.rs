//! `serve --status`: prints whether a service runs and answers, its units, and the accounts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::error::{Kind, Result};
use crate::files::Folder;
use crate::serve::{Client, Running, running};
use crate::session::AccountState;
use crate::time::{Timestamp, in_words};

use super::manager::Systemctl;
use super::units::{SERVICE, SOCKET, Units};

/// A service answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Prints the state. The exit code is 0 if a service answers.
pub(crate) fn run(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let folder = env.serve_folder()?;
    let service = running(&folder)?;
    let is_installed = Units::of(env).is_ok_and(|units| units.exist());
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
    // The accounts in the index of this profile that can get tokens, and the others.
    let accounts = context.overview(usize::MAX)?.accounts();
    let (signed_in, others): (Vec<_>, Vec<_>) =
        accounts.iter().partition(|state| state.can_get_token());
    let names = |states: Vec<&AccountState>| -> Vec<String> {
        let names = states.iter().map(|state| state.account.username.clone());
        names.collect()
    };
    let (signed_in, sign_in_needed) = (names(signed_in), names(others));
    let since = service.as_ref().and_then(since);
    let service_text = match &service {
        Some(service) => {
            let since = since.map(|at| {
                let age = in_words(env.clock.now().since(at));
                format!(", since {at} ({age})")
            });
            service_text(service, &since.unwrap_or_default(), answers)
        }
        None => match (is_installed, is_listening) {
            (true, Some(true)) => "none runs; the next connection to its port starts it",
            (true, _) => "none runs: see `journalctl --user -u acspass`",
            (false, _) => "none runs: `acspass serve` starts one",
        }
        .to_owned(),
    };
    let units_text = match is_installed {
        false => "not installed: `acspass serve --install` does".to_owned(),
        true => {
            let word = |state| match state {
                Some(true) => "active",
                Some(false) => "not active",
                None => "not known",
            };
            let (service, socket) = (word(is_active), word(is_listening));
            format!("installed; service {service}, socket {socket}")
        }
    };
    let accounts_text = match (&*signed_in, &*sign_in_needed) {
        ([], []) => "sign-in      nobody is signed in: run `acspass login`".to_owned(),
        (names, []) => format!("signed in    {}", names.join(", ")),
        (_, names) => {
            let names = names.join(", ");
            format!("sign-in      needed for {names}: run `acspass login`")
        }
    };
    let text = format!("service      {service_text}\nsystemd      {units_text}\n{accounts_text}");
    let service = service.as_ref();
    let socket = service.and_then(|service| service.socket.as_ref());
    let json = json!({
        "running": service.is_some(),
        "answers": answers,
        "pid": service.map(|service| service.pid),
        "since": since.map(|since| since.to_string()),
        "url": service.map(|service| &service.url),
        "secretFile": service.map(|service| service.secret_file.display().to_string()),
        "socket": socket.map(|socket| socket.display().to_string()),
        "installed": is_installed,
        "active": is_active,
        "socketActive": is_listening,
        "signedIn": signed_in,
        "signInNeeded": sign_in_needed,
    });
    output.result(&text, &json)?;
    Ok(match answers {
        true => 0,
        false => Kind::Unreachable.exit_code(),
    })
}

fn service_text(service: &Running, since: &str, answers: bool) -> String {
    let answers = match answers {
        true => "which answers",
        false => "which does not answer",
    };
    let socket = service.socket.as_ref();
    let socket = socket.map(|path| format!("\nUnix socket  {}", path.display()));
    format!(
        "process {}{since}\naddress      {}, {answers}\nsecret file  {}{}",
        service.pid,
        service.url,
        service.secret_file.display(),
        socket.unwrap_or_default(),
    )
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

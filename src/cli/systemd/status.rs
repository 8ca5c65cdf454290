//! `serve --status`: prints whether a service runs and answers, its units, and the accounts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use serde::Serialize;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::{Output, render};
use crate::cli::runtime::block_on;
use crate::error::{Kind, Result};
use crate::files::Folder;
use crate::serve::{Client, Running, running};
use crate::time::{Timestamp, in_words};

use super::manager::Systemctl;
use super::units::{SERVICE, SOCKET, Units};

/// A service answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The state of service, units and accounts, in the order of the keys in JSON.
#[derive(Template, Serialize)]
#[template(path = "systemd/status.txt", escape = "none")]
#[serde(rename_all = "camelCase")]
struct Status {
    /// Of the service's unit; `None` if systemd does not report it.
    active: Option<bool>,
    #[serde(skip)]
    age: String,
    answers: bool,
    installed: bool,
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

impl Status {
    fn word(is_active: &Option<bool>) -> &'static str {
        match is_active {
            Some(true) => "active",
            Some(false) => "not active",
            None => "not known",
        }
    }
}

/// Prints the state. The exit code is 0 if a service answers.
pub(crate) fn run(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let folder = env.serve_folder()?;
    let service = running(&folder)?;
    let installed = Units::of(env).is_ok_and(|units| units.exist());
    let systemctl = Systemctl(env);
    let (answers, [active, socket_active]) = block_on(async {
        let answers = match &service {
            Some(service) => answers(service, &folder).await,
            None => false,
        };
        let states = match installed {
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
        age: since.map_or_else(String::new, |at| in_words(env.clock.now().since(at))),
        answers,
        installed,
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
        url: service.map(|service| service.url),
    };
    output.print_result(render(&status)?.trim_end(), &status)?;
    Ok(match answers {
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

//! `exec`: runs a command with a fresh token in its environment.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use crate::cli::args::TokenOptions;
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::{Signals, block_on_uninterrupted};
use crate::config::KeySource;
use crate::error::{Error, Result};
use crate::hardening;
use crate::serve::{self, Running, Served};
use crate::text::{quoted, shown};

use super::{exec_environment, get};

pub(crate) fn run(
    options: &TokenOptions,
    command: &[OsString],
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let [program, arguments @ ..] = command else {
        return Err(Error::internal("the required command is missing"));
    };
    let context = get::context(options, env, true)?;
    let resource = context.config.resource()?;
    let endpoint = resource.endpoint.as_str();
    let key = match &resource.key {
        KeySource::Given(key) => Some(key.expose()),
        KeySource::Stored | KeySource::None => None,
    };
    let token = get::token(&context, options, false)?;
    let mut command = Command::new(program);
    command.args(arguments);
    let sorted = exec_environment::sort(&env.variables, endpoint, key);
    for name in &sorted.removed {
        command.env_remove(name);
    }
    command
        .env(var::AZURE_COMMUNICATION_ACCESS_TOKEN, token.secret.expose())
        .env(var::COMMUNICATION_SERVICES_ENDPOINT, endpoint)
        .env(var::AZURE_COMMUNICATION_ENDPOINT, endpoint);
    // The service returns the active account's token if a request names none.
    let active = context.session_store.active(&context.application()?)?;
    let is_active = active.is_some_and(|active| active.account == token.account);
    drop(token);
    let served = Served::by(&context.sessions()?, &context.token_request(false)?);
    let service = service(env).filter(|running| is_active && running.serves == served);
    if let Some(service) = service {
        command
            .env(var::ACSPASS_SERVE_URL, service.url)
            .env(var::ACSPASS_SERVE_SECRET_FILE, service.secret_file);
    }
    env.messages.end_status();
    report(&sorted, env);
    // The emulator runs in this process, and the command may send requests to it.
    let outcome = match env.global.emulator {
        true => block_on_uninterrupted(run_child(command, env.stdin.is_terminal))?,
        false => replace_process(command),
    };
    let cause = match outcome {
        Ok(status) => return Ok(code_of(status)),
        Err(cause) => cause,
    };
    // The codes are those of shells.
    let program = quoted(&program.to_string_lossy());
    let (code, error) = match cause.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("command {program} not found");
            let hint = "Check the spelling and PATH. A shell built-in needs a shell: \
                        `acspass exec -- sh -c 'COMMAND'`.";
            (127, Error::usage(message, hint))
        }
        _ => {
            let message = format!("command {program} could not be run");
            let hint = "Check that it is an executable file.";
            (126, Error::usage(message, hint).caused_by(cause))
        }
    };
    output.error(&error);
    Ok(code)
}

/// Prints the names of removed credentials, and of variables that look like credentials and stay.
fn report(sorted: &exec_environment::Sorted<'_>, env: &Environment) {
    let print = |text: &str, names: Vec<String>| {
        if !names.is_empty() {
            env.messages
                .print(&format!("{text}: {}.", names.join(", ")));
        }
    };
    // The others are those that `exec` itself reads or sets.
    let removed = sorted.removed.iter();
    let removed = removed.filter(|name| !var::RESOURCE_CREDENTIALS.contains(name));
    print(
        "The command does not get these credential variables",
        removed.map(|name| shown(name)).collect(),
    );
    print(
        "The command gets these variables, which look like credentials",
        sorted.left.iter().map(|name| shown(name)).collect(),
    );
}

/// Returns the token service that runs for the same user and state folder. The command works
/// without one, so an error is a warning only.
fn service(env: &Environment) -> Option<Running> {
    let folder = env.serve_folder();
    let running = folder.and_then(|folder| serve::running(&folder));
    running.unwrap_or_else(|error| {
        tracing::warn!("the command gets no address of a token service: {error}");
        None
    })
}

/// Replaces this process by the command. Returns only if that fails.
#[cfg(unix)]
fn replace_process(mut command: Command) -> io::Result<ExitStatus> {
    use std::os::unix::process::CommandExt;

    hardening::restore();
    Err(command.exec())
}

/// Runs the command and waits for it: this system cannot replace a process.
#[cfg(not(unix))]
fn replace_process(mut command: Command) -> io::Result<ExitStatus> {
    command.status()
}

/// Runs the command as a child and passes signals on to it.
async fn run_child(command: Command, is_terminal: bool) -> Result<io::Result<ExitStatus>> {
    let mut signals = Signals::listen("signals cannot be forwarded to the command")?;
    let mut child = match hardening::as_started(|| tokio::process::Command::from(command).spawn()) {
        Ok(child) => child,
        Err(cause) => return Ok(Err(cause)),
    };
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status),
            received = signals.next() => received.pass_on(child.id(), is_terminal),
        }
    }
}

/// Returns the exit code as shells do.
fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(u8::MAX)
}

//! `exec`: runs a command with a fresh token in its environment.

use std::ffi::OsString;
use std::process::Command;
use std::sync::Arc;

use crate::cli::args::TokenOptions;
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::{Signals, block_on_uninterrupted};
use crate::config::KeySource;
use crate::error::{Error, Result};
use crate::serve::{self, Running, Served};
use crate::text::shown;

use super::{child, exec_environment, get};

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
        true => {
            let is_terminal = env.stdin.is_terminal;
            block_on_uninterrupted(async {
                let signals = Signals::listen("signals cannot be forwarded to the command")?;
                Ok(child::run(command, signals, is_terminal).await)
            })?
        }
        false => child::replace_process(command),
    };
    Ok(child::exit_code(outcome, program, output))
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

//! `exec`: runs a command with a fresh token in its environment.
//!
//! The command replaces this process if nothing of it is needed any more. With an emulator or a token
//! service in this process, the command is its child.

mod environment;
mod parent;
mod server;

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use crate::account::Account;
use crate::cli::args::Exec;
use crate::cli::context::Context;
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::hints;
use crate::cli::io::output::Output;
use crate::cli::runtime::{Signals, block_on_uninterrupted};
use crate::config::{KeySource, Purpose};
use crate::error::Result;
use crate::serve::{self, Running, Served};
use crate::text::shown;

use super::{child, get, tied};

/// This command, in a hint.
const THIS_COMMAND: &str = "acspass exec";

/// The shell if the environment names none.
const DEFAULT_SHELL: &str = if cfg!(windows) { "cmd.exe" } else { "/bin/sh" };

pub(crate) fn run(args: &Exec, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let options = &args.options;
    let has_server = args.server || args.managed_identity;
    let context = Arc::new(get::context(options, env, Purpose::CommunicationToken)?);
    let resource = context.config.resource_if_any()?;
    let resource = resource.as_ref();
    let endpoint = resource.map(|resource| resource.endpoint.as_str());
    let key = match resource.map(|resource| &resource.key) {
        Some(KeySource::Given(key)) => Some(key.expose()),
        Some(KeySource::Stored | KeySource::None) | None => None,
    };
    let token = get::token(&context, options, false)?;
    let runner = || hints::command_for_user(THIS_COMMAND, env);
    let words = match args.command.as_slice() {
        [] => vec![shell(env)],
        words => words.to_vec(),
    };
    let mut command = match has_server {
        true => tied::command(&words, &runner(), env, output.is_json)?,
        false => child::plain(&words),
    };
    let mut sorted = environment::sort(&env.variables, endpoint, key);
    if args.managed_identity {
        // An SDK would ask for the identity with this id, or leave the managed identity out.
        let others = [var::AZURE_CLIENT_ID, var::AZURE_TOKEN_CREDENTIALS];
        let others = others.map(|name| env.variables.get_key_value(name));
        let others = others.into_iter().flatten().map(|(name, _)| name.as_str());
        let others: Vec<&str> = others.collect();
        sorted.left.retain(|name| !others.contains(name));
        sorted.removed.extend(others);
    }
    for name in &sorted.removed {
        command.env_remove(name);
    }
    if args.managed_identity {
        // They are set anew, so that no message names them.
        let anew = [var::IDENTITY_ENDPOINT, var::IDENTITY_HEADER];
        sorted.removed.retain(|name| !anew.contains(name));
    }
    command
        .env(var::AZURE_COMMUNICATION_ACCESS_TOKEN, token.secret.expose())
        .env(var::ACSPASS_ACCOUNT, &token.account.username);
    if let Some(endpoint) = endpoint {
        command
            .env(var::COMMUNICATION_SERVICES_ENDPOINT, endpoint)
            .env(var::AZURE_COMMUNICATION_ENDPOINT, endpoint);
    }
    let account = token.account.clone();
    drop(token);
    if !has_server && let Some(service) = shared_service(&context, &account)? {
        command
            .env(var::ACSPASS_SERVE_URL, service.url)
            .env(var::ACSPASS_SERVE_SECRET_FILE, service.secret_file);
    }
    env.messages.end_status();
    report(&sorted, env);
    let outcome = match has_server {
        true => server::run(&context, &account, args.managed_identity, command)?,
        false => run_without_service(command, env)?,
    };
    let program = words
        .first()
        .map_or(DEFAULT_SHELL.as_ref(), |word| word.as_os_str());
    Ok(child::exit_code(outcome, program, &runner(), output))
}

/// Returns the user's shell.
fn shell(env: &Environment) -> OsString {
    let name = if cfg!(windows) {
        var::COMSPEC
    } else {
        var::SHELL
    };
    let shell = env.path_variable(name);
    shell.map_or_else(|| DEFAULT_SHELL.into(), Into::into)
}

/// Runs the command as a child of an emulator in this process, to which it may send requests, or else
/// in the place of this process.
fn run_without_service(command: Command, env: &Environment) -> Result<io::Result<ExitStatus>> {
    if !env.global.emulator {
        return Ok(child::replace_process(command));
    }
    block_on_uninterrupted(async {
        let signals = Signals::listen("signals cannot be forwarded to the command")?;
        Ok(child::run(command, signals, env.stdin.is_terminal).await)
    })
}

/// Returns the user's running token service if it returns tokens of this account by default.
fn shared_service(context: &Context, account: &Account) -> Result<Option<Running>> {
    let active = context.session_store.active(&context.application()?)?;
    if active.is_none_or(|active| active.account != *account) {
        return Ok(None);
    }
    let served = Served::by(&context.sessions()?, &context.token_request(false)?);
    Ok(running(&context.env).filter(|running| running.serves == served))
}

/// Prints the names of removed credentials, and of variables that look like credentials and stay.
fn report(sorted: &environment::Sorted<'_>, env: &Environment) {
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
fn running(env: &Environment) -> Option<Running> {
    let folder = env.serve_folder();
    let running = folder.and_then(|folder| serve::running(&folder));
    running.unwrap_or_else(|error| {
        tracing::warn!("the command gets no address of a token service: {error}");
        None
    })
}

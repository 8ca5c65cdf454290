//! `exec`: runs a command with a fresh token in its environment.

use std::io;
use std::process::{Command, ExitStatus};

use crate::cli::Stdin;
use crate::cli::args::Exec;
use crate::cli::context::{Environment, block_on_uninterrupted};
use crate::cli::output::Output;
use crate::cli::prompt::Keyboard;
use crate::config::KeySource;
use crate::error::{Error, Kind, Result};
use crate::hardening;
use crate::secret::AccessKey;
use crate::serve::{self, Running, Served};
use crate::text::shown;

use super::{exec_environment, get};

pub(super) fn run(args: &Exec, env: &Environment, stdin: Stdin, output: &mut Output) -> Result<u8> {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Error::internal("a command that is required was not there"));
    };
    let is_terminal = stdin.is_terminal;
    let keyboard = Keyboard::new(stdin);
    let context = get::context(&args.wanted, env, true, &keyboard)?;
    let resource = context.config.resource()?;
    let endpoint = resource.endpoint.as_str().to_owned();
    let key = match &resource.key {
        KeySource::Given(key) => Some(key.clone()),
        KeySource::Stored | KeySource::None => None,
    };
    let token = get::token(&context, &args.wanted, false, keyboard)?;
    let mut command = Command::new(program);
    command.args(arguments);
    let keys: Vec<&str> = key.iter().map(AccessKey::expose).collect();
    let sorted = exec_environment::sort(&env.variables, &endpoint, &keys);
    for name in &sorted.removed {
        command.env_remove(name);
    }
    command
        .env("AZURE_COMMUNICATION_ACCESS_TOKEN", token.secret.expose())
        .env("COMMUNICATION_SERVICES_ENDPOINT", &endpoint)
        .env("AZURE_COMMUNICATION_ENDPOINT", &endpoint);
    // The service answers with the active account's token where a request names nobody.
    let active = context.sessions.active(&context.tenancy()?)?;
    let is_active = active.is_some_and(|active| active.account == token.account);
    drop(token);
    let served = Served::by(&context.session()?, &context.token_request(false)?);
    let service = service(env).filter(|running| is_active && running.serves == served);
    if let Some(service) = service {
        command
            .env("ACSPASS_SERVE_URL", service.url)
            .env("ACSPASS_SERVE_SECRET_FILE", service.secret_file);
    }
    output.messages().end_status();
    report(&sorted, output);
    // The emulator lives in this process, and the command may want to ask it something.
    let outcome = match env.global.emulator {
        true => block_on_uninterrupted(beside(command, is_terminal))?,
        false => go_on_as(command),
    };
    match outcome {
        Ok(status) => Ok(code_of(status)),
        Err(cause) => {
            let (code, error) = not_run(&program.to_string_lossy(), cause);
            output.error(&error);
            Ok(code)
        }
    }
}

/// Names the variables of another credential that the command does not get, and those that look like
/// credentials and reach it.
fn report(sorted: &exec_environment::Sorted<'_>, output: &Output) {
    let names = |names: &mut dyn Iterator<Item = &str>| {
        let names: Vec<String> = names.map(shown).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let others = &mut sorted.removed.iter().copied();
    if let Some(names) = names(&mut others.filter(|name| !exec_environment::is_expected(name))) {
        let text = format!("the command does not get these variables of a credential: {names}");
        output.messages().print(&text);
    }
    if let Some(names) = names(&mut sorted.left.iter().copied()) {
        output.messages().print(&format!(
            "the command also gets these variables, which look like credentials: {names}"
        ));
    }
}

/// The token service that runs for the same user and state folder, whatever it serves. The command
/// has its token without one.
fn service(env: &Environment) -> Option<Running> {
    match env
        .serve_folder()
        .and_then(|folder| serve::running(&folder))
    {
        Ok(running) => running,
        Err(error) => {
            tracing::warn!("no token service is named to the command: {error}");
            None
        }
    }
}

/// Goes on as the command. Comes back only where that cannot be.
#[cfg(unix)]
fn go_on_as(mut command: Command) -> io::Result<ExitStatus> {
    use std::os::unix::process::CommandExt;
    hardening::restore();
    Err(command.exec())
}

/// Where a process cannot become another one, it waits for it.
#[cfg(not(unix))]
fn go_on_as(mut command: Command) -> io::Result<ExitStatus> {
    command.status()
}

/// Runs the command as a child and passes on what this process is told.
#[cfg(unix)]
async fn beside(command: Command, is_terminal: bool) -> Result<io::Result<ExitStatus>> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).map_err(|cause| {
            Error::internal("signals cannot be passed on to the command").caused_by(cause)
        })
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut quit = listen(SignalKind::quit())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let mut child = match hardening::as_started(|| tokio::process::Command::from(command).spawn()) {
        Ok(child) => child,
        Err(cause) => return Ok(Err(cause)),
    };
    loop {
        let (received, comes_from_keys) = tokio::select! {
            status = child.wait() => return Ok(status),
            _ = interrupt.recv() => (rustix::process::Signal::INT, true),
            _ = quit.recv() => (rustix::process::Signal::QUIT, true),
            _ = terminate.recv() => (rustix::process::Signal::TERM, false),
            _ = hangup.recv() => (rustix::process::Signal::HUP, true),
        };
        // A terminal tells everybody on it by itself.
        if comes_from_keys && is_terminal {
            continue;
        }
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id.and_then(rustix::process::Pid::from_raw) {
            // One that has just ended needs no signal.
            let _ = rustix::process::kill_process(id, received);
        }
    }
}

/// Runs the command as a child; a console tells everybody on it by itself.
#[cfg(not(unix))]
async fn beside(command: Command, _is_terminal: bool) -> Result<io::Result<ExitStatus>> {
    let mut child = match hardening::as_started(|| tokio::process::Command::from(command).spawn()) {
        Ok(child) => child,
        Err(cause) => return Ok(Err(cause)),
    };
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status),
            told = tokio::signal::ctrl_c() => if told.is_err() {
                return Ok(child.wait().await);
            },
        }
    }
}

/// The exit code as a shell tells it.
fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

/// The exit code and the words for a command that did not start, as shells have them.
fn not_run(program: &str, cause: io::Error) -> (u8, Error) {
    let program = crate::text::quoted(program);
    match cause.kind() {
        io::ErrorKind::NotFound => (
            127,
            Error::new(
                Kind::Usage,
                format!("there is no command {program}"),
                "check its spelling and PATH; a shell's own words need a shell: \
                 `acspass exec -- sh -c '…'`",
            ),
        ),
        _ => (
            126,
            Error::new(
                Kind::Usage,
                format!("the command {program} cannot be run"),
                "check that it is a program, and that you may run it",
            )
            .caused_by(cause),
        ),
    }
}

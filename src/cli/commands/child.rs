//! A command that runs as a child of this process, as shells run one.

use std::ffi::{OsStr, OsString};
use std::future::pending;
use std::io;
use std::pin::pin;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tokio::process::Child;

use crate::cli::io::output::Output;
use crate::cli::runtime::{self, Signals};
use crate::error::Error;
use crate::hardening;
use crate::text::quoted;

/// How long a command that is asked to end may take.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Returns the command with these words, the program first.
pub(super) fn plain(words: &[OsString]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().map_or(OsStr::new(""), OsString::as_os_str));
    command.args(words);
    command
}

/// Runs the command as a child and passes these signals on to it.
pub(super) async fn run(
    command: Command,
    signals: Signals,
    is_terminal: bool,
) -> io::Result<ExitStatus> {
    wait(start(command)?, signals, is_terminal, pending()).await
}

/// Starts the command as a child.
pub(super) fn start(command: Command) -> io::Result<Child> {
    hardening::as_started(|| tokio::process::Command::from(command).spawn())
}

/// Waits for the end of the child and passes these signals on to it. Ends it once `stop` ends.
pub(super) async fn wait(
    mut child: Child,
    mut signals: Signals,
    is_terminal: bool,
    stop: impl Future<Output = ()>,
) -> io::Result<ExitStatus> {
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            status = child.wait() => return status,
            received = signals.next() => received.pass_on(child.id(), is_terminal),
            () = &mut stop => break,
        }
    }
    runtime::terminate(child.id());
    match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            child.kill().await?;
            child.wait().await
        }
    }
}

/// Replaces this process by the command. Returns only if that fails.
#[cfg(unix)]
pub(super) fn replace_process(mut command: Command) -> io::Result<ExitStatus> {
    use std::os::unix::process::CommandExt;

    hardening::restore();
    Err(command.exec())
}

/// Runs the command and waits for it: this system cannot replace a process.
#[cfg(not(unix))]
pub(super) fn replace_process(mut command: Command) -> io::Result<ExitStatus> {
    command.status()
}

/// Returns the exit code of the command, or prints the reason for which it could not be run. The codes
/// are those of shells. `runner` is the command of acspass that ran it, for the hint.
pub(super) fn exit_code(
    outcome: io::Result<ExitStatus>,
    program: &OsStr,
    runner: &str,
    output: &mut Output,
) -> u8 {
    let cause = match outcome {
        Ok(status) => return code_of(status),
        Err(cause) => cause,
    };
    let program = quoted(&program.to_string_lossy());
    let (code, error) = match cause.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("command {program} not found");
            let hint = format!(
                "Check the spelling and PATH. A shell built-in needs a shell: `{runner} -- sh -c 'COMMAND'`."
            );
            (127, Error::usage(message, hint))
        }
        _ => {
            let message = format!("command {program} could not be run");
            let hint = "Check that it is an executable file.";
            (126, Error::usage(message, hint).caused_by(cause))
        }
    };
    output.error(&error);
    code
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

//! `emulator exec --real-hosts`: the namespaces in which the command runs, on Linux.
//!
//! The command must not outlive the emulator: without it, its hosts would answer nothing. Only a process
//! itself can ask the kernel for that. So this program starts once more, asks for it, and becomes the
//! command.

use std::ffi::OsString;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::cli::commands::child;
use crate::cli::env_vars::PROXIES;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::emulator::Namespace;
use crate::error::{Error, Result};

/// The word that makes this program the tied command. It is no command of the definition.
const WORD: &str = "__tied";
/// The words before the command: the program, the word above, the parent's id, the format of errors.
const WORDS: usize = 4;
const JSON: &str = "json";

/// The namespaces of this process.
pub(super) struct OwnHosts(Namespace);

impl OwnHosts {
    /// Enters the namespaces. The process must have one thread.
    pub(super) fn enter() -> Result<OwnHosts> {
        Namespace::enter().map(OwnHosts)
    }

    /// Mounts the files of names and certificates; see [`Namespace::mount_files`].
    pub(super) fn mount_files(&self, folder: &Path, bundle: &Path) -> Result<Option<PathBuf>> {
        self.0.mount_files(folder, bundle)
    }

    /// Serves names until `work` ends.
    pub(super) async fn while_serving<T>(self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            done = work => Ok(done),
            stopped = self.0.serve_names() => Err(match stopped {
                Ok(()) => Error::internal("the name server stopped"),
                Err(error) => error,
            }),
        }
    }

    /// Returns the call of this program that becomes the command and ends with this process.
    pub(super) fn tied(
        &self,
        command: &[OsString],
        env: &Environment,
        is_json: bool,
    ) -> Result<Command> {
        let program = env.program.as_ref();
        let program = program.ok_or_else(|| Error::internal("the path of acspass is unknown"))?;
        let mut tied = Command::new(program);
        let format = if is_json { JSON } else { "text" };
        tied.args([WORD, &std::process::id().to_string(), format]);
        tied.args(command);
        for name in PROXIES {
            tied.env_remove(name);
        }
        Ok(tied)
    }
}

/// Returns whether these arguments are those of [`OwnHosts::tied`].
pub(crate) fn is_tied(arguments: &[OsString]) -> bool {
    arguments.len() > WORDS && arguments.get(1).is_some_and(|word| word == WORD)
}

/// Becomes the command. Returns the exit code only if that fails.
pub(crate) fn become_tied(arguments: &[OsString], output: &mut Output) -> u8 {
    let [_, _, parent, format, program, rest @ ..] = arguments else {
        return 1;
    };
    output.is_json = format == JSON;
    let tied = set_parent_process_death_signal(Some(Signal::KILL));
    // If the parent has ended before that call, another process is the parent now.
    let is_orphan = parent_id().to_string() != *parent.to_string_lossy();
    if tied.is_err() || is_orphan {
        output.error(&Error::internal("the emulator of the command has ended"));
        return 1;
    }
    let mut command = Command::new(program);
    command.args(rest);
    child::exit_code(child::replace_process(command), program, output)
}

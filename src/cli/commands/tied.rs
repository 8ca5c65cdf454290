//! A command that ends with this process, on Linux.
//!
//! Only a process itself can ask the kernel for a signal at the end of its parent. So this program
//! starts once more, asks for it, and becomes the command. The kernel drops the request if the command
//! gains privileges, as `sudo` does.

use std::ffi::OsString;
use std::os::unix::process::parent_id;
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::{Error, Result};

use super::child;

/// The word that makes this program the tied command. It is no command of the definition.
const WORD: &str = "__tied";
/// The words before the command: the program, the word above, the parent's id, the format of errors, the
/// command of acspass.
const WORDS: usize = 5;
const JSON: &str = "json";

/// Returns the call of this program that becomes the command and ends with this process. `runner` is as
/// for [`child::exit_code`]. The thread
/// that starts it must live as long as the process.
pub(super) fn command(
    command: &[OsString],
    runner: &str,
    env: &Environment,
    is_json: bool,
) -> Result<Command> {
    let program = env.program.as_ref();
    let program = program.ok_or_else(|| Error::internal("the path of acspass is unknown"))?;
    let mut tied = Command::new(program);
    let format = if is_json { JSON } else { "text" };
    tied.args([WORD, &std::process::id().to_string(), format, runner]);
    tied.args(command);
    Ok(tied)
}

/// Returns whether these arguments are those of [`command`].
pub(crate) fn is_called(arguments: &[OsString]) -> bool {
    arguments.len() > WORDS && arguments.get(1).is_some_and(|word| word == WORD)
}

/// Becomes the command. Returns the exit code only if that fails.
pub(crate) fn run(arguments: &[OsString], output: &mut Output) -> u8 {
    let [_, _, parent, format, runner, program, rest @ ..] = arguments else {
        return 1;
    };
    output.is_json = format == JSON;
    let tied = set_parent_process_death_signal(Some(Signal::TERM));
    // If the parent has ended before that call, another process is the parent now.
    let is_orphan = parent_id().to_string() != *parent.to_string_lossy();
    if tied.is_err() || is_orphan {
        output.error(&Error::internal("acspass has ended before the command"));
        return 1;
    }
    let mut command = Command::new(program);
    command.args(rest);
    let runner = runner.to_string_lossy();
    child::exit_code(child::replace_process(command), program, &runner, output)
}

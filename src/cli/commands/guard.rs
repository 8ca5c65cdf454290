//! A process that cleans up if this one is killed: it removes a folder and ends the command.
//!
//! A killed process runs no code, and the kernel closes its sockets only. So this program starts once
//! more and reads a pipe, which ends with this process. The guard is in a process group of its own: a
//! signal to the group of this process does not reach it. It holds no secret and no listener.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::cli::environment::Environment;
use crate::error::{Error, Result};

use super::child::GRACE;

/// The word that makes this program a guard. It is no command of the definition.
const WORD: &str = "__guard";
/// The beginning of the name of each folder that a guard removes.
const PREFIX: &str = "acspass-";
/// The pause between two looks at the command.
const PAUSE: Duration = Duration::from_millis(20);

/// The guard of this process. Dropping it ends the guard, which then cleans up nothing.
pub(super) struct Guard(Child);

impl Guard {
    /// Starts the guard of this folder, which need not exist yet. Its name begins with `acspass-`.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the guard cannot be started.
    pub(super) fn start(env: &Environment, folder: &Path) -> Result<Guard> {
        let folder = std::path::absolute(folder);
        let folder = folder.map_err(|cause| not_started().caused_by(cause))?;
        let mut guard = Command::new(env.program.as_ref().ok_or_else(not_started)?);
        guard
            .arg(WORD)
            .arg(folder)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let guard = guard.spawn();
        guard
            .map(Guard)
            .map_err(|cause| not_started().caused_by(cause))
    }

    /// Lets the guard end this process as well.
    pub(super) fn watch(&mut self, command: Option<u32>) {
        let (Some(pipe), Some(id)) = (&mut self.0.stdin, command) else {
            return;
        };
        // The guard ends only if another process ends it. The command works without it.
        if let Err(cause) = writeln!(pipe, "{id}") {
            tracing::warn!("the command would outlive acspass if acspass were killed: {cause}");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn not_started() -> Error {
    Error::internal("the process that cleans up after acspass could not be started")
}

/// Returns whether these arguments are those of [`Guard::start`].
pub(crate) fn is_called(arguments: &[OsString]) -> bool {
    arguments.len() == 3 && arguments.get(1).is_some_and(|word| word == WORD)
}

/// Waits for the end of the pipe on standard input, and cleans up.
pub(crate) fn run(arguments: &[OsString]) {
    let Some(folder) = arguments.last().map(Path::new) else {
        return;
    };
    let command = read_to_end(io::stdin().lock());
    remove(folder);
    if let Some(command) = command {
        end(command);
    }
}

/// Removes a folder, unless another caller than [`Guard::start`] named it.
fn remove(folder: &Path) {
    let name = folder.file_name().map(|name| name.to_string_lossy());
    if name.is_some_and(|name| name.starts_with(PREFIX)) {
        // There may be no folder yet, or no longer.
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// Reads the id of the command, and then to the end.
fn read_to_end(pipe: impl Read) -> Option<Pid> {
    let mut pipe = BufReader::new(pipe);
    let mut line = String::new();
    pipe.read_line(&mut line).ok()?;
    // An error is an end as well.
    let _ = io::copy(&mut pipe, &mut io::sink());
    let id: u32 = line.strip_suffix('\n')?.parse().ok()?;
    Pid::from_raw(id.try_into().ok()?)
}

/// Asks the command to end, and ends it after a grace period.
fn end(command: Pid) {
    // On Linux the kernel has asked it (`tied`).
    if !cfg!(target_os = "linux") {
        let _ = kill_process(command, Signal::TERM);
    }
    let start = Instant::now();
    // It is no child of this process, so its end is no event here.
    while test_kill_process(command).is_ok() {
        if start.elapsed() >= GRACE {
            let _ = kill_process(command, Signal::KILL);
            return;
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_line_names_a_process() {
        let id = |text: &str| Pid::as_raw(read_to_end(text.as_bytes()));
        assert_eq!(id("4711\n"), 4711);
        for text in ["", "4711", "\n", "0\n", "-1\n", "x\n"] {
            assert_eq!(id(text), 0, "{text:?}");
        }
    }

    #[test]
    fn folder_with_another_name_is_not_removed() {
        let outer = tempfile::tempdir().expect("a folder");
        for (name, stays) in [("acspass-exec-1", false), ("home", true)] {
            let folder = outer.path().join(name);
            std::fs::create_dir(&folder).expect("a folder");
            remove(&folder);
            assert_eq!(folder.exists(), stays, "{name}");
        }
    }
}

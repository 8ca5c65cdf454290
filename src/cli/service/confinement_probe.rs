//! For tests, and in debug builds only: acts as code that has taken over the service.
//!
//! `ACSPASS_TEST_INTRUDER` names a file outside the service's folders. After the confinement, this
//! module tries to reach it, on the serving thread and on a new one, and prints the outcomes.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::process::Command;

use crate::cli::env_vars::ACSPASS_TEST_INTRUDER;
use crate::cli::environment::Environment;

/// Makes all attempts if the variable is set.
pub(super) fn act(env: &Environment) {
    let Some(file) = env.path_variable(ACSPASS_TEST_INTRUDER) else {
        return;
    };
    let own = env.state_folder().map(|folder| folder.path());
    let own = own.unwrap_or_default().join("intruder");
    let mut lines = attempts("serving", &file, &own);
    let later = std::thread::spawn(move || attempts("new", &file, &own));
    lines.extend(later.join().unwrap_or_default());
    lines.iter().for_each(|line| env.messages.print(line));
}

#[cfg(unix)]
use std::os::unix::fs::symlink;

#[cfg(not(unix))]
fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn attempts(thread: &str, file: &Path, own: &Path) -> Vec<String> {
    let beside = file.with_extension("new");
    let link = own.with_extension("link");
    let symbolic = own.with_extension("symlink");
    let folder = file.parent().unwrap_or(file);
    let mut lines = Vec::new();
    let mut note = |what: &str, outcome: io::Result<()>| {
        lines.push(match outcome {
            Ok(()) => format!("intruder: {thread} {what}: done"),
            Err(cause) => format!("intruder: {thread} {what}: {:?}", cause.kind()),
        });
    };
    let append = OpenOptions::new().append(true).open(file);
    note("read", fs::read(file).map(drop));
    note("write", append.map(drop));
    note("create", fs::write(&beside, "x"));
    note("move", fs::rename(file, &beside));
    note("list", fs::read_dir(folder).map(drop));
    let moved = if beside.exists() { &beside } else { file };
    note("link", fs::hard_link(moved, &link));
    note("symlink", symlink(folder, &symbolic));
    note("run", Command::new("/bin/true").status().map(drop));
    let written = fs::write(own, "x");
    note("own", written.and_then(|()| fs::remove_file(own)));
    // The next thread starts from the same state.
    let _ = fs::remove_file(symbolic);
    let _ = fs::rename(&beside, file).and_then(|()| fs::remove_file(&link));
    lines
}

//! For tests, and in debug builds only: acts as code that has taken over the service.
//!
//! `ACSPASS_TEST_INTRUDER` names a file outside the service's folders. After the confinement, this
//! module tries to reach it, on the serving thread and on a new one, and prints the outcomes.

use std::fs;
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
    for line in lines {
        env.messages.print(&line);
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn attempts(thread: &str, file: &Path, own: &Path) -> Vec<String> {
    let beside = file.with_extension("new");
    let link = own.with_extension("link");
    let folder = file.parent().unwrap_or(file);
    let outcomes: [(&str, io::Result<()>); 9] = [
        ("read", fs::read(file).map(drop)),
        (
            "write",
            fs::OpenOptions::new().append(true).open(file).map(drop),
        ),
        ("create", fs::write(&beside, "x")),
        ("move", fs::rename(file, &beside)),
        ("list", fs::read_dir(folder).map(drop)),
        (
            "link",
            fs::hard_link(if beside.exists() { &beside } else { file }, &link),
        ),
        ("symlink", symlink(folder, &own.with_extension("symlink"))),
        ("run", Command::new("/bin/true").status().map(drop)),
        (
            "own",
            fs::write(own, "x").and_then(|()| fs::remove_file(own)),
        ),
    ];
    // The next thread starts from the same state.
    let _ = fs::remove_file(own.with_extension("symlink"));
    let _ = fs::rename(&beside, file).and_then(|()| fs::remove_file(&link));
    let line = |(what, outcome): (&str, io::Result<()>)| match outcome {
        Ok(()) => format!("intruder: {thread} {what}: done"),
        Err(cause) => format!("intruder: {thread} {what}: {:?}", cause.kind()),
    };
    outcomes.into_iter().map(line).collect()
}

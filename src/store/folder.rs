//! Files in the state folder that nobody else may read: made private, replaced whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::time::{Clock, SystemClock};

/// A change takes milliseconds: who holds a lock this long has been stopped.
const PATIENCE: Duration = Duration::from_secs(5);

/// Creates the folder, and what is missing above it, for its owner alone.
pub(crate) fn create(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file for reading and writing, as it is, and creates it for its owner alone.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().read(true).create(true).truncate(false)).open(path)
}

/// Puts `bytes` in the file's place, so that whoever reads, and whatever dies, meets the old
/// content or the new one whole. Two at once must exclude each other: they share the draft, whose
/// fixed name keeps the drafts of processes that were killed from piling up. What stands under that
/// name is removed and not written to: it may be a link, or a file that others read.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    match fs::remove_file(&draft) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut file = private(OpenOptions::new().create_new(true)).open(&draft)?;
    file.write_all(bytes)?;
    // Without this, a power cut after the renaming may leave an empty file under the name.
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_names(path)
}

/// Removes a file for good; `false` where there was none.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => sync_names(path).map(|()| true),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Gives a file that cannot be read a name that says so, and tells it. The name it had is free.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    // The machine's own clock: this is about a file of this machine, not about a token.
    let now = SystemClock.now().unix_seconds();
    let named = |suffix: String| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut aside = named(format!(".unreadable-{now}"));
    let mut attempt = 1;
    while aside.exists() {
        attempt += 1;
        aside = named(format!(".unreadable-{now}-{attempt}"));
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Waits for the lock file of this name, for as long as an honest holder could need it. It is
/// held until what is returned is dropped, or the process ends.
pub(crate) fn exclusive(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(name);
    let failed = |cause| failure("lock", &path, cause);
    create(folder).map_err(|cause| failure("create the folder", folder, cause))?;
    let file = open(&path).map_err(failed)?;
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    Kind::Store,
                    format!(
                        "another acspass holds `{}` and does not let go",
                        path.display()
                    ),
                    "look for a stopped acspass process, end it, and run this again",
                ));
            }
        }
    }
}

/// Makes names in a file's folder outlive a power cut.
#[cfg(unix)]
fn sync_names(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Windows opens no folder to be synced, and writes names through its journal.
#[cfg(not(unix))]
fn sync_names(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// An error about a file of the state folder. A path and an I/O error hold no secret.
pub(crate) fn failure(what: &str, path: &Path, cause: io::Error) -> Error {
    let hint = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space on that disk, then run this again"
        }
        io::ErrorKind::Unsupported => {
            "set ACSPASS_STATE_DIR to a folder on a local disk, where files can be locked"
        }
        _ => {
            "see that the folder exists and belongs to you, or set ACSPASS_STATE_DIR to one that does"
        }
    };
    Error::new(
        Kind::Store,
        format!("could not {what} `{}`", path.display()),
        hint,
    )
    .caused_by(cause)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.write(true)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_draft_that_others_planted_gets_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let [file, draft, elsewhere] =
            ["secret", "secret.draft", "elsewhere"].map(|name| folder.path().join(name));
        let planted: [&dyn Fn() -> io::Result<()>; 2] = [&|| symlink(&elsewhere, &draft), &|| {
            fs::hard_link(&elsewhere, &draft)
        }];
        for plant in planted {
            fs::write(&elsewhere, "as it was").expect("a file that all may read");
            plant().expect("it is planted");
            replace(&file, b"not for others").expect("it is kept");
            let kept = fs::symlink_metadata(&file).expect("it is there");
            assert!(kept.is_file());
            assert_eq!(kept.permissions().mode() & 0o777, 0o600);
            let theirs = fs::read_to_string(&elsewhere).expect("it is there");
            assert_eq!(theirs, "as it was");
        }
    }
}

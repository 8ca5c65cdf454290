//! Operations on files of the state folder, and their errors.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::files::{self, Folder, Refusal};
use crate::time::{Clock, SystemClock};

/// The variable that names the state folder.
const VARIABLE: &str = "ACSPASS_STATE_DIR";

/// A change takes milliseconds: a lock held this long belongs to a suspended process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Renames a file that cannot be read, and returns its new path. `what` is for the error.
pub(super) fn quarantine(what: &str, folder: &Folder, name: &str) -> Result<PathBuf> {
    // This machine's clock: the time of a file, not of a token.
    let now = SystemClock.now().unix_seconds();
    let kept = folder.quarantine(name, &now.to_string());
    kept.map_err(error_mapper(what, folder, name))
}

/// Waits up to [`LOCK_TIMEOUT`] for the lock file of this name. The lock is released when the returned
/// file is dropped, or the process ends.
pub(crate) fn lock_file(folder: &Folder, name: &str) -> Result<File> {
    let file = folder.lock(name, LOCK_TIMEOUT);
    file.map_err(error_mapper("lock", folder, name))?
        .ok_or_else(|| {
            let path = folder.file_path(name);
            let path = path.display();
            Error::new(
                Kind::Store,
                format!("another acspass process locks `{path}`"),
                "Run `pgrep -a acspass` to find the other process, end it, then run the command again.",
            )
        })
}

/// Returns the conversion of an I/O error at the file of this name.
pub(super) fn error_mapper<'a>(
    what: &'a str,
    folder: &'a Folder,
    name: &'a str,
) -> impl Fn(io::Error) -> Error + 'a {
    move |cause| error_at(what, &folder.file_path(name), cause)
}

/// Returns the error for a file of the state folder. A path and an I/O error contain no secret.
pub(crate) fn error_at(what: &str, path: &Path, cause: io::Error) -> Error {
    if let Some(refusal) = Refusal::of(&cause) {
        return Error::new(Kind::Store, refusal.to_string(), refusal.hint(VARIABLE));
    }
    let hint = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "Free some space on that disk, then run the command again."
        }
        _ if files::is_unsupported(&cause) => {
            "Set ACSPASS_STATE_DIR to a folder on a local disk, which can lock files."
        }
        _ => {
            "Check that the folder exists and belongs to you, or set ACSPASS_STATE_DIR to another \
             folder."
        }
    };
    Error::new(
        Kind::Store,
        format!("could not {what} `{}`", path.display()),
        hint,
    )
    .caused_by(cause)
}

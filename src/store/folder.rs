//! Files in the state folder that nobody else may read: made private, replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Kind};

/// Creates the folder, and what is missing above it, for its owner alone.
pub(super) fn create(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file for reading and writing, as it is, and creates it for its owner alone.
pub(super) fn open(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().read(true).create(true).truncate(false)).open(path)
}

/// Puts `bytes` in the file's place, so that whoever reads, and whatever dies, meets the old
/// content or the new one whole. Two at once must exclude each other: they share the draft, whose
/// fixed name keeps the drafts of processes that were killed from piling up.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let mut file = private(OpenOptions::new().create(true).truncate(true)).open(&draft)?;
    file.write_all(bytes)?;
    // Without this, a power cut after the renaming may leave an empty file under the name.
    file.sync_all()?;
    fs::rename(&draft, path)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// An error about a file of the state folder. A path and an I/O error hold no secret.
pub(super) fn failure(what: &str, path: &Path, cause: io::Error) -> Error {
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

//! The files of `--import` and `--export-on-exit`.

use std::fs::DirEntry;
#[cfg(unix)]
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::emulator::{Emulator, MAX_SNAPSHOT_BYTES};
use crate::error::{Error, Kind, Result};
use crate::files::open_named;
use crate::text::shown;
use crate::time::Timestamp;

/// The start and the end of a draft's name.
const DRAFT_PREFIX: &str = ".acspass-emulator-";
const DRAFT_SUFFIX: &str = ".json";
/// A draft is written in far less.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// Reads the text of a snapshot.
///
/// # Errors
/// [`Kind::Usage`] with the file's name if it cannot be read.
pub(super) fn read(file: &Path) -> Result<String> {
    let text = open_named(file).and_then(|(file, _)| {
        let mut text = String::new();
        file.take(MAX_SNAPSHOT_BYTES as u64)
            .read_to_string(&mut text)?;
        Ok(text)
    });
    text.map_err(|error| {
        let name = shown(&file.display().to_string());
        let hint = "Name a file that `acspass emulator --export-on-exit FILE` wrote.";
        Error::usage(format!("could not read the state `{name}`"), hint).caused_by(error)
    })
}

/// Returns the folder of a file to be written.
///
/// # Errors
/// [`Kind::Usage`] if there is no such folder, so that the fault is known before the work is done.
pub(super) fn folder(file: &Path) -> Result<PathBuf> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() && file.file_name().is_some() && !file.is_dir() {
        return Ok(folder.to_owned());
    }
    let name = shown(&file.display().to_string());
    Err(Error::usage(
        format!("`{name}` for --export-on-exit is not a file in a folder that exists"),
        "Name a file in a folder that exists.",
    ))
}

/// Replaces the file by the emulator's state. A process that is killed leaves the old file or the new
/// one, and at most a draft, which a later write removes.
///
/// # Errors
/// [`Kind::Internal`] if the file cannot be written.
pub(super) fn write(emulator: &Emulator, folder: &Path, file: &Path, now: Timestamp) -> Result<()> {
    remove_abandoned_drafts(folder, now);
    replace(folder, file, emulator.snapshot().as_bytes()).map_err(|error| {
        let name = shown(&file.display().to_string());
        Error::new(
            Kind::Internal,
            format!("could not write the state to `{name}`"),
            "Check the free space and the permissions of its folder.",
        )
        .caused_by(error)
    })
}

fn replace(folder: &Path, file: &Path, snapshot: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    let mut draft = builder
        .prefix(DRAFT_PREFIX)
        .suffix(DRAFT_SUFFIX)
        .tempfile_in(folder)?;
    draft.write_all(snapshot)?;
    draft.write_all(b"\n")?;
    draft.as_file().sync_all()?;
    draft.persist(file).map_err(|error| error.error)?;
    // The new name also survives a failure of the power.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Removes the drafts of killed processes: those that nothing has changed for a while.
fn remove_abandoned_drafts(folder: &Path, now: Timestamp) {
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_abandoned = changed(&entry).is_some_and(|at| now.since(at) >= ABANDONED_AFTER);
        if name.starts_with(DRAFT_PREFIX) && name.ends_with(DRAFT_SUFFIX) && is_abandoned {
            // Another emulator may remove it at the same time.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Returns the time of the file's last change.
fn changed(file: &DirEntry) -> Option<Timestamp> {
    let at = file.metadata().ok()?.modified().ok()?;
    let seconds = at.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Timestamp::from_unix_seconds(i64::try_from(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_are_removed_if_nothing_changes_them_any_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let draft = folder.path().join(".acspass-emulator-x1.json");
        let other = folder.path().join("mine.json");
        for file in [&draft, &other] {
            std::fs::write(file, "{}").expect("written");
        }
        let entry = folder.path().read_dir().expect("readable").next();
        let now = changed(&entry.expect("a file").expect("an entry")).expect("a time");
        remove_abandoned_drafts(folder.path(), now);
        assert!(draft.exists(), "another process may be at work");
        remove_abandoned_drafts(folder.path(), now.plus(ABANDONED_AFTER * 2));
        assert!(!draft.exists());
        assert!(other.exists());
    }
}

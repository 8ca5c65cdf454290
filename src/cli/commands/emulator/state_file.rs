//! The files of `--import` and `--export-on-exit`.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::emulator::{Emulator, MAX_SNAPSHOT_BYTES};
use crate::error::{Error, Kind, Result};
use crate::files::open_named;
use crate::text::shown;

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
/// one.
///
/// # Errors
/// [`Kind::Internal`] if the file cannot be written.
pub(super) fn write(emulator: &Emulator, folder: &Path, file: &Path) -> Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".acspass-emulator-").suffix(".json");
    let replaced = builder
        .tempfile_in(folder)
        .and_then(|mut new: NamedTempFile| {
            new.write_all(emulator.snapshot().as_bytes())?;
            new.write_all(b"\n")?;
            new.as_file().sync_all()?;
            new.persist(file).map_err(|error| error.error)?;
            Ok(())
        });
    replaced.map_err(|error| {
        let name = shown(&file.display().to_string());
        Error::new(
            Kind::Internal,
            format!("could not write the state to `{name}`"),
            "Check the free space and the permissions of its folder.",
        )
        .caused_by(error)
    })
}

//! The `.env` file of a running emulator.
//!
//! Its first line is a mark. A file without the mark, and the file of another running emulator, are
//! never overwritten. The file is removed when the emulator stops. The next run overwrites a file
//! that a killed emulator left behind.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::emulator::client_environment::ClientEnvironment;
use crate::emulator::ports;
use crate::error::{Error, Kind, Result};

/// The first line.
const MARK: &str = "# acspass emulator: overwritten at its start, removed when it stops\n";
/// The beginning of the line with the emulator's address.
const ADDRESS: &str = "ACSPASS_EMULATOR_URL=";

/// The file. Dropping it removes it, if it is still this emulator's.
#[derive(Debug)]
pub struct EnvFile {
    path: PathBuf,
    content: String,
}

impl EnvFile {
    /// Checks that [`EnvFile::write`] may write this file. Called before the emulator starts.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the file has other content or belongs to a running emulator.
    pub fn check(path: &Path) -> Result<()> {
        let shown = path.display();
        let found = match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found.map_err(|cause| failure(path, cause))?,
        };
        let content = match found.is_file() {
            true => std::fs::read(path).map_err(|cause| failure(path, cause))?,
            false => Vec::new(),
        };
        let content = String::from_utf8_lossy(&content);
        let Some(lines) = content.strip_prefix(MARK) else {
            return Err(Error::usage(
                format!("the file `{shown}` of --env-file was not written by an emulator"),
                "Use the path of a file that does not exist, such as `--env-file emulator.env`.",
            ));
        };
        let address = lines.lines().find_map(|line| line.strip_prefix(ADDRESS));
        let port = address.and_then(|address| address.rsplit(':').next()?.parse().ok());
        match port.is_some_and(ports::is_emulator) {
            true => Err(Error::usage(
                format!("the file `{shown}` of --env-file belongs to a running emulator"),
                "Use another path for this emulator.",
            )),
            false => Ok(()),
        }
    }

    /// Writes the file atomically, with mode 0600.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the file has other content or cannot be written.
    pub fn write(path: &Path, environment: &ClientEnvironment) -> Result<EnvFile> {
        let content = MARK.to_owned() + &environment.dotenv();
        let path = std::path::absolute(path).map_err(|cause| failure(path, cause))?;
        EnvFile::check(&path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut builder = tempfile::Builder::new();
        let draft = builder.prefix(".acspass-env-").tempfile_in(folder);
        let written = draft.and_then(|mut draft| {
            draft.write_all(content.as_bytes())?;
            draft.as_file().sync_all()?;
            draft.persist(&path)?;
            Ok(())
        });
        written.map_err(|cause| failure(&path, cause))?;
        Ok(EnvFile { path, content })
    }
}

impl Drop for EnvFile {
    fn drop(&mut self) {
        let is_own = |found: Vec<u8>| found == self.content.as_bytes();
        if std::fs::read(&self.path).is_ok_and(is_own) {
            // A file that cannot be removed is overwritten by the next run.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn failure(path: &Path, cause: io::Error) -> Error {
    Error::new(
        Kind::Usage,
        format!(
            "the file `{}` of --env-file cannot be written",
            path.display()
        ),
        "Check that its folder exists and that you can write to it.",
    )
    .caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::{Emulator, Options};

    #[test]
    fn only_a_file_of_a_stopped_emulator_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        let emulator = Emulator::start(Options::default()).expect("an emulator");
        let environment = emulator.environment(None);
        let file = EnvFile::write(&path, &environment).expect("the file");
        let error = EnvFile::check(&path).expect_err("it is running");
        assert!(error.message().contains("a running emulator"), "{error}");

        // As after SIGKILL.
        std::mem::forget(file);
        drop(emulator);
        drop(EnvFile::write(&path, &environment).expect("the file of a killed emulator"));
        assert!(!path.exists());

        std::fs::write(&path, "SECRET=1\n").expect("a file");
        let error = EnvFile::write(&path, &environment).expect_err("a user's file");
        assert!(
            error.message().contains("was not written by an emulator"),
            "{error}"
        );
        assert_eq!(
            std::fs::read_to_string(&path).expect("it stays"),
            "SECRET=1\n"
        );
    }

    #[test]
    fn a_changed_file_is_not_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        let emulator = Emulator::start(Options::default()).expect("an emulator");
        let file = EnvFile::write(&path, &emulator.environment(None)).expect("the file");
        std::fs::write(&path, "A=1\n").expect("a change");
        drop(file);
        assert!(path.exists());
    }
}

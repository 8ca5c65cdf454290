//! Folders and files by path, for systems without Unix owners and modes.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A folder that exists.
pub(super) struct OpenFolder {
    pub(super) path: PathBuf,
}

impl OpenFolder {
    pub(super) fn private(path: &Path, _users: &[u32]) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(OpenFolder {
                path: path.to_owned(),
            }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn settings(path: &Path, users: &[u32]) -> io::Result<Self> {
        OpenFolder::private(path, users)
    }

    pub(super) fn enter(&self, name: &str) -> io::Result<Self> {
        OpenFolder::private(&self.path.join(name), &[])
    }

    pub(super) fn make(&self, name: &str) -> io::Result<Self> {
        OpenFolder::create(&self.path.join(name), &[])?;
        self.enter(name)
    }

    pub(super) fn create(path: &Path, _users: &[u32]) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    pub(super) fn open_to_read(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    pub(super) fn open_to_write(&self, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).open(self.path.join(name))
    }

    pub(super) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        File::create_new(self.path.join(name))
    }

    /// A file has the rights of its folder.
    pub(super) fn pass_on(&self, _name: &OsStr, _to: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    pub(super) fn has(&self, name: &OsStr) -> io::Result<bool> {
        match fs::symlink_metadata(self.path.join(name)) {
            Ok(_) => Ok(true),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(cause),
        }
    }

    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    /// Windows opens no folder to be synced, and writes names through its journal.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn make_private(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The path of the file that a link leads to. A link that leads nowhere is taken as the file.
pub(super) fn follow(path: &Path, _users: &[u32]) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        outcome => outcome,
    }
}

pub(crate) fn open_key_file(path: &Path, _users: &[u32]) -> io::Result<File> {
    File::open(path)
}

pub(super) fn is_open_to_group(_file: &File) -> io::Result<bool> {
    Ok(false)
}

pub(super) fn must_be_written_in_place(_cause: &io::Error) -> bool {
    false
}

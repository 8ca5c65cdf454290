//! A file of this program that users also edit: `config.toml`. It decides the receivers of tokens.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::{
    create_new, is_unsupported, lock_within, none_if_missing, open_or_create, read_at_most,
    replace, with_ending,
};
#[cfg(not(unix))]
use super::plain::{OpenFolder, follow, is_open_to_group, must_be_written_in_place};
#[cfg(unix)]
use super::unix::{OpenFolder, follow, is_open_to_group, must_be_written_in_place};

/// Longest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A change takes milliseconds, and a script may make many at once: a lock held this long belongs
/// to a suspended process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// A settings file by its path. A link is followed if the link, the file and its folder belong to
/// this user or to root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFile {
    path: PathBuf,
    trusted_uids: Vec<u32>,
}

/// The contents of a settings file.
pub(crate) struct Settings {
    pub(crate) bytes: Vec<u8>,
    /// Whether the members of its group can change it.
    pub(crate) is_open_to_group: bool,
}

impl SettingsFile {
    /// The file at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        SettingsFile {
            path: path.into(),
            trusted_uids: Vec::new(),
        }
    }

    /// The same file, for a process that acts for these users if it is root. See
    /// [`Folder::with_trusted_uids`](super::folder::Folder::with_trusted_uids).
    #[must_use]
    pub fn with_trusted_uids(mut self, users: Vec<u32>) -> Self {
        self.trusted_uids = users;
        self
    }

    /// Returns the path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; `None` if there is none.
    pub(crate) fn read(&self) -> io::Result<Option<Settings>> {
        let opened = self.target().and_then(|target| {
            let (folder, name) = split(&target)?;
            OpenFolder::settings(folder, &self.trusted_uids)?.open_to_read(name)
        });
        let Some(file) = none_if_missing(opened)? else {
            return Ok(None);
        };
        Ok(Some(Settings {
            bytes: read_at_most(&file, &self.path, MAX_FILE_BYTES)?,
            is_open_to_group: is_open_to_group(&file)?,
        }))
    }

    /// Waits for the lock of a change, which the operating system releases when the process ends.
    /// Returns `None` if another process does not release it. The folder is created.
    pub(crate) fn lock(&self) -> io::Result<Option<File>> {
        let (folder, name) = split(&self.path)?;
        let folder = self.opened_or_created(folder)?;
        // The file stays: removing it would let two processes hold two files of one name.
        let lock = open_or_create(&folder, &with_ending(name, ".lock"))?;
        match lock_within(&lock, LOCK_TIMEOUT) {
            Ok(false) => Ok(None),
            // A setting can be changed on a file system without locks too.
            Err(cause) if !is_unsupported(&cause) => Err(cause),
            _ => Ok(Some(lock)),
        }
    }

    /// Replaces the file, which keeps its owner and mode; the lock is held. A file that cannot be
    /// replaced (a bind mount, another owner) is written in place, with a copy beside it until
    /// that is done.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let target = self.target()?;
        let (folder, name) = split(&target)?;
        let folder = self.opened_or_created(folder)?;
        match replace(&folder, name, bytes, |file| folder.pass_on(name, file)) {
            Err(cause) if must_be_written_in_place(&cause) => write_in_place(&folder, name, bytes),
            outcome => outcome,
        }
    }

    /// The copy that a write in place left behind, because it was interrupted.
    pub(crate) fn copy(&self) -> Option<PathBuf> {
        let target = self.target().ok()?;
        let copy = target.with_file_name(with_ending(target.file_name()?, COPY));
        copy.exists().then_some(copy)
    }

    fn target(&self) -> io::Result<PathBuf> {
        follow(&self.path, &self.trusted_uids)
    }

    fn opened_or_created(&self, folder: &Path) -> io::Result<OpenFolder> {
        if let Some(folder) = none_if_missing(OpenFolder::settings(folder, &self.trusted_uids))? {
            return Ok(folder);
        }
        OpenFolder::create(folder, &self.trusted_uids)?;
        OpenFolder::settings(folder, &self.trusted_uids)
    }
}

impl From<PathBuf> for SettingsFile {
    fn from(path: PathBuf) -> Self {
        SettingsFile::new(path)
    }
}

const COPY: &str = ".before";

/// The folder and the name of a file.
fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if folder.as_os_str().is_empty() => Ok((Path::new("."), name)),
        (Some(folder), Some(name)) => Ok((folder, name)),
        _ => Err(io::ErrorKind::InvalidFilename.into()),
    }
}

/// Writes the file in place. If that fails, the old content is put back.
fn write_in_place(folder: &OpenFolder, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
    let mut file = folder.open_to_write(name)?;
    let old = read_at_most(&file, &folder.path.join(name), MAX_FILE_BYTES)?;
    let copy = with_ending(name, COPY);
    let mut before = create_new(folder, &copy)?;
    before.write_all(&old)?;
    before.sync_all()?;
    folder.sync()?;
    if let Err(cause) = overwrite(&mut file, old.len(), bytes) {
        // The copy stays if this fails as well.
        put(&mut file, &old, old.len())?;
        folder.remove(&copy)?;
        return Err(cause);
    }
    folder.remove(&copy)?;
    folder.sync()
}

/// Puts `bytes` in the place of a content of `old_length` bytes. The space for a longer content is
/// taken first, so that a full disk is met before a byte is lost; it is filled with line breaks,
/// with which the settings mean the same.
fn overwrite(file: &mut File, old_length: usize, bytes: &[u8]) -> io::Result<()> {
    let padding = |from: usize, to: usize| vec![b'\n'; to.saturating_sub(from)];
    file.seek(SeekFrom::Start(old_length as u64))?;
    file.write_all(&padding(old_length, bytes.len()))?;
    file.sync_all()?;
    let whole = [bytes, &padding(bytes.len(), old_length)].concat();
    put(file, &whole, bytes.len())
}

/// Writes `bytes` from the start, and cuts the file to `length`.
fn put(file: &mut File, bytes: &[u8], length: usize) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)?;
    file.set_len(length as u64)?;
    file.sync_all()
}

//! A folder of this program, and the operations on its files.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(not(unix))]
use super::plain::OpenFolder;
use super::refusal::{Refusal, Why};
#[cfg(unix)]
use super::unix::OpenFolder;

/// A folder of this program: one from a setting or the platform, or one below it. Each call opens
/// and checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
    /// The names of the folders from the root to this one.
    subfolders: Vec<&'static str>,
    /// The users for which root acts.
    pub(crate) trusted_uids: Vec<u32>,
}

impl Folder {
    /// Returns the folder at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path: PathBuf = path.into();
        Folder {
            // Without a slash at its end, which would follow a link.
            root: path.components().collect(),
            subfolders: Vec::new(),
            trusted_uids: Vec::new(),
        }
    }

    /// Permits the folder to belong to one of these users if this process is root: the user that
    /// called `sudo`, and the owner of `HOME`, by their ids.
    #[must_use]
    pub fn with_trusted_uids(mut self, users: Vec<u32>) -> Self {
        self.trusted_uids = users;
        self
    }

    /// Returns the folder of this name in this one.
    #[must_use]
    pub fn subfolder(&self, name: &'static str) -> Self {
        let mut folder = self.clone();
        folder.subfolders.push(name);
        folder
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(&self.subfolders);
        path
    }

    /// Returns the path of a file in the folder, for messages and for other programs.
    pub fn file_path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Creates the folder with mode 0700, and the missing folders above it. One that exists is
    /// checked.
    pub(crate) fn create(&self) -> io::Result<()> {
        self.open_or_create_folder().map(drop)
    }

    /// Creates the folder as [`Folder::create`] does, and removes the permissions of other users.
    pub(crate) fn create_private(&self) -> io::Result<()> {
        self.open_or_create_folder()?.make_private()
    }

    /// Opens a file for reading.
    pub(crate) fn open(&self, name: &str) -> io::Result<File> {
        self.open_folder()?.open_to_read(name.as_ref())
    }

    /// Reads a file of at most this many bytes.
    pub(crate) fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        read_at_most(&self.open(name)?, &self.file_path(name), most)
    }

    /// Opens a file for reading and writing. Creates it with mode 0600 if it is missing.
    pub(crate) fn open_or_create(&self, name: &str) -> io::Result<File> {
        let folder = self.open_or_create_folder()?;
        open_or_create(&folder, name.as_ref())
    }

    /// Waits for the lock file of this name, which the operating system releases when the file is
    /// dropped or the process ends. `None` if other processes held it for all of `timeout`.
    pub(crate) fn lock(&self, name: &str, timeout: Duration) -> io::Result<Option<File>> {
        let file = self.open_or_create(name)?;
        Ok(lock_within(&file, timeout)?.then_some(file))
    }

    /// Replaces a file atomically. The file keeps its owner and mode; a new one has mode 0600.
    /// Concurrent writers need a lock, because they share the temporary file. Its name is fixed, so
    /// that killed processes leave at most one.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.open_or_create_folder()?;
        replace(&folder, name.as_ref(), bytes, |file| {
            match folder.pass_on(name.as_ref(), file) {
                // A file of root in a user's folder becomes the user's.
                Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                outcome => outcome,
            }
        })
    }

    /// Replaces a file by one of mode 0600.
    pub(crate) fn replace_by_private(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.open_or_create_folder()?;
        replace(&folder, name.as_ref(), bytes, |_| Ok(()))
    }

    /// Removes a file durably. Returns `false` if there was none.
    pub(crate) fn remove(&self, name: &str) -> io::Result<bool> {
        let removed = self.open_folder().and_then(|folder| {
            folder.remove(name.as_ref())?;
            folder.sync()
        });
        Ok(none_if_missing(removed)?.is_some())
    }

    /// Renames a file that cannot be read, with `suffix`, and returns its new path.
    pub(crate) fn quarantine(&self, name: &str, suffix: &str) -> io::Result<PathBuf> {
        let folder = self.open_folder()?;
        let mut aside = format!("{name}.unreadable-{suffix}");
        let mut attempt = 1;
        while folder.has(aside.as_ref())? {
            attempt += 1;
            aside = format!("{name}.unreadable-{suffix}-{attempt}");
        }
        folder.rename(name.as_ref(), aside.as_ref())?;
        Ok(self.file_path(aside))
    }

    /// Returns the names in the folder that are text; none if the folder is missing.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let names = none_if_missing(self.open_folder().and_then(|folder| folder.names()))?;
        let names = names.into_iter().flatten();
        Ok(names.filter_map(|name| name.into_string().ok()).collect())
    }

    /// Removes the permissions of other users from a socket that was just bound. A socket of root in a
    /// user's folder becomes the user's.
    #[cfg(unix)]
    pub(crate) fn make_socket_private(&self, name: &str) -> io::Result<()> {
        self.open_folder()?.make_socket_private(name.as_ref())
    }

    fn open_folder(&self) -> io::Result<OpenFolder> {
        let mut folder = OpenFolder::private(&self.root, &self.trusted_uids)?;
        for name in &self.subfolders {
            folder = folder.enter(name)?;
        }
        Ok(folder)
    }

    fn open_or_create_folder(&self) -> io::Result<OpenFolder> {
        if let Some(folder) = none_if_missing(self.open_folder())? {
            return Ok(folder);
        }
        OpenFolder::create(&self.root, &self.trusted_uids)?;
        let mut folder = OpenFolder::private(&self.root, &self.trusted_uids)?;
        for name in &self.subfolders {
            folder = match none_if_missing(folder.enter(name))? {
                Some(folder) => folder,
                None => folder.make(name)?,
            };
        }
        Ok(folder)
    }
}

impl From<PathBuf> for Folder {
    fn from(path: PathBuf) -> Self {
        Folder::new(path)
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Folder {
    fn from(path: &P) -> Self {
        Folder::new(path.as_ref())
    }
}

impl From<&Folder> for Folder {
    fn from(folder: &Folder) -> Self {
        folder.clone()
    }
}

/// Returns `None` if the file or folder does not exist.
pub(crate) fn none_if_missing<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// See [`Folder::open_or_create`].
pub(super) fn open_or_create(folder: &OpenFolder, name: &OsStr) -> io::Result<File> {
    loop {
        if let Some(file) = none_if_missing(folder.open_to_write(name))? {
            return Ok(file);
        }
        match folder.create_file(name) {
            // Another process was faster.
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => return outcome,
        }
    }
}

/// See [`Folder::replace`]. `set_owner` gives the new file its owner and mode. An existing temporary
/// file is removed and not written to: it may be a link, or readable for others.
pub(super) fn replace(
    folder: &OpenFolder,
    name: &OsStr,
    bytes: &[u8],
    set_owner: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let draft = with_ending(name, ".draft");
    let mut file = create_new(folder, &draft)?;
    let written = file.write_all(bytes).and_then(|()| {
        set_owner(&file)?;
        // Without this, a power failure after the rename may leave an empty file.
        file.sync_all()?;
        folder.rename(&draft, name)
    });
    if written.is_err() {
        // The first failure is reported.
        let _ = folder.remove(&draft);
        return written;
    }
    folder.sync()
}

/// Creates a file of mode 0600, and removes an existing one of this name.
pub(super) fn create_new(folder: &OpenFolder, name: &OsStr) -> io::Result<File> {
    none_if_missing(folder.remove(name))?;
    folder.create_file(name)
}

pub(super) fn with_ending(name: &OsStr, ending: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(ending);
    name
}

/// Reads a file to its end. A longer one is refused.
pub(super) fn read_at_most(file: &File, path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(Refusal::error(path, Why::TooLong(most))),
        false => Ok(bytes),
    }
}

/// Locks the file. Returns `false` if other processes held the lock for all of `timeout`.
pub(super) fn lock_within(file: &File, timeout: Duration) -> io::Result<bool> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(cause)) => return Err(cause),
            Err(TryLockError::WouldBlock) if start.elapsed() < timeout => {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Ok(false),
        }
    }
}

/// Whether this file system has no locks, or has none to give: some network mounts.
pub(crate) fn is_unsupported(cause: &io::Error) -> bool {
    #[cfg(unix)]
    if cause.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error()) {
        return true;
    }
    cause.kind() == io::ErrorKind::Unsupported
}

//! Folders and files by descriptor, with their owner and mode checked after they are open.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::refusal::{Refusal, Why};

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// A FIFO or a device of this name does not make the call wait.
const FILE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
/// The permission bits that let the group or everybody write.
const OTHERS_WRITE: u32 = 0o022;
pub(super) const ALL_WRITE: u32 = 0o002;
pub(super) const GROUP_WRITE: u32 = 0o020;
pub(super) const STICKY: u32 = 0o1000;

/// As many links as Linux follows.
pub(super) const MAX_LINKS: u32 = 40;

/// A folder that is open and has been checked.
pub(super) struct OpenFolder {
    folder: File,
    pub(super) path: PathBuf,
    found: Metadata,
    us: u32,
}

impl OpenFolder {
    /// Opens a folder that belongs to this user and that no other user can write to.
    pub(super) fn private(path: &Path, users: &[u32]) -> io::Result<Self> {
        let folder = OpenFolder::open(CWD, path, path, Some(users))?;
        let is_ours = is_accepted(folder.us, folder.found.uid(), users, path);
        folder.checked(is_ours, OTHERS_WRITE)
    }

    /// Opens the folder of a file that users also edit. The folder may belong to root; the
    /// check of the file's owner refuses files of others.
    pub(super) fn settings(path: &Path, users: &[u32]) -> io::Result<Self> {
        let folder = OpenFolder::open(CWD, path, path, Some(users))?;
        let owner = folder.found.uid();
        if owner == 0 {
            return Ok(folder);
        }
        let is_ours = is_accepted(folder.us, owner, users, path);
        let refused = match folder.found.mode() & STICKY {
            0 => ALL_WRITE,
            _ => 0,
        };
        folder.checked(is_ours, refused)
    }

    /// Opens the folder of this name in this folder. A link in its place is refused.
    pub(super) fn enter(&self, name: &str) -> io::Result<Self> {
        let path = self.path.join(name);
        let folder = OpenFolder::open(&self.folder, name.as_ref(), &path, None)?;
        let is_ours = [self.us, self.found.uid()].contains(&folder.found.uid());
        folder.checked(is_ours, OTHERS_WRITE)
    }

    /// Refuses a folder of another owner, and one with any of these permission bits.
    fn checked(self, is_ours: bool, refused: u32) -> io::Result<Self> {
        let (owner, mode) = (self.found.uid(), self.found.mode());
        let why = if !is_ours {
            Why::ForeignFolder(owner)
        } else if mode & refused != 0 {
            Why::OpenFolder(mode & 0o7777)
        } else {
            return Ok(self);
        };
        Err(Refusal::error(&self.path, why))
    }

    /// Creates the folder of this name in this folder, and opens it.
    pub(super) fn make(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.folder, name, Mode::RWXU) {
            Ok(()) => {
                let flags = FOLDER | OFlags::NOFOLLOW;
                let made = rustix::fs::openat(&self.folder, name, flags, Mode::empty())?;
                self.assign_owner(&File::from(made), 0o700)?;
            }
            Err(Errno::EXIST) => {}
            Err(cause) => return Err(cause.into()),
        }
        self.enter(name)
    }

    /// Creates a folder with mode 0700, and those that are missing above it. If root makes one in
    /// a folder of a user for which it acts, the new folder is that user's.
    pub(super) fn create(path: &Path, users: &[u32]) -> io::Result<()> {
        let above = parent(path);
        let mut made = rustix::fs::mkdir(path, Mode::RWXU);
        if made == Err(Errno::NOENT) && above != path && !path.as_os_str().is_empty() {
            OpenFolder::create(above, users)?;
            made = rustix::fs::mkdir(path, Mode::RWXU);
        }
        match made {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(()),
            Err(cause) => return Err(cause.into()),
        }
        let flags = FOLDER | OFlags::NOFOLLOW;
        let made = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let (us, owner) = (us(), made.metadata()?.uid());
        if owner != us {
            return Err(Refusal::error(path, Why::ForeignFolder(owner)));
        }
        // The mode of `mkdir` was reduced by the umask.
        made.set_permissions(Permissions::from_mode(0o700))?;
        let found = std::fs::metadata(above)?;
        if us == 0 && found.uid() != 0 && is_accepted(us, found.uid(), users, above) {
            fchown(&made, Some(found.uid()), Some(found.gid()))?;
        }
        Ok(())
    }

    /// Opens a file for reading.
    pub(super) fn open_to_read(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDONLY)
    }

    /// Opens a file for reading and writing.
    pub(super) fn open_to_write(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDWR)
    }

    /// Opens a regular file that no other user could have planted.
    fn file(&self, name: &OsStr, access: OFlags) -> io::Result<File> {
        let path = || self.path.join(name);
        let file = match rustix::fs::openat(&self.folder, name, FILE | access, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::LOOP | Errno::MLINK) => return Err(Refusal::error(&path(), Why::Link)),
            // A socket; a folder that is opened for writing.
            Err(Errno::NXIO | Errno::ISDIR) => return Err(Refusal::error(&path(), Why::NotAFile)),
            Err(cause) => return Err(cause.into()),
        };
        let found = file.metadata()?;
        let why = if !found.is_file() {
            Why::NotAFile
        } else if ![self.us, 0, self.found.uid()].contains(&found.uid()) {
            Why::ForeignFile(found.uid())
        } else if found.mode() & ALL_WRITE != 0 {
            Why::OpenFile(found.mode() & 0o7777)
        } else {
            return Ok(file);
        };
        Err(Refusal::error(&path(), why))
    }

    /// Creates a file with mode 0600, for reading and writing, where none is.
    pub(super) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = FILE | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(rustix::fs::openat(&self.folder, name, flags, mode)?);
        self.assign_owner(&file, 0o600)?;
        Ok(file)
    }

    /// Gives a file the owner, the group and the permission bits of the file with this name.
    /// There may be none. An owner that is not accepted is not passed on.
    pub(super) fn pass_on(&self, name: &OsStr, to: &File) -> io::Result<()> {
        let Some(old) = self.stat(name)? else {
            return Ok(());
        };
        let is_file = FileType::from_raw_mode(old.st_mode) == FileType::RegularFile;
        if !is_file || ![self.us, 0, self.found.uid()].contains(&old.st_uid) {
            return Ok(());
        }
        let new = to.metadata()?;
        if (old.st_uid, old.st_gid) != (new.uid(), new.gid()) {
            fchown(to, Some(old.st_uid), Some(old.st_gid))?;
        }
        let mode = Mode::from_raw_mode(old.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
        Ok(rustix::fs::fchmod(to, mode)?)
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.folder, from, &self.folder, to)?)
    }

    /// Removes a file or a link.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    /// Whether anything has this name.
    pub(super) fn has(&self, name: &OsStr) -> io::Result<bool> {
        Ok(self.stat(name)?.is_some())
    }

    fn stat(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }

    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        Dir::read_from(&self.folder)?
            .map(|entry| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned()))
            .filter(|name| !matches!(name, Ok(name) if name == "." || name == ".."))
            .collect()
    }

    /// Makes the names in the folder outlive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    /// Takes the rights of all other users away.
    pub(super) fn make_private(&self) -> io::Result<()> {
        self.folder.set_permissions(Permissions::from_mode(0o700))
    }

    /// See [`Folder::make_socket_private`](super::folder::Folder::make_socket_private).
    pub(super) fn make_socket_private(&self, name: &OsStr) -> io::Result<()> {
        // Only this user can put a link into the folder, so the path leads to the socket.
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::chmodat(&self.folder, name, mode, AtFlags::empty())?;
        let (owner, group) = (self.found.uid(), self.found.gid());
        if self.us == 0 && owner != 0 {
            let (owner, group) = (Uid::from_raw(owner), Gid::from_raw(group));
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(&self.folder, name, Some(owner), Some(group), flags)?;
        }
        Ok(())
    }

    /// Opens a folder. A link in its place is followed if `link_owners` permits links: those of this
    /// user, of root, and of these users if root acts for them.
    fn open(
        at: impl AsFd,
        name: &Path,
        path: &Path,
        link_owners: Option<&[u32]>,
    ) -> io::Result<Self> {
        let us = us();
        let open = |flags| rustix::fs::openat(&at, name, FOLDER | flags, Mode::empty());
        let mut opened = open(OFlags::NOFOLLOW);
        // Linux says `NOTDIR` of a link.
        if matches!(opened, Err(Errno::LOOP | Errno::MLINK | Errno::NOTDIR)) {
            let link = rustix::fs::statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)?;
            opened = match link_owners {
                _ if FileType::from_raw_mode(link.st_mode) != FileType::Symlink => {
                    Err(Errno::NOTDIR)
                }
                Some(users) if owns_link(us, link.st_uid, users) => open(OFlags::empty()),
                Some(_) => return Err(Refusal::error(path, Why::ForeignLink(link.st_uid))),
                None => return Err(Refusal::error(path, Why::FolderLink)),
            };
        }
        let folder = match opened {
            Err(Errno::NOTDIR) => return Err(Refusal::error(path, Why::NotAFolder)),
            opened => File::from(opened?),
        };
        Ok(OpenFolder {
            found: folder.metadata()?,
            folder,
            path: path.to_owned(),
            us,
        })
    }

    /// Sets the mode of what was just created, regardless of the umask. What root creates in a
    /// user's folder is the user's.
    fn assign_owner(&self, created: &File, mode: u32) -> io::Result<()> {
        created.set_permissions(Permissions::from_mode(mode))?;
        if self.us == 0 && self.found.uid() != 0 {
            fchown(created, Some(self.found.uid()), Some(self.found.gid()))?;
        }
        Ok(())
    }
}

/// Follows the links that a user made in place of a file. Returns the path of the file, which
/// need not exist. Each link must belong to this user or to root.
pub(super) fn follow(path: &Path, users: &[u32]) -> io::Result<PathBuf> {
    let us = us();
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let found = match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => found,
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => return Ok(path),
        };
        if !owns_link(us, found.uid(), users) {
            return Err(Refusal::error(&path, Why::ForeignLink(found.uid())));
        }
        path = parent(&path).join(std::fs::read_link(&path)?);
    }
    Err(Errno::LOOP.into())
}

/// Opens a key file that a user named. It may be a link or a pipe. It belongs
/// to this user or to root.
pub(crate) fn open_key_file(path: &Path, users: &[u32]) -> io::Result<File> {
    let file = open_following_links(path)?;
    let found = file.metadata()?;
    if found.uid() != 0 && !is_accepted(us(), found.uid(), users, path) {
        return Err(Refusal::error(path, Why::ForeignFile(found.uid())));
    }
    if found.file_type().is_fifo() {
        // The shell's `<(…)`: its writer may not have written yet.
        let flags = rustix::fs::fcntl_getfl(&file)?;
        rustix::fs::fcntl_setfl(&file, flags.difference(OFlags::NONBLOCK))?;
    } else if !found.is_file() {
        return Err(Refusal::error(path, Why::NotAFile));
    }
    Ok(file)
}

/// Opens a file of any type and owner for reading.
pub(super) fn open_following_links(path: &Path) -> io::Result<File> {
    let flags = FILE.difference(OFlags::NOFOLLOW) | OFlags::RDONLY;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// The user of this process.
pub(super) fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A file that something is mounted on cannot be renamed over, and only root can give a new file
/// to another owner.
pub(super) fn must_be_written_in_place(cause: &io::Error) -> bool {
    let number = Errno::from_io_error(cause);
    matches!(number, Some(Errno::BUSY | Errno::XDEV | Errno::PERM))
}

/// Whether the bits let the members of the file's group write to it.
pub(super) fn is_open_to_group(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.mode() & GROUP_WRITE != 0)
}

/// Whether the owner of what is at this path is this user, or a user for which root may act.
fn is_accepted(us: u32, owner: u32, users: &[u32], path: &Path) -> bool {
    owner == us || us == 0 && (users.contains(&owner) || is_placed_by_root(path))
}

fn owns_link(us: u32, owner: u32, users: &[u32]) -> bool {
    owner == us || owner == 0 || us == 0 && users.contains(&owner)
}

/// Whether only root can have put something at this path.
fn is_placed_by_root(path: &Path) -> bool {
    std::fs::metadata(parent(path))
        .is_ok_and(|parent| parent.uid() == 0 && parent.mode() & OTHERS_WRITE == 0)
}

/// The folder that a path's last name is in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

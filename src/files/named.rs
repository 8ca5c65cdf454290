//! Opens a file that a user named and that may belong to others, such as a file of certificate
//! authorities. The caller gets the other user that can change the file, and warns.

use std::fs::{File, Metadata};
use std::io;
#[cfg(feature = "azure-identity")]
use std::io::Read;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[cfg(feature = "azure-identity")]
use zeroize::Zeroizing;

#[cfg(unix)]
use super::refusal::{Refusal, Why};
#[cfg(unix)]
use super::unix::{ALL_WRITE, GROUP_WRITE, MAX_LINKS, STICKY, open_following_links, parent, us};

/// Opens a regular file for reading; links are followed. Access lists are not read. Also returns another
/// user that can change the file, in words: "the user with id 1000 can change".
#[cfg(unix)]
pub(crate) fn open_named(path: &Path) -> io::Result<(File, Option<String>)> {
    let file = open_following_links(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(Refusal::error(path, Why::NotAFile));
    }
    let us = us();
    let changer = changer(us, &found, false);
    Ok((file, changer.or_else(|| changer_on_the_way(us, path))))
}

/// Reads a regular file that a user named, of at most `limit` bytes. Links are followed. A FIFO or a device
/// is neither waited for nor read.
#[cfg(feature = "azure-identity")]
pub(crate) fn read_named(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let (file, _) = open_named(path)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}

/// Opens a file for reading. Access lists are not read.
#[cfg(not(unix))]
pub(crate) fn open_named(path: &Path) -> io::Result<(File, Option<String>)> {
    Ok((File::open(path)?, None))
}

/// Returns another user that can change a file, or a folder. In a sticky folder that others can write to,
/// only the owners of a file and of the folder can replace the file.
#[cfg(unix)]
fn changer(us: u32, found: &Metadata, is_sticky: bool) -> Option<String> {
    let (mode, owner) = (found.mode(), found.uid());
    if mode & ALL_WRITE != 0 {
        (!is_sticky).then(|| "every user can change".to_owned())
    } else if ![us, 0].contains(&owner) {
        Some(format!("the user with id {owner} can change"))
    } else if mode & GROUP_WRITE != 0 && !is_sticky {
        Some(format!("the group with id {} can change", found.gid()))
    } else {
        None
    }
}

/// Looks at each link on the way to the file, and at the folders that the links and the file
/// are in. Folders above those are not checked, as for the program's own files.
#[cfg(unix)]
fn changer_on_the_way(us: u32, path: &Path) -> Option<String> {
    let through = |changer, path: &Path| format!("{changer} through `{}`", path.display());
    let mut path = path.to_owned();
    for _ in 0..=MAX_LINKS {
        let folder = parent(&path);
        let found = std::fs::metadata(folder).ok()?;
        if let Some(changer) = changer(us, &found, found.mode() & STICKY != 0) {
            return Some(through(changer, folder));
        }
        let found = std::fs::symlink_metadata(&path).ok()?;
        if !found.is_symlink() {
            return None;
        }
        let owner = found.uid();
        if ![us, 0].contains(&owner) {
            let changer = format!("the user with id {owner} can change");
            return Some(through(changer, &path));
        }
        path = folder.join(std::fs::read_link(&path).ok()?);
    }
    None
}

/// Returns whether reading this path may block or never end, as for a FIFO or a device.
pub(crate) fn may_never_end(path: &Path) -> bool {
    let is_ordinary = |found: Metadata| found.is_file() || found.is_dir();
    // Users name this device for "no file".
    path != Path::new("/dev/null") && std::fs::metadata(path).is_ok_and(|found| !is_ordinary(found))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn changer(path: &Path) -> Option<String> {
        open_named(path).unwrap().1
    }

    #[test]
    fn file_folder_and_link_that_others_can_change_are_named() {
        let place = tempfile::tempdir().unwrap();
        let (folder, links) = (place.path().join("certs"), place.path().join("links"));
        let (file, link) = (folder.join("ca.pem"), links.join("ca.pem"));
        for made in [&folder, &links] {
            fs::create_dir(made).unwrap();
            set_mode(made, 0o755);
        }
        fs::write(&file, "").unwrap();
        symlink("../certs/ca.pem", &link).unwrap();
        let group = fs::metadata(&file).unwrap().gid();
        for mode in [0o644, 0o600, 0o755] {
            set_mode(&file, mode);
            assert_eq!([&file, &link].map(|path| changer(path)), [None, None]);
        }
        let group = format!("the group with id {group} can change");
        for (mode, expected) in [(0o664, group.as_str()), (0o646, "every user can change")] {
            set_mode(&file, mode);
            for path in [&file, &link] {
                assert_eq!(changer(path).as_deref(), Some(expected));
            }
            set_mode(&file, 0o644);
            for (open, path) in [(&folder, &file), (&links, &link)] {
                set_mode(open, mode | 0o111);
                let expected = format!("{expected} through `{}`", open.display());
                assert_eq!(changer(path), Some(expected));
                set_mode(open, 0o1777);
                assert_eq!(changer(path), None, "the folder is sticky");
                set_mode(open, 0o755);
            }
            set_mode(&folder, mode | 0o111);
            assert!(changer(&link).unwrap().contains("links/../certs"));
            set_mode(&folder, 0o755);
        }
    }

    #[test]
    fn neither_fifo_nor_device_nor_folder_is_read_or_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let fifo = place.path().join("fifo");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        for path in [&fifo, Path::new("/dev/zero"), place.path()] {
            let refused = open_named(path).unwrap_err().to_string();
            assert!(refused.ends_with("is not a regular file"), "{refused}");
            #[cfg(feature = "azure-identity")]
            assert!(read_named(path, 9).is_err());
        }
    }

    #[cfg(feature = "azure-identity")]
    #[test]
    fn no_more_than_the_limit_of_a_named_file_is_read() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "123456789").unwrap();
        assert_eq!(**read_named(&file, 9).unwrap(), *b"123456789");
        let refused = read_named(&file, 8).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
    }
}

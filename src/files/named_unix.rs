//! Opens a file of any owner, and finds the other users that can change it.

use std::os::unix::fs::MetadataExt;

use rustix::fs::{Mode, OFlags};

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use super::changer::{By, Changer};
use super::refusal::{Refusal, Why};
use super::unix::{ALL_WRITE, FILE, GROUP_WRITE, MOST_LINKS, STICKY, parent};

pub(super) fn open(path: &Path) -> io::Result<(File, Option<Changer>)> {
    let flags = FILE.difference(OFlags::NOFOLLOW) | OFlags::RDONLY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(Refusal::error(path, Why::NotAFile));
    }
    let us = rustix::process::geteuid().as_raw();
    let changer = by(us, &found).map(|by| Changer { by, through: None });
    Ok((file, changer.or_else(|| on_the_way(us, path))))
}

fn by(us: u32, found: &Metadata) -> Option<By> {
    if found.mode() & ALL_WRITE != 0 {
        Some(By::Everyone)
    } else if ![us, 0].contains(&found.uid()) {
        Some(By::User(found.uid()))
    } else if found.mode() & GROUP_WRITE != 0 {
        Some(By::Group(found.gid()))
    } else {
        None
    }
}

/// Looks at each link on the way to the file, and at the folders that the links and the file
/// are in. Folders above those are not checked, as for the program's own files.
fn on_the_way(us: u32, path: &Path) -> Option<Changer> {
    let mut path = path.to_owned();
    for _ in 0..=MOST_LINKS {
        let folder = parent(&path);
        let found = std::fs::metadata(folder).ok()?;
        let is_sticky = found.mode() & STICKY != 0;
        let changer = match by(us, &found) {
            // Only the owners of a file and of the folder can replace the file.
            Some(By::Everyone | By::Group(_)) if is_sticky => None,
            changer => changer,
        };
        if let Some(by) = changer {
            let through = Some(folder.to_owned());
            return Some(Changer { by, through });
        }
        let found = std::fs::symlink_metadata(&path).ok()?;
        if !found.is_symlink() {
            return None;
        }
        if ![us, 0].contains(&found.uid()) {
            let by = By::User(found.uid());
            let through = Some(path);
            return Some(Changer { by, through });
        }
        path = folder.join(std::fs::read_link(&path).ok()?);
    }
    None
}

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
        open(path).unwrap().1.map(|changer| changer.to_string())
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
            let refused = open(path).unwrap_err().to_string();
            assert!(refused.ends_with("is not a regular file"), "{refused}");
        }
    }
}

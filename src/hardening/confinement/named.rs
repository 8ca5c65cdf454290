//! The folders of the files that settings name.
//!
//! A Landlock rule for a file is one for its inode, after all links. A certificate or a key is
//! replaced by a new file, or by another target of a link, and may not exist yet. So the rule is for
//! the folder in which that happens, unless the folder holds more than such files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// As many links as Linux follows in one path (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Most entries of a folder of certificates that are followed as links.
const MAX_ENTRIES: usize = 4096;

/// Folders at the top of the file system that hold more than files of one kind. Others at the top
/// are made for one purpose, as `/certs` in a container. `/etc`, `/lib` and `/usr` are readable
/// anyway.
const WIDE: [&str; 16] = [
    "/",
    "/boot",
    "/data",
    "/dev",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/srv",
    "/sys",
    "/tmp",
    "/var",
    "/workspace",
];

/// Folders in which each entry is a wide folder of its own.
const FOLDERS_OF_WIDE: [&str; 4] = ["/home", "/run/user", "/var", "/proc"];

/// Returns what is readable so that a named file or folder can be read now and after it was
/// replaced, and whether a folder in which it may be replaced is left out, as it holds more.
pub(super) fn readable(named: &Path, home: Option<&Path>) -> (BTreeSet<PathBuf>, bool) {
    let mut search = Search {
        home: home.and_then(|home| fs::canonicalize(home).ok()),
        paths: BTreeSet::new(),
        is_fixed: false,
        links: MAX_LINKS,
    };
    if let Ok(path) = std::path::absolute(named) {
        match fs::read_dir(&path) {
            // Files in it are replaced in it. Links in it may lead elsewhere.
            Ok(entries) => {
                search.follow(&path, false);
                for entry in entries.flatten().take(MAX_ENTRIES) {
                    if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                        search.links = MAX_LINKS;
                        search.follow_link(&entry.path(), true);
                        search.paths.insert(entry.path());
                    }
                }
            }
            Err(_) => search.follow(&path, true),
        }
        search.paths.insert(path);
    }
    (search.paths, search.is_fixed)
}

struct Search {
    /// Canonical.
    home: Option<PathBuf>,
    paths: BTreeSet<PathBuf>,
    is_fixed: bool,
    /// How many more links are followed.
    links: usize,
}

impl Search {
    /// Adds the folder of a file, and the folder of each link on the way to it.
    fn follow(&mut self, path: &Path, is_file: bool) {
        if is_file && let Some(folder) = path.parent() {
            self.add(folder, true);
        }
        for prefix in path.ancestors() {
            self.follow_link(prefix, is_file && prefix == path);
        }
    }

    fn follow_link(&mut self, path: &Path, is_file: bool) {
        if let Ok(target) = fs::read_link(path)
            && let Some(folder) = path.parent()
            && self.links > 0
        {
            self.links -= 1;
            self.add(folder, is_file);
            self.follow(&folder.join(target), is_file);
        }
    }

    /// Adds this folder, or the nearest one that exists. The folder of a link to a folder, as `/var`
    /// for `/var/run`, is not reported if it is left out.
    fn add(&mut self, folder: &Path, is_reported: bool) {
        let mut existing = folder
            .ancestors()
            .filter_map(|path| fs::canonicalize(path).ok());
        match existing.next() {
            Some(folder) if !holds_more(&folder, self.home.as_deref()) => {
                self.paths.insert(folder);
            }
            _ => self.is_fixed |= is_reported,
        }
    }
}

/// Whether a folder holds other files of the user or of other users. Both paths are canonical.
fn holds_more(folder: &Path, home: Option<&Path>) -> bool {
    let is = |other: &&str| folder == Path::new(other);
    let is_in = |other: &Path| folder.parent() == Some(other);
    let name = folder.file_name().unwrap_or_default();
    let is_hidden = name.as_encoded_bytes().starts_with(b".");
    WIDE.iter().any(is)
        || FOLDERS_OF_WIDE.iter().any(|wide| is_in(Path::new(wide)))
        || home.is_some_and(|home| {
            // `~/.config` and `~/.ssh` belong to other programs, `~/.local/share` to many.
            home.starts_with(folder) || is_in(home) && is_hidden || is_in(&home.join(".local"))
        })
        // All users can write to it, as to `/var/tmp`.
        || fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o002 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Tree {
        root: PathBuf,
        _folder: tempfile::TempDir,
    }

    impl Tree {
        fn new(folders: &[&str], files: &[&str], links: &[(&str, &str)]) -> Tree {
            let folder = tempfile::tempdir().expect("a folder");
            let root = fs::canonicalize(folder.path()).expect("it exists");
            for path in folders {
                fs::create_dir_all(root.join(path)).expect("a folder");
            }
            for path in files {
                fs::write(root.join(path), "x").expect("a file");
            }
            for (path, target) in links {
                symlink(target, root.join(path)).expect("a link");
            }
            Tree {
                root,
                _folder: folder,
            }
        }

        /// The readable paths below the root; the home folder is `home`.
        fn readable(&self, named: &str) -> (Vec<String>, bool) {
            let home = self.root.join("home");
            let (paths, is_fixed) = readable(&self.root.join(named), Some(&home));
            let below = |path: &PathBuf| {
                let path = path.strip_prefix(&self.root).expect("below the root");
                path.display().to_string()
            };
            (paths.iter().map(below).collect(), is_fixed)
        }
    }

    fn open(paths: &[&str]) -> (Vec<String>, bool) {
        (paths.iter().map(|path| (*path).to_owned()).collect(), false)
    }

    #[test]
    fn folder_of_a_file_and_of_each_link_to_it_is_readable() {
        let tree = Tree::new(
            &["home/certs", "a/v1", "b", "c"],
            &["home/certs/ca.pem", "a/v1/ca.pem", "c/ca1.pem"],
            &[
                ("a/current", "v1"),
                ("b/ca.pem", "../b/next"),
                ("b/next", "../c/ca1.pem"),
                ("b/loop", "loop"),
            ],
        );
        let certs = open(&["home/certs", "home/certs/ca.pem"]);
        assert_eq!(tree.readable("home/certs/ca.pem"), certs);
        let current = open(&["a", "a/current/ca.pem", "a/v1"]);
        assert_eq!(tree.readable("a/current/ca.pem"), current);
        assert_eq!(tree.readable("b/ca.pem"), open(&["b", "b/ca.pem", "c"]));
        assert_eq!(tree.readable("b/loop"), open(&["b", "b/loop"]));
        // Files that do not exist yet.
        assert_eq!(tree.readable("b/later"), open(&["b", "b/later"]));
        assert_eq!(tree.readable("b/d/later"), open(&["b", "b/d/later"]));
    }

    #[test]
    fn folder_that_holds_more_is_left_out_and_reported() {
        let tree = Tree::new(
            &[
                "home/.ssh",
                "home/.local/share",
                "home/.config/app",
                "shared",
            ],
            &[],
            &[],
        );
        let shared = fs::Permissions::from_mode(0o1777);
        fs::set_permissions(tree.root.join("shared"), shared).expect("its mode");
        for named in [
            "home/ca.pem",
            "home/.ssh/ca.pem",
            "home/.local/share/ca.pem",
            "shared/ca.pem",
        ] {
            assert_eq!(tree.readable(named), (vec![named.to_owned()], true));
        }
        let app = open(&["home/.config/app", "home/.config/app/ca.pem"]);
        assert_eq!(tree.readable("home/.config/app/ca.pem"), app);
        for wide in ["/", "/tmp", "/home/bob", "/run/user/1000", "/var/lib"] {
            assert!(holds_more(Path::new(wide), None), "{wide}");
        }
        for narrow in ["/certs", "/run/secrets", "/etc", "/var/lib/app"] {
            assert!(!holds_more(Path::new(narrow), None), "{narrow}");
        }
    }

    #[test]
    fn links_in_a_folder_of_certificates_are_followed() {
        let tree = Tree::new(
            &["hashed", "target"],
            &["target/ca.pem", "hashed/own.pem"],
            &[
                ("hashed/1234.0", "own.pem"),
                ("hashed/5678.0", "../target/ca.pem"),
            ],
        );
        let (paths, _) = tree.readable("hashed");
        for path in ["hashed", "target"] {
            assert!(paths.iter().any(|found| found == path), "{paths:?}");
        }
    }
}

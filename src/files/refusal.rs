//! The reasons for which a file or a folder is refused, and how to repair each.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file or folder that is not used. It travels as the inner error of an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    path: PathBuf,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(unix),
    expect(dead_code, reason = "other systems have no owners and modes of files")
)]
pub(crate) enum Why {
    /// The folder belongs to the user with this id.
    ForeignFolder(u32),
    /// The file belongs to the user with this id.
    ForeignFile(u32),
    /// The link belongs to the user with this id.
    ForeignLink(u32),
    /// Other users can write to the folder, which has this mode.
    OpenFolder(u32),
    /// Every user can write to the file, which has this mode.
    OpenFile(u32),
    /// There is a link in place of a file of this program.
    Link,
    /// There is a link in place of a folder of this program.
    FolderLink,
    /// It is not a file.
    NotAFile,
    /// It is not a folder.
    NotAFolder,
    /// The file has more bytes than this.
    TooLong(u64),
}

impl Refusal {
    pub(crate) fn error(path: &Path, why: Why) -> io::Error {
        let refusal = Refusal {
            path: path.to_owned(),
            why,
        };
        // The kind is none that a caller handles by itself, such as `NotFound`.
        io::Error::other(refusal)
    }

    /// The refusal in an error, if there is one.
    pub(crate) fn of(error: &io::Error) -> Option<&Refusal> {
        error.get_ref()?.downcast_ref()
    }

    /// Returns the next step. `variable` is the environment variable that names the folder.
    pub(crate) fn hint(&self, variable: &str) -> String {
        let path = shell_quoted(&self.path);
        match self.why {
            // Only an earlier run as root makes such a folder.
            Why::ForeignFolder(0) => format!(
                "Run `sudo chown -R \"$(id -u):$(id -g)\" {path}` if the folder is yours, or set \
                 {variable} to another folder."
            ),
            Why::ForeignFolder(_) => format!(
                "Set {variable} to a folder of your own. The owner of this folder could replace the \
                 files in it."
            ),
            Why::ForeignFile(_) | Why::ForeignLink(_) => format!(
                "Check its content. If it is yours, run `sudo chown -h \"$(id -u):$(id -g)\" {path}`; \
                 otherwise delete it."
            ),
            Why::OpenFolder(_) => {
                format!("Delete the files in it that are not yours, then run `chmod go-w {path}`.")
            }
            Why::OpenFile(_) => {
                format!("Check its content, then run `chmod o-w {path}`.")
            }
            Why::FolderLink => {
                "Delete the link. If its target has your files, move the target to this place."
                    .to_owned()
            }
            Why::Link | Why::NotAFile | Why::NotAFolder => {
                format!("Delete it, or set {variable} to another folder.")
            }
            Why::TooLong(_) => format!("Check the file, then run `rm {path}`."),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let (what, owner) = match self.why {
            Why::ForeignFolder(owner) => ("folder", owner),
            Why::ForeignFile(owner) => ("file", owner),
            Why::ForeignLink(owner) => ("link", owner),
            Why::OpenFolder(mode) => {
                let mode = format!("mode {mode:04o}");
                return write!(f, "other users can write to the folder `{path}` ({mode})");
            }
            Why::OpenFile(mode) => {
                let mode = format!("mode {mode:04o}");
                return write!(f, "every user can write to the file `{path}` ({mode})");
            }
            Why::Link => return write!(f, "`{path}` is a symbolic link and not a file"),
            Why::FolderLink => return write!(f, "`{path}` is a symbolic link and not a folder"),
            Why::NotAFile => return write!(f, "`{path}` is not a regular file"),
            Why::NotAFolder => return write!(f, "`{path}` is not a folder"),
            Why::TooLong(most) => {
                return write!(f, "the file `{path}` is longer than {most} bytes");
            }
        };
        let owner = match owner {
            0 => "root".to_owned(),
            id => format!("uid {id}"),
        };
        write!(f, "the {what} `{path}` belongs to another user ({owner})")
    }
}

impl StdError for Refusal {}

/// A path as one word of a shell. One that is not UTF-8 becomes a `$'…'` word.
pub(crate) fn shell_quoted(path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return shell_words::quote(text).into_owned();
    }
    let mut word = "$'".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\'' | b'\\' => word.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => word.push(char::from(*byte)),
            byte => word.push_str(&format!("\\x{byte:02x}")),
        }
    }
    word.push('\'');
    word
}

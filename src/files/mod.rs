//! Opens, creates, replaces and locks the program's files. A file that another user of the
//! machine could have planted is refused.
//!
//! A [`Folder`] names a folder. Each call opens the folder, checks the open folder, and opens the
//! file by its name within that folder, so a path that changes meanwhile has no effect:
//!
//! - The folder belongs to this user, and no other user can write to it. A link to the folder is
//!   followed if the link belongs to this user or to root. A link below it is refused.
//! - A file is opened with `O_NOFOLLOW` and `O_NONBLOCK`. It is a regular file, it belongs to this
//!   user or to root, and not every user can write to it.
//! - Each read has a limit.
//!
//! These are the rules of ssh (`StrictModes`), gpg and tmux, reduced to the folder itself: in a
//! folder that another user replaced, every file belongs to that user and is refused.
//!
//! **Root** also accepts a folder of another user if root acts for that user: the user that called
//! `sudo`, or the owner of `HOME` (both are passed in, [`Folder::with_trusted_uids`]). It also accepts a
//! folder in a parent that only root can write to, because only root can have created it: that is a
//! bind mount in a container. New files in such a folder belong to the folder's owner. Any other
//! folder of another user is refused, for instance one that `ACSPASS_STATE_DIR` names and that its
//! owner made in `/tmp`.
//!
//! A [`SettingsFile`] is a file that users also edit: `config.toml`. It may be a link, a file
//! of root or a bind mount.
//!
//! `open_named` opens a file that a user named and that may belong to others.
//!
//! On Windows the folders of a user are not writable for other users, and nothing is checked.

mod folder;
mod named;
#[cfg(not(unix))]
mod plain;
mod refusal;
mod settings;
#[cfg(test)]
#[cfg(unix)]
mod tests;
#[cfg(unix)]
mod unix;

pub use folder::Folder;
pub use settings::SettingsFile;

pub(crate) use folder::{is_unsupported, none_if_missing};
#[cfg(feature = "azure-identity")]
pub(crate) use named::read_named;
pub(crate) use named::{may_never_end, open_named};
pub(crate) use refusal::{Refusal, shell_quoted};

#[cfg(not(unix))]
pub(crate) use plain::open_key_file;
#[cfg(unix)]
pub(crate) use unix::open_key_file;

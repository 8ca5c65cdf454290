//! Another user that can change a file.

use std::fmt;
use std::path::PathBuf;

/// Another user, or several, that can change a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "only Unix reports one"))]
pub(crate) struct Changer {
    pub(super) by: By,
    /// The link or the folder that can be changed, if it is not the file itself.
    pub(super) through: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "only Unix reports one"))]
pub(super) enum By {
    Everyone,
    Group(u32),
    User(u32),
}

impl fmt::Display for Changer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            By::Everyone => f.write_str("every user can change")?,
            By::Group(id) => write!(f, "the group with id {id} can change")?,
            By::User(id) => write!(f, "the user with id {id} can change")?,
        }
        match &self.through {
            Some(path) => write!(f, " through `{}`", path.display()),
            None => Ok(()),
        }
    }
}

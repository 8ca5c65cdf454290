//! The origins that are approved permanently, for each profile, in a file of the service's folder.
//!
//! They are not in `config.toml`: the confined service cannot write there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::files::{Folder, none_if_missing};
use crate::store::state_folder;

/// The file's name.
const FILE: &str = "approved-origins.json";
/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// An approved origin, and the ids of the pages that need no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedOrigin {
    pub(super) origin: String,
    pub(super) pages: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    profiles: BTreeMap<String, Vec<SavedOrigin>>,
}

/// The file, for one profile.
pub(super) struct SavedOrigins {
    folder: Folder,
    profile: String,
}

impl SavedOrigins {
    pub(super) fn new(folder: Folder, profile: String) -> Self {
        SavedOrigins { folder, profile }
    }

    /// Returns the saved origins. A file that cannot be read approves nothing.
    pub(super) fn load(&self) -> Vec<SavedOrigin> {
        let mut contents = self.contents();
        contents.profiles.remove(&self.profile).unwrap_or_default()
    }

    /// Replaces the saved origins of this profile. The call blocks.
    ///
    /// # Errors
    /// [`Kind::Store`](crate::Kind::Store) if the file cannot be written.
    pub(super) fn save(&self, origins: Vec<SavedOrigin>) -> Result<()> {
        let mut contents = self.contents();
        match origins.is_empty() {
            true => contents.profiles.remove(&self.profile),
            false => contents.profiles.insert(self.profile.clone(), origins),
        };
        let bytes = serde_json::to_vec(&contents).map_err(std::io::Error::from);
        let written = bytes.and_then(|bytes| self.folder.replace(FILE, &bytes));
        written
            .map_err(|cause| state_folder::error_at("write", &self.folder.file_path(FILE), cause))
    }

    fn contents(&self) -> Contents {
        let read = none_if_missing(self.folder.read(FILE, MAX_BYTES));
        let parsed = read.and_then(|bytes| match bytes {
            None => Ok(Contents::default()),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(std::io::Error::from),
        });
        parsed.unwrap_or_else(|cause| {
            let path = self.folder.file_path(FILE);
            tracing::warn!(
                "the approved origins in `{}` are ignored: {cause}",
                path.display()
            );
            Contents::default()
        })
    }
}

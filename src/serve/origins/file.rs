//! The origins that are approved permanently, for each profile, in a file of the service's folder.
//!
//! They are not in `config.toml`: the confined service cannot write there.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::EntraApplication;
use crate::error::Result;
use crate::files::{Folder, none_if_missing};
use crate::store::state_folder;

/// The file's name.
const FILE: &str = "approved-origins.json";
/// The lock of a change: `profile delete` and a service can change the file at the same time.
const LOCK: &str = "approved-origins.lock";
/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// An approved origin, and the verifiers of the pages that need no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedOrigin {
    pub(super) origin: String,
    pub(super) pages: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    /// By [`key`].
    profiles: BTreeMap<String, Vec<SavedOrigin>>,
}

/// The key of a profile: the JSON text of its name, and of the tenant and the client id of its sessions.
/// So a new profile of the same name does not have the approvals of an old one.
fn key(profile: &str, application: &EntraApplication) -> String {
    json!([profile, application.tenant, application.client_id]).to_string()
}

/// Whether a key is one of this profile name.
fn is_of(key: &str, profile: &str) -> bool {
    let parts: Option<[String; 3]> = serde_json::from_str(key).ok();
    parts.is_some_and(|[name, ..]| name == profile)
}

/// Removes the approvals of a profile that is being deleted. The call blocks.
///
/// # Errors
/// [`Kind::Store`](crate::Kind::Store) if the file cannot be read or written.
pub(crate) fn forget_profile(folder: Folder, profile: &str) -> Result<()> {
    // Without a file there is nothing to lock, and the folder can be missing.
    if read(&folder)?.profiles.is_empty() {
        return Ok(());
    }
    let _lock = state_folder::lock_file(&folder, LOCK)?;
    let mut contents = read(&folder)?;
    let before = contents.profiles.len();
    contents.profiles.retain(|key, _| !is_of(key, profile));
    match contents.profiles.len() == before {
        true => Ok(()),
        false => write(&folder, &contents),
    }
}

/// The file, for one profile.
pub(super) struct SavedOrigins {
    folder: Folder,
    key: String,
}

impl SavedOrigins {
    pub(super) fn new(folder: Folder, profile: &str, application: &EntraApplication) -> Self {
        let key = key(profile, application);
        SavedOrigins { folder, key }
    }

    /// Returns the saved origins. A file that cannot be read approves nothing.
    pub(super) fn load(&self) -> Vec<SavedOrigin> {
        let mut contents = read(&self.folder).unwrap_or_else(|error| {
            tracing::warn!("the approved origins are ignored: {error}");
            Contents::default()
        });
        contents.profiles.remove(&self.key).unwrap_or_default()
    }

    /// Replaces the saved origins of this profile. The call blocks.
    ///
    /// # Errors
    /// [`Kind::Store`](crate::Kind::Store) if the file cannot be read or written: it also has the
    /// origins of other profiles.
    pub(super) fn save(&self, origins: Vec<SavedOrigin>) -> Result<()> {
        let _lock = state_folder::lock_file(&self.folder, LOCK)?;
        let mut contents = read(&self.folder)?;
        match origins.is_empty() {
            true => contents.profiles.remove(&self.key),
            false => contents.profiles.insert(self.key.clone(), origins),
        };
        write(&self.folder, &contents)
    }
}

fn read(folder: &Folder) -> Result<Contents> {
    let read = none_if_missing(folder.read(FILE, MAX_BYTES));
    let parsed = read.and_then(|bytes| match bytes {
        None => Ok(Contents::default()),
        Some(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
    });
    parsed.map_err(|cause| state_folder::error_at("read", &folder.file_path(FILE), cause))
}

fn write(folder: &Folder, contents: &Contents) -> Result<()> {
    let bytes = serde_json::to_vec(contents).map_err(io::Error::from);
    let written = bytes.and_then(|bytes| match bytes.len() as u64 > MAX_BYTES {
        // It could not be read again.
        true => Err(io::Error::other("too many origins are approved")),
        false => folder.replace(FILE, &bytes),
    });
    written.map_err(|cause| state_folder::error_at("write", &folder.file_path(FILE), cause))
}

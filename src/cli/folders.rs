//! The program's folders: which variables name them, and for which users root acts.

use std::path::{Component, Path, PathBuf};
use std::sync::atomic::Ordering;

use super::Folders;
use super::context::{EMULATOR, Environment};
use crate::config::ConfigFile;
use crate::error::{Error, Kind, Result};
use crate::files::{Folder, SettingsFile};
use crate::input;
use crate::text::secret_form;

/// Whether a path begins with a drive, or with a folder that exists below the root. The rest of it
/// may look like a key, as the names of temporary folders do; a key does not begin like this.
pub(super) fn begins_in_a_folder(path: &Path) -> bool {
    let mut context = path.components();
    match (context.next(), context.next()) {
        (Some(Component::Prefix(_)), _) => true,
        (Some(Component::RootDir), Some(Component::Normal(first))) => {
            Path::new("/").join(first).is_dir()
        }
        _ => false,
    }
}

impl Environment {
    /// An environment variable that holds a path, which need not be UTF-8; an empty one counts as
    /// unset.
    pub(super) fn path_variable(&self, name: &str) -> Option<PathBuf> {
        match self.raw_variables.get(name) {
            Some(path) => Some(PathBuf::from(path)),
            // cmd's `set` and `docker --env-file` keep quotes.
            None => self.variable(name).map(input::bare).map(PathBuf::from),
        }
    }

    /// A path in an environment variable that appears in messages, or is created.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the variable holds a secret.
    pub(super) fn checked_path(&self, name: &str) -> Result<Option<PathBuf>> {
        let path = self.path_variable(name);
        let unknown = path.as_ref().filter(|path| !begins_in_a_folder(path));
        let form = unknown.and_then(|path| secret_form(path.to_str()?));
        match form {
            Some(form) => Err(Error::new(
                Kind::Usage,
                format!("{name} names {form} instead of a path"),
                format!("set {name} to a path, or unset it"),
            )),
            None => Ok(path),
        }
    }

    /// The configuration file. Its warning appears once, however often the file is read.
    pub(super) fn config_file(&self) -> Result<ConfigFile> {
        self.read_config_file(ConfigFile::read)
    }

    /// The configuration file for a change that may repair it.
    pub(super) fn config_file_to_repair(&self) -> Result<ConfigFile> {
        self.read_config_file(ConfigFile::read_to_repair)
    }

    fn read_config_file(&self, read: fn(SettingsFile) -> Result<ConfigFile>) -> Result<ConfigFile> {
        let path = self.config_folder()?.join("config.toml");
        let file = read(SettingsFile::new(path).acting_for(self.acting_for()))?;
        if let Some(warning) = file.warning()
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            self.messages.warn(&warning);
        }
        Ok(file)
    }

    pub(super) fn config_folder(&self) -> Result<PathBuf> {
        self.folder("ACSPASS_CONFIG_DIR", |folders| &folders.config)
    }

    pub(super) fn state_folder(&self) -> Result<Folder> {
        let path = self.folder("ACSPASS_STATE_DIR", |folders| &folders.state)?;
        Ok(Folder::new(path).acting_for(self.acting_for()))
    }

    /// The token service's folder. The emulator's is another one, as its accounts are.
    pub(super) fn serve_folder(&self) -> Result<Folder> {
        let state = self.state_folder()?;
        Ok(match self.global.emulator {
            true => state.below(EMULATOR).below("serve"),
            false => state.below("serve"),
        })
    }

    fn folder(&self, variable: &str, own: impl Fn(&Folders) -> &PathBuf) -> Result<PathBuf> {
        if let Some(path) = self.checked_path(variable)? {
            return Ok(path);
        }
        self.folders
            .as_ref()
            .map(|folders| own(folders).clone())
            .ok_or_else(|| {
                Error::new(
                    Kind::Usage,
                    "this user has no home folder to keep anything in",
                    format!("set HOME, or name a folder in {variable}"),
                )
            })
    }

    /// The users for which this process acts if it is root: the user that called `sudo`, and the
    /// owner of a `HOME` that was kept.
    #[cfg(unix)]
    fn acting_for(&self) -> Vec<u32> {
        use std::os::unix::fs::MetadataExt;
        if !rustix::process::geteuid().is_root() {
            return Vec::new();
        }
        let caller = self.variable("SUDO_UID").and_then(|id| id.parse().ok());
        let home = self.path_variable("HOME").filter(|home| home.is_absolute());
        let owner = home.and_then(|home| Some(std::fs::metadata(home).ok()?.uid()));
        caller.into_iter().chain(owner).collect()
    }

    #[cfg(not(unix))]
    fn acting_for(&self) -> Vec<u32> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_folder_is_a_path_and_a_key_that_begins_with_a_slash_is_not() {
        let folder = std::env::temp_dir().join("acspass-config-dir-D83I5Ld0rB9p/state");
        assert!(begins_in_a_folder(&folder), "{}", folder.display());
        for key in [
            "/AbC1dEf2GhI3jKl4MnO5pQr6StU7vWx8YzA9bCd0EfG=",
            "AbC1/dEf2",
            "/",
            "",
        ] {
            assert!(!begins_in_a_folder(Path::new(key)), "{key}");
        }
    }
}

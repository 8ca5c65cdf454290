//! The file `config.toml`: tables `[profile.NAME]`, and which one is meant.
//!
//! Reading is strict, so that a misspelt key is an error. Writing keeps comments and order.

use std::fs::File;
use std::io;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TomlError, value};

use super::profile::{self, DEFAULT_PROFILE, Profile, command_for, misplaced, toml_value, unknown};
use super::setting::Setting;
use crate::error::{Error, Kind, Result};
use crate::files::{Refusal, SettingsFile, shell_quoted};
use crate::input;
use crate::text::{quoted, shell_word, shown, without_secrets};

const NOT_A_TABLE: &str = "`profile` is not a table of tables";

/// The configuration file, as it is on disk.
pub struct ConfigFile {
    file: SettingsFile,
    document: DocumentMut,
    is_open_to_group: bool,
}

impl ConfigFile {
    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it cannot be read, belongs to another user, can be changed by every user,
    /// is not TOML, or has an unknown key or a value of the wrong type: each named.
    pub fn read(file: impl Into<SettingsFile>) -> Result<Self> {
        let file = ConfigFile::read_to_repair(file)?;
        file.check()?;
        Ok(file)
    }

    /// Reads the file for a change that may repair it: see [`ConfigFile::check`] for the rest.
    ///
    /// # Errors
    /// As [`ConfigFile::read`], but for unknown keys and values of the wrong type.
    pub fn read_to_repair(file: impl Into<SettingsFile>) -> Result<Self> {
        let file = file.into();
        let path = format!("`{}`", file.path().display());
        let settings = file.read().map_err(|cause| {
            let hint = "Make the file readable, or set ACSPASS_CONFIG_DIR to another folder.";
            failure(cause, Error::usage(format!("could not read {path}"), hint))
        })?;
        let is_open_to_group = settings.as_ref().is_some_and(|read| read.is_open_to_group);
        let bytes = settings.map(|read| read.bytes).unwrap_or_default();
        // An editor of Windows may have written UTF-16.
        let text = input::text(&bytes).ok_or_else(|| {
            Error::usage(
                format!("{path} is not text in UTF-8"),
                "Save the file as UTF-8.",
            )
        })?;
        let document = text
            .parse()
            .map_err(|error| not_toml(&file, &text, &error))?;
        Ok(ConfigFile {
            file,
            document,
            is_open_to_group,
        })
    }

    /// A warning about a file that the members of its group can change.
    pub fn warning(&self) -> Option<String> {
        let path = self.path();
        let (shown, quoted) = (path.display(), shell_quoted(path));
        self.is_open_to_group.then(|| {
            format!(
                "the members of its group can change `{shown}`, and so the destination of tokens: run \
                 `chmod g-w {quoted}`"
            )
        })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The profile that the file itself names as the one to use.
    pub fn default_profile(&self) -> Option<&str> {
        self.document.get("default-profile")?.as_str()
    }

    /// Whether the file names a default profile, in any form.
    pub fn has_default_profile(&self) -> bool {
        self.document.contains_key("default-profile")
    }

    /// The names of all profiles.
    pub fn names(&self) -> Vec<&str> {
        let tables = self.tables().into_iter().flatten();
        tables.map(|(name, _)| name).collect()
    }

    /// The names of all profiles, and of the default profile, which exists without a table.
    pub fn all_names(&self) -> Vec<&str> {
        let names = self.names();
        let implicit = (!names.contains(&DEFAULT_PROFILE)).then_some(DEFAULT_PROFILE);
        implicit.into_iter().chain(names).collect()
    }

    /// Returns a profile's settings; `None` if there is no such profile.
    pub fn profile(&self, name: &str) -> Option<Profile> {
        let table = self.tables()?.get(name)?.as_table()?.clone();
        let place = format!("profile {} of {}", shown(name), self.path().display());
        Some(Profile { table, place })
    }

    /// Sets values and writes the file. Concurrent changes of other values stay.
    ///
    /// # Errors
    /// [`Kind::Usage`] if a value is of the wrong form, [`Kind::Store`] if the file cannot
    /// be written.
    pub fn set(&mut self, profile: &str, values: &[(Setting, &str)]) -> Result<()> {
        let _lock = self.begin_change()?;
        for (setting, text) in values {
            let item = value(toml_value(*setting, text)?);
            self.table_mut(profile)?.insert(setting.key(), item);
        }
        self.write()
    }

    /// Sets a value in several profiles, which need not exist, by one write of the file.
    ///
    /// # Errors
    /// As [`ConfigFile::set`].
    pub fn set_in_profiles(
        &mut self,
        profiles: &[String],
        setting: Setting,
        text: &str,
    ) -> Result<()> {
        let _lock = self.begin_change()?;
        for profile in profiles {
            let item = value(toml_value(setting, text)?);
            self.table_mut(profile)?.insert(setting.key(), item);
        }
        self.write()
    }

    /// Sets the file's default profile, and writes the file.
    ///
    /// # Errors
    /// [`Kind::Store`] if the file cannot be written.
    pub fn set_default_profile(&mut self, name: Option<&str>) -> Result<()> {
        let _lock = self.begin_change()?;
        match name {
            Some(name) => {
                self.document.insert("default-profile", value(name));
            }
            None => self.remove_keeping_header(|document| {
                document.remove("default-profile");
            })?,
        }
        self.write()
    }

    /// Removes a profile and writes the file. If it is the default profile, the file then names none.
    ///
    /// # Errors
    /// [`Kind::Store`] if the file cannot be written.
    pub fn remove_profile(&mut self, name: &str) -> Result<()> {
        let _lock = self.begin_change()?;
        let is_default = self.default_profile() == Some(name);
        self.remove_keeping_header(|document| {
            let tables = document.get_mut("profile").and_then(Item::as_table_mut);
            tables.and_then(|tables| tables.remove(name));
            if is_default {
                document.remove("default-profile");
            }
        })?;
        self.write()
    }

    /// Removes keys and writes the file; `false` if none of them was set. A key that is no setting
    /// is removed as well, also one outside the tables of profiles.
    ///
    /// # Errors
    /// [`Kind::Store`] if the file cannot be written.
    pub fn unset(&mut self, profile: &str, keys: &[&str]) -> Result<bool> {
        let _lock = self.begin_change()?;
        let mut was_set = false;
        for key in keys {
            let is_in_profile = self
                .profile(profile)
                .is_some_and(|known| known.table.contains_key(key));
            if is_in_profile {
                self.table_mut(profile)?.remove(key);
                was_set = true;
            } else if !matches!(*key, "profile" | "default-profile") {
                was_set |= self.document.remove(key).is_some();
            }
        }
        if was_set {
            self.write()?;
        }
        Ok(was_set)
    }

    /// Returns the error for a key that is no setting, if another profile has it.
    pub fn key_of_other_profile(&self, key: &str) -> Option<Error> {
        let mut tables = self.tables().into_iter().flatten();
        let (name, _) =
            tables.find(|(_, item)| item.as_table().is_some_and(|it| it.contains_key(key)))?;
        Some(Error::usage(
            format!("the key {} is in the profile {}", quoted(key), quoted(name)),
            format!(
                "Run `{} config unset {}`.",
                command_for(name),
                shell_word(key, "KEY")
            ),
        ))
    }

    /// Checks that the file has no unknown keys and no values of the wrong type.
    ///
    /// # Errors
    /// [`Kind::Usage`] naming the first.
    pub fn check(&self) -> Result<()> {
        for (key, item) in self.document.iter() {
            match key {
                "profile" if item.is_table() => {}
                "default-profile" if item.is_str() => {}
                "profile" => return Err(misplaced(self.path(), NOT_A_TABLE)),
                "default-profile" => {
                    return Err(Error::usage(
                        format!("`{key}` is not text in `{}`", self.path().display()),
                        "Run `acspass config unset profile`, or `acspass profile use NAME`.",
                    ));
                }
                _ => return Err(unknown(self.path(), None, key)),
            }
        }
        let mut tables = self.tables().into_iter().flatten();
        tables.try_for_each(|(name, item)| profile::check(self.path(), name, item))
    }

    /// Makes a removal. The comments at the top of the file stay, although TOML attaches them to the first
    /// item.
    fn remove_keeping_header(&mut self, remove: impl FnOnce(&mut DocumentMut)) -> Result<()> {
        let before = self.document.to_string();
        let header = header(&before);
        remove(&mut self.document);
        let after = self.document.to_string();
        if !header.trim().is_empty() && !after.starts_with(header) {
            let text = format!("{header}{after}");
            self.document = text
                .parse()
                .map_err(|error| not_toml(&self.file, &text, &error))?;
        }
        Ok(())
    }

    fn tables(&self) -> Option<&Table> {
        self.document.get("profile")?.as_table()
    }

    fn table_mut(&mut self, profile: &str) -> Result<&mut Table> {
        let mut tables = Table::new();
        tables.set_implicit(true);
        let tables = self
            .document
            .entry("profile")
            .or_insert(Item::Table(tables));
        let table = tables.as_table_mut().and_then(|tables| {
            let table = tables.entry(profile).or_insert_with(toml_edit::table);
            table.as_table_mut()
        });
        table.ok_or_else(|| misplaced(self.file.path(), NOT_A_TABLE))
    }

    /// Takes the lock of a change and reads the file again: a person may have typed for a minute
    /// since it was read, and another process may have changed it.
    fn begin_change(&mut self) -> Result<File> {
        let lock = self.file.lock().map_err(|cause| self.not_written(cause))?;
        let lock = lock.ok_or_else(|| {
            let path = self.path().display();
            Error::new(
                Kind::Store,
                format!("another acspass process locks `{path}`"),
                "Run `pgrep -a acspass` to find the other process, end it, then run the command again.",
            )
        })?;
        *self = ConfigFile::read_to_repair(self.file.clone())?;
        Ok(lock)
    }

    fn write(&self) -> Result<()> {
        let written = self.file.write(self.document.to_string().as_bytes());
        written.map_err(|cause| self.not_written(cause))
    }

    fn not_written(&self, cause: io::Error) -> Error {
        let message = format!("could not write {}", self.path().display());
        let hint = "Check the folder's permissions and the free space, or set ACSPASS_CONFIG_DIR to \
                    another folder.";
        failure(cause, Error::new(Kind::Store, message, hint))
    }
}

/// Returns the comments and empty lines at the top of a file.
fn header(text: &str) -> &str {
    let lines = text.split_inclusive('\n');
    let is_header = |line: &&str| matches!(line.trim_start().chars().next(), None | Some('#'));
    let length = lines.take_while(is_header).map(str::len).sum();
    &text[..length]
}

/// Returns the error about a file or folder that another user could have planted; for any other cause
/// the usual error.
fn failure(cause: io::Error, usual: Error) -> Error {
    match Refusal::of(&cause) {
        Some(refusal) => Error::usage(refusal.to_string(), refusal.hint("ACSPASS_CONFIG_DIR")),
        None => usual.caused_by(cause),
    }
}

/// The error about text that is not TOML, without the excerpt: a line of the file may contain a secret.
fn not_toml(file: &SettingsFile, text: &str, error: &TomlError) -> Error {
    let place = error.span().map(|span| {
        let before = &text[..span.start.min(text.len())];
        format!(", line {}", before.matches('\n').count() + 1)
    });
    let hint = match file.copy() {
        Some(copy) => format!(
            "A change was interrupted. Run `cp {} {}` to restore the settings from before it.",
            shell_quoted(&copy),
            shell_quoted(file.path())
        ),
        None => {
            "Correct the file, or delete it and set each value again with `acspass config set`."
                .into()
        }
    };
    Error::usage(
        format!(
            "`{}`{} is not valid TOML: {}",
            file.path().display(),
            place.unwrap_or_default(),
            without_secrets(error.message())
        ),
        hint,
    )
}

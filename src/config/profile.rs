//! The file `config.toml`: tables `[profile.NAME]`, and which one is meant.
//!
//! Reading is strict, so that a misspelt key is an error. Writing keeps comments and order.

use std::fs::File;
use std::io;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, Value};

use super::choice::parse_switch;
use super::form::{check_value, unknown, wrong};
use super::setting::{Setting, ValueType};
use crate::error::{Error, Kind, Result};
use crate::files::{Refusal, SettingsFile, shell_quoted};
use crate::input;
use crate::text::{quoted, secret_form, without_secrets};

/// The name of the default profile.
pub const DEFAULT_PROFILE: &str = "default";

/// The configuration file, as it is on disk.
pub struct ConfigFile {
    file: SettingsFile,
    document: DocumentMut,
    is_open_to_group: bool,
    /// Whether only a file without unknown keys and wrong types is taken.
    is_strict: bool,
}

/// One profile's settings.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    table: Table,
}

impl ConfigFile {
    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it cannot be read, belongs to another user, can be changed by every user,
    /// is not TOML, or has an unknown key or a value of the wrong type: each named.
    pub fn read(file: impl Into<SettingsFile>) -> Result<Self> {
        ConfigFile::read_as(file.into(), true)
    }

    /// Reads the file for a change that may repair it: see [`ConfigFile::check`] for the rest.
    ///
    /// # Errors
    /// As [`ConfigFile::read`], but for unknown keys and values of the wrong type.
    pub fn read_to_repair(file: impl Into<SettingsFile>) -> Result<Self> {
        ConfigFile::read_as(file.into(), false)
    }

    fn read_as(file: SettingsFile, is_strict: bool) -> Result<Self> {
        let path = file.path();
        let settings = file.read().map_err(|error| {
            refused(&error).unwrap_or_else(|| {
                Error::new(
                    Kind::Usage,
                    format!("{} cannot be read", path.display()),
                    "make it readable, or name another folder in ACSPASS_CONFIG_DIR",
                )
                .caused_by(error)
            })
        })?;
        let is_open_to_group = settings.as_ref().is_some_and(|read| read.is_open_to_group);
        let bytes = settings.map(|read| read.bytes).unwrap_or_default();
        // An editor of Windows may have written UTF-16.
        let text = input::text(&bytes).ok_or_else(|| {
            Error::new(
                Kind::Usage,
                format!("{} is not text in UTF-8", path.display()),
                "save it as UTF-8",
            )
        })?;
        let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
            // The message without the excerpt: a line of the file may contain a secret.
            let line = error
                .span()
                .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line
                .map(|line| format!(", line {line}"))
                .unwrap_or_default();
            let hint = match file.copy() {
                Some(copy) => format!(
                    "a change was interrupted, and `{}` has the settings from before it: copy it \
                     over the file",
                    copy.display()
                ),
                None => "correct the file, or remove it and set it up again with `acspass config \
                         set`"
                    .to_owned(),
            };
            Error::new(
                Kind::Usage,
                format!(
                    "{}{place} is not TOML: {}",
                    path.display(),
                    without_secrets(error.message())
                ),
                hint,
            )
        })?;
        let file = ConfigFile {
            file,
            document,
            is_open_to_group,
            is_strict,
        };
        if is_strict {
            file.check()?;
        }
        Ok(file)
    }

    /// A warning about a file that the members of its group can change.
    pub fn warning(&self) -> Option<String> {
        let path = self.path();
        self.is_open_to_group.then(|| {
            format!(
                "the members of its group can change `{}`, and with it where tokens are sent; run \
                 `chmod g-w {}` to prevent that",
                path.display(),
                shell_quoted(path),
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

    /// The names of all profiles.
    pub fn names(&self) -> Vec<&str> {
        self.tables()
            .map(|tables| tables.iter().map(|(name, _)| name).collect())
            .unwrap_or_default()
    }

    /// Returns a profile's settings; `None` if there is no such profile.
    pub fn profile(&self, name: &str) -> Option<Profile> {
        let table = self.tables()?.get(name)?.as_table()?.clone();
        Some(Profile { table })
    }

    /// Sets values and writes the file. Concurrent changes of other values stay.
    ///
    /// # Errors
    /// [`Kind::Usage`] if a value is of the wrong form, [`Kind::Store`] if the file cannot
    /// be written.
    pub fn set(&mut self, profile: &str, values: &[(Setting, &str)]) -> Result<()> {
        let _lock = self.begin_change()?;
        for (setting, text) in values {
            self.insert(profile, *setting, text)?;
        }
        self.write()
    }

    fn insert(&mut self, profile: &str, setting: Setting, text: &str) -> Result<()> {
        let value = match setting.form() {
            ValueType::List => Value::Array(
                text.split([' ', ','])
                    .filter(|word| !word.is_empty())
                    .collect(),
            ),
            ValueType::Port => Value::from(text.parse::<u16>().map(i64::from).map_err(|_| {
                Error::new(
                    Kind::Usage,
                    "the port is not a number from 0 to 65535",
                    "0 takes a free port",
                )
            })?),
            ValueType::Switch => Value::from(parse_switch(text)?),
            ValueType::Text | ValueType::Duration | ValueType::Marker => Value::from(text),
        };
        self.table_mut(profile)?
            .insert(setting.key(), Item::Value(value));
        Ok(())
    }

    /// Sets the file's default profile, and writes the file.
    ///
    /// # Errors
    /// [`Kind::Store`] if the file cannot be written.
    pub fn set_default_profile(&mut self, name: Option<&str>) -> Result<()> {
        let _lock = self.begin_change()?;
        match name {
            Some(name) => self
                .document
                .insert("default-profile", Item::Value(Value::from(name))),
            None => self.document.remove("default-profile"),
        };
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

    fn tables(&self) -> Option<&Table> {
        self.document.get("profile")?.as_table()
    }

    fn table_mut(&mut self, profile: &str) -> Result<&mut Table> {
        let implicit = || {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        };
        self.document
            .entry("profile")
            .or_insert_with(implicit)
            .as_table_mut()
            .and_then(|tables| {
                tables
                    .entry(profile)
                    .or_insert_with(|| Item::Table(Table::new()))
                    .as_table_mut()
            })
            .ok_or_else(|| wrong(self.file.path(), "`profile` is not a table of tables"))
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
                "profile" => return Err(wrong(self.path(), "`profile` is not a table of tables")),
                _ => return Err(unknown(self.path(), key)),
            }
        }
        let Some(tables) = self.tables() else {
            return Ok(());
        };
        for (name, item) in tables.iter() {
            if let Some(form) = secret_form(name) {
                return Err(wrong(
                    self.path(),
                    &format!("the name of a profile is {form}"),
                ));
            }
            let Some(table) = item.as_table() else {
                return Err(wrong(
                    self.path(),
                    &format!("{} is not a table", quoted(&format!("profile.{name}"))),
                ));
            };
            for (key, item) in table.iter() {
                let setting = Setting::from_key(key)
                    .map_err(|_| unknown(self.path(), &format!("profile.{name}.{key}")))?;
                check_value(self.path(), name, setting, item)?;
            }
        }
        Ok(())
    }

    /// Takes the lock of a change and reads the file again: a person may have typed for a minute
    /// since it was read, and another process may have changed it.
    fn begin_change(&mut self) -> Result<File> {
        let lock = self.file.lock().map_err(|error| self.not_written(error))?;
        let lock = lock.ok_or_else(|| {
            Error::new(
                Kind::Store,
                format!(
                    "another acspass process is changing `{}` and does not end",
                    self.path().display()
                ),
                "look for a stopped acspass process, end it, and run this again",
            )
        })?;
        *self = ConfigFile::read_as(self.file.clone(), self.is_strict)?;
        Ok(lock)
    }

    fn write(&self) -> Result<()> {
        self.file
            .write(self.document.to_string().as_bytes())
            .map_err(|error| self.not_written(error))
    }

    fn not_written(&self, error: io::Error) -> Error {
        refused(&error).unwrap_or_else(|| {
            Error::new(
                Kind::Store,
                format!("{} cannot be written", self.path().display()),
                "check the folder's permissions and the free space, or set ACSPASS_CONFIG_DIR",
            )
            .caused_by(error)
        })
    }
}

/// The error about a file or folder that another user could have planted.
fn refused(error: &io::Error) -> Option<Error> {
    let refusal = Refusal::of(error)?;
    let hint = refusal.hint("ACSPASS_CONFIG_DIR");
    Some(Error::new(Kind::Usage, refusal.to_string(), hint))
}

impl Profile {
    /// The profile without the settings that do not fulfil `keeps`.
    pub(super) fn keeping(&self, keeps: impl Fn(Setting) -> bool) -> Profile {
        let mut kept = self.clone();
        kept.table
            .retain(|key, _| Setting::from_key(key).is_ok_and(&keeps));
        kept
    }

    /// The value of a setting as text; lists are joined by spaces.
    pub fn value(&self, setting: Setting) -> Option<String> {
        match self.table.get(setting.key())?.as_value()? {
            Value::String(text) => Some(text.value().clone()),
            Value::Integer(number) => Some(number.value().to_string()),
            Value::Boolean(switch) => Some(switch.value().to_string()),
            Value::Array(list) => {
                let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                Some(words.join(" "))
            }
            _ => None,
        }
    }
}

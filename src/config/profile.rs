//! One profile of `config.toml`: its settings, and the types of their values.

use std::path::Path;

use toml_edit::{Item, Table, Value};

use super::setting::{Setting, ValueType, parse_port, parse_switch};
use crate::error::{Error, Result};
use crate::text::{quoted, secret_form, shell_word, shown};

/// The name of the default profile.
pub const DEFAULT_PROFILE: &str = "default";

/// The value of `connection-string` in a profile if the store has it.
pub const STORED: &str = "stored";

/// One profile's settings.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    pub(super) table: Table,
    /// The profile's name and the file, for an error.
    pub(super) place: String,
}

impl Profile {
    /// The profile without this setting.
    pub(super) fn without(&self, setting: Setting) -> Profile {
        let mut rest = self.clone();
        rest.table.remove(setting.key());
        rest
    }

    /// Returns the profile's name and file, for an error.
    pub(super) fn place(&self) -> &str {
        match self.place.as_str() {
            "" => "the profile",
            place => place,
        }
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

/// Returns a value from the command line as `config.toml` has it.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if it is of the wrong form.
pub(super) fn toml_value(setting: Setting, text: &str) -> Result<Value> {
    Ok(match setting.value_type() {
        ValueType::List => {
            let words = text.split([' ', ',']);
            Value::Array(words.filter(|word| !word.is_empty()).collect())
        }
        ValueType::Port => i64::from(parse_port(text)?).into(),
        ValueType::Switch => parse_switch(text)?.into(),
        ValueType::Text | ValueType::Duration | ValueType::Marker => text.into(),
    })
}

/// Checks the table of a profile in the file at `path`.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) naming the first unknown key, or value of the wrong type.
pub(super) fn check(path: &Path, name: &str, item: &Item) -> Result<()> {
    if let Some(form) = secret_form(name) {
        return Err(misplaced(path, &format!("a profile is named by {form}")));
    }
    let Some(table) = item.as_table() else {
        let name = quoted(&format!("profile.{name}"));
        return Err(misplaced(path, &format!("{name} is not a table")));
    };
    for (key, item) in table {
        let place = format!("profile.{name}.{key}");
        let setting = Setting::from_key(key).map_err(|_| unknown(path, Some(name), key))?;
        let fits = match setting.value_type() {
            ValueType::List => item
                .as_array()
                .is_some_and(|list| list.iter().all(Value::is_str)),
            ValueType::Port => item.is_integer(),
            ValueType::Switch => item.is_bool(),
            ValueType::Duration => item.is_str() || item.is_integer(),
            ValueType::Text => item.is_str(),
            ValueType::Marker if item.as_str() == Some(STORED) => true,
            ValueType::Marker => {
                return Err(Error::usage(
                    format!(
                        "{} contains a secret in `{place}`, which may only be `{STORED}`",
                        path.display()
                    ),
                    "Run `acspass config unset connection-string`. Then run `acspass config set \
                     connection-string` to save the connection string in the store.",
                ));
            }
        };
        if !fits {
            return Err(wrong_type(path, &place, name, setting));
        }
    }
    Ok(())
}

fn wrong_type(path: &Path, place: &str, profile: &str, setting: Setting) -> Error {
    let form = match setting.value_type() {
        ValueType::List => "a list like [\"a\", \"b\"]",
        ValueType::Port => "a number",
        ValueType::Switch => "true or false",
        ValueType::Duration => "text like \"10m\", or a number of seconds",
        ValueType::Text | ValueType::Marker => "text in quotes",
    };
    let command = command_for(profile);
    let key = setting.key();
    Error::usage(
        format!("{} is not {form} in `{}`", quoted(place), path.display()),
        format!(
            "Run `{command} config set {key} VALUE`, or `{command} config unset {key}` to remove the \
             setting."
        ),
    )
}

/// Returns the error for a table that is missing, or that is in the wrong place.
pub(super) fn misplaced(path: &Path, what: &str) -> Error {
    Error::usage(
        format!("{what} in `{}`", path.display()),
        "Edit this file: move the settings of each profile to a table like [profile.default].",
    )
}

/// Returns the error for a key that is no setting, in this profile or outside the profiles.
pub(super) fn unknown(path: &Path, profile: Option<&str>, key: &str) -> Error {
    let (place, command) = match profile {
        Some(name) => (format!("profile.{name}.{key}"), command_for(name)),
        None => (key.to_owned(), "acspass".to_owned()),
    };
    if profile.is_none() && strsim::jaro(key, "profile") > 0.8 {
        return Error::usage(
            format!("unknown key {} in `{}`", quoted(&place), path.display()),
            format!("Correct `{}` to `profile` in this file.", shown(key)),
        );
    }
    Error::usage(
        format!("unknown key {} in `{}`", quoted(&place), path.display()),
        format!(
            "Run `{command} config unset {}`. The settings in a table [profile.NAME] are {}.",
            shell_word(key, "KEY"),
            Setting::keys()
        ),
    )
}

/// Returns the start of a command about a profile, which need not be the selected one.
pub(super) fn command_for(profile: &str) -> String {
    format!("acspass --profile {}", shell_word(profile, "NAME"))
}

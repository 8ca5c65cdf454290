//! One profile of `config.toml`: its settings, and the types of their values.

use std::path::Path;

use toml_edit::{Item, Table, Value};

use super::setting::{Setting, ValueType, parse_port, parse_switch};
use crate::error::{Error, Result};
use crate::text::{quoted, secret_form, shell_word};

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
        return Err(wrong(path, &format!("a profile is named by {form}")));
    }
    let Some(table) = item.as_table() else {
        let name = quoted(&format!("profile.{name}"));
        return Err(wrong(path, &format!("{name} is not a table")));
    };
    for (key, item) in table {
        let place = format!("profile.{name}.{key}");
        let setting = Setting::from_key(key).map_err(|_| unknown(path, &place))?;
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
            let place = quoted(&place);
            return Err(wrong(path, &format!("{place} has the wrong type")));
        }
    }
    Ok(())
}

pub(super) fn wrong(path: &Path, what: &str) -> Error {
    Error::usage(
        format!("{what} in `{}`", path.display()),
        "Use `acspass config set KEY VALUE`, or correct the file: text is \"quoted\", a list is \
         [\"a\", \"b\"], `port` is a number, and `cae` is true or false.",
    )
}

pub(super) fn unknown(path: &Path, key: &str) -> Error {
    Error::usage(
        format!("unknown key {} in `{}`", quoted(key), path.display()),
        format!(
            "Run `acspass config unset {}`. The settings in a table [profile.NAME] are {}.",
            shell_word(key.rsplit('.').next().unwrap_or(key), "KEY"),
            Setting::keys()
        ),
    )
}

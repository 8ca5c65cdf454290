//! The schema of `config.toml`, and its errors.

use std::path::Path;

use toml_edit::{Item, Value};

use super::setting::{Setting, ValueType};
use crate::error::{Error, Kind, Result};
use crate::text::quoted;

/// Checks the type of a value.
///
/// # Errors
/// [`Kind::Usage`] naming the key.
pub(super) fn check_value(path: &Path, profile: &str, setting: Setting, item: &Item) -> Result<()> {
    let key = setting.key();
    let fits = match setting.form() {
        ValueType::List => item
            .as_array()
            .is_some_and(|list| list.iter().all(Value::is_str)),
        ValueType::Port => item.is_integer(),
        ValueType::Switch => item.is_bool(),
        ValueType::Duration => item.is_str() || item.is_integer(),
        ValueType::Marker if item.as_str() != Some(STORED) => {
            return Err(Error::new(
                Kind::Usage,
                format!(
                    "{} holds something else than `{STORED}` in profile.{profile}.{key}: a secret \
                     does not belong in a plain file",
                    path.display()
                ),
                "run `acspass config set connection-string`, which asks for it and keeps it in the \
                 store, or `acspass config unset connection-string`",
            ));
        }
        ValueType::Text | ValueType::Marker => item.is_str(),
    };
    match fits {
        true => Ok(()),
        false => Err(wrong(
            path,
            &format!(
                "{} is of the wrong type",
                quoted(&format!("profile.{profile}.{key}"))
            ),
        )),
    }
}

/// The value of `connection-string` in a profile if the store has it.
pub const STORED: &str = "stored";

pub(super) fn wrong(path: &Path, what: &str) -> Error {
    Error::new(
        Kind::Usage,
        format!("in {}, {what}", path.display()),
        "texts are \"quoted\", lists are [\"a\", \"b\"], `cae` is true or false; `acspass config \
         set` writes them right",
    )
}

pub(super) fn unknown(path: &Path, key: &str) -> Error {
    let known: Vec<&str> = Setting::ALL.iter().map(|known| known.key()).collect();
    Error::new(
        Kind::Usage,
        format!("{} has the unknown key {}", path.display(), quoted(key)),
        format!(
            "`acspass config unset KEY` removes it; settings live in tables [profile.NAME], and are {}",
            known.join(", ")
        ),
    )
}

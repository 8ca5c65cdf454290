//! The text of each setting: from the environment, or else from the file.

use std::collections::BTreeMap;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Value};
use tracing::warn;

use super::names::{PREFIX, is_known};
use crate::error::{Error, Result};
use crate::text::quoted;

/// The longest file, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Starts of variables that Kubernetes sets for a service with this program's name.
const SERVICE_LINKS: [&str; 2] = ["ACSPASS_EXCHANGE_SERVICE", "ACSPASS_EXCHANGE_PORT"];

/// The text of each setting, by the name of its variable.
pub(super) struct Source(BTreeMap<String, String>);

impl Source {
    /// Takes the known variables of the environment, and the others from the file.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the file cannot be read, or has an unknown key.
    pub(super) fn new(
        environment: &BTreeMap<String, String>,
        file: Option<&Path>,
    ) -> Result<Source> {
        let mut values = match file {
            Some(path) => read(path)?,
            None => BTreeMap::new(),
        };
        for (name, value) in environment {
            let is_link = SERVICE_LINKS.iter().any(|start| name.starts_with(start));
            if is_known(name) && !value.trim().is_empty() {
                values.insert(name.clone(), value.trim().to_owned());
            } else if !is_known(name) && name.starts_with(PREFIX) && !is_link {
                warn!("The variable {name} is no setting of acspass-exchange.");
            }
        }
        Ok(Source(values))
    }

    /// Returns the text of a setting, if it is set.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    let shown = quoted(&path.to_string_lossy());
    let hint =
        "Name a TOML file with the settings in lower case, such as `acspass_exchange_tenants`.";
    let unreadable = |error: std::io::Error| {
        Error::usage(format!("could not read {shown}"), hint).caused_by(error)
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE_BYTES {
        return Err(Error::usage(format!("{shown} has {size} bytes"), hint));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    // The parser's error quotes the line, which may contain a secret.
    let document: DocumentMut = text
        .parse()
        .map_err(|_| Error::usage(format!("{shown} is not valid TOML"), hint))?;
    let entries = document.iter().map(|(key, item)| {
        let name = key.to_ascii_uppercase();
        if key != key.to_ascii_lowercase() || !is_known(&name) {
            let message = format!("unknown key {} in {shown}", quoted(key));
            return Err(Error::usage(message, hint));
        }
        let text = plain(item).ok_or_else(|| {
            let message = format!(
                "{} in {shown} is not a text, a number or a list",
                quoted(key)
            );
            Error::usage(
                message,
                "Write the value as the environment variable has it.",
            )
        })?;
        Ok((name, text))
    });
    entries
        .filter(|entry| !matches!(entry, Ok((_, text)) if text.is_empty()))
        .collect()
}

/// Returns a value as a variable has it: a list is separated by commas.
fn plain(item: &Item) -> Option<String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.value().trim().to_owned()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Boolean(is_set) => Some(is_set.value().to_string()),
        _ => None,
    };
    match item.as_value()? {
        Value::Array(list) => {
            let texts: Option<Vec<String>> = list.iter().map(scalar).collect();
            Some(texts?.join(","))
        }
        value => scalar(value),
    }
}

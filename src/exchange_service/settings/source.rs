//! The text of each setting: from the environment, or else from the file.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Value};
use tracing::warn;

use super::names::{FILES, OWN, PREFIX, PRINCIPAL, is_known};
use crate::error::{Error, Result};
use crate::files::{open_named, read_named};
use crate::input;
use crate::text::quoted;

/// The longest file, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// The least similarity (Jaro) of a mistyped key.
const MIN_SIMILARITY: f64 = 0.85;
/// Starts of variables that Kubernetes sets for a service with this program's name.
const SERVICE_LINKS: [&str; 2] = ["ACSPASS_EXCHANGE_SERVICE", "ACSPASS_EXCHANGE_PORT"];

/// The text of each setting, by the name of its variable.
pub(super) struct Source(BTreeMap<String, String>);

impl Source {
    /// Takes the known variables of the environment, and the others from the file. Returns the faults
    /// of the file's keys too.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the file cannot be read.
    pub(super) fn new(
        environment: &BTreeMap<String, String>,
        file: Option<&Path>,
    ) -> Result<(Source, Vec<Error>)> {
        let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
        for entry in file.map(read).transpose()?.unwrap_or_default() {
            match entry {
                Ok((name, text)) if !text.is_empty() => drop(values.insert(name, text)),
                Ok(_) => {}
                Err(fault) => faults.push(fault),
            }
        }
        for (name, value) in environment {
            let is_link = SERVICE_LINKS.iter().any(|start| name.starts_with(start));
            if is_known(name) && !value.trim().is_empty() {
                values.insert(name.clone(), value.trim().to_owned());
            } else if !is_known(name) && name.starts_with(PREFIX) && !is_link {
                warn!("The variable {name} is no setting of acspass-exchange.");
            }
        }
        Ok((Source(values), faults))
    }

    /// Returns the text of a setting, if it is set.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns an error for each file that a setting names and that cannot be opened.
    pub(super) fn unreadable_files(&self) -> impl Iterator<Item = Error> {
        FILES.into_iter().filter_map(|name| {
            let path = self.text(name)?;
            let cause = open_named(Path::new(path)).err()?;
            let start = match Path::new(path).is_relative() {
                true => " A relative path begins at the folder in which the program starts.",
                false => "",
            };
            let message = format!("could not read {}", quoted(path));
            Some(Error::usage(message, format!("Check {name}.{start}")).caused_by(cause))
        })
    }
}

/// Reads the name and the text of each setting.
fn read(path: &Path) -> Result<Vec<Result<(String, String)>>> {
    let shown = quoted(&path.to_string_lossy());
    let hint =
        "Name a TOML file with the settings in lower case, such as `acspass_exchange_tenants`.";
    let unreadable = |error: std::io::Error| {
        Error::usage(format!("could not read {shown}"), hint).caused_by(error)
    };
    let bytes = read_named(path, MAX_FILE_BYTES).map_err(unreadable)?;
    let text = input::text(&bytes).ok_or_else(|| unreadable(ErrorKind::InvalidData.into()))?;
    // The parser's error quotes the line, which may contain a secret.
    let document: DocumentMut = text
        .parse()
        .map_err(|_| Error::usage(format!("{shown} is not valid TOML"), hint))?;
    let entries = document.iter().map(|(key, item)| {
        let name = key.to_ascii_uppercase();
        if key != key.to_ascii_lowercase() || !is_known(&name) {
            let message = format!("unknown key {} in {shown}", quoted(key));
            return Err(Error::usage(message, hint_for(key)));
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
    Ok(entries.collect())
}

/// Returns the next step for an unknown key: the most similar name.
fn hint_for(key: &str) -> String {
    let key = key.to_ascii_lowercase();
    let names = OWN.iter().chain(&PRINCIPAL);
    let names = names.map(|name| name.to_ascii_lowercase());
    let similarity = |name: &String| strsim::jaro(&key, name);
    let nearest = names.max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    match nearest.filter(|name| similarity(name) > MIN_SIMILARITY) {
        Some(name) => format!("Use {}, or remove the key.", quoted(&name)),
        None => "Remove the key: no setting has a similar name.".to_owned(),
    }
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

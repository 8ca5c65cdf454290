//! Reads the text of a seed, and the published seed.

use std::sync::LazyLock;

use serde::de::DeserializeOwned;

use super::invalid::Invalid;
use super::location;
use super::model::SeedFile;

/// The published seed with its comments, TOML.
pub(super) const PUBLISHED: &str = include_str!("../../../assets/emulator/seed.toml");

/// The published seed. A test parses it, so the fallback is never used.
static PARSED: LazyLock<SeedFile> = LazyLock::new(|| read_toml(PUBLISHED).unwrap_or_default());

/// Returns the published seed.
pub(crate) fn published() -> &'static SeedFile {
    &PARSED
}

/// A value, or its fault and line.
pub(super) type Read<T> = Result<T, (Invalid, Option<usize>)>;

pub(super) fn read_json<T: DeserializeOwned>(text: &str) -> Read<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json);
    let file = read.map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        let line = cause.line();
        // The position is part of the message, after the last " at line ".
        let message = cause.to_string();
        let message = message
            .rsplit_once(" at line ")
            .map_or(&*message, |(text, _)| text);
        (invalid(path, message), Some(line).filter(|line| *line > 0))
    })?;
    json.end().map_err(|error| {
        let message = "there is text after the end of the JSON object";
        (Invalid::new("", message), Some(error.line()))
    })?;
    Ok(file)
}

pub(super) fn read_toml<T: DeserializeOwned>(text: &str) -> Read<T> {
    let located = |path: String, error: &toml_edit::de::Error| {
        let line = error.span().map(|span| location::line_at(text, span.start));
        (invalid(path, error.message()), line)
    };
    let toml = toml_edit::de::Deserializer::parse(text);
    let toml = toml.map_err(|error| located(String::new(), &error))?;
    serde_path_to_error::deserialize(toml).map_err(|error| {
        let path = error.path().to_string();
        located(path, error.inner())
    })
}

/// Makes the fault of a form. A message about a secret could contain it, as could one about a text
/// that is not TOML.
fn invalid(path: String, message: &str) -> Invalid {
    let names_secret = ["keys", "secrets"].iter().any(|name| path.contains(name));
    match names_secret && !message.starts_with("unknown field") {
        true => Invalid::new(path, "the value has a wrong type or form"),
        false => Invalid::new(path, message.replace('\n', " ")),
    }
}

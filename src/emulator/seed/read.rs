//! Reads the text of a seed, and the published seed.

use std::sync::LazyLock;

use serde_json::de::StrRead;
use toml_edit::Document;

use super::invalid::Invalid;
use super::location;
use super::model::SeedFile;
use super::toml::Members;

/// The published seed with its comments, TOML.
pub(super) const PUBLISHED: &str = include_str!("../../../assets/emulator/seed.toml");

/// The published seed. A test parses it, so the fallback is never used.
static PARSED: LazyLock<SeedFile> = LazyLock::new(|| read_toml(PUBLISHED).unwrap_or_default());

/// Returns the published seed.
pub(crate) fn published() -> &'static SeedFile {
    &PARSED
}

/// A seed, or its fault and line.
pub(super) type Read = Result<SeedFile, (Invalid, Option<usize>)>;

pub(super) fn read_json(text: &str) -> Read {
    let mut json = serde_json::Deserializer::from_str(text);
    let file = deserialize(&mut json).map_err(|error| {
        let line = error.inner().line();
        let path = error.path().to_string();
        let message = message(error.inner());
        (invalid(path, &message), Some(line).filter(|line| *line > 0))
    })?;
    json.end().map_err(|error| {
        let message = "there is text after the end of the JSON object";
        (Invalid::new("", message), Some(error.line()))
    })?;
    Ok(file)
}

/// Reads TOML through JSON. The code that reads the form is large, and JSON needs it anyway.
pub(super) fn read_toml(text: &str) -> Read {
    let toml = Document::parse(text).map_err(|error| {
        let line = error.span().map(|span| location::line_at(text, span.start));
        (invalid(String::new(), error.message()), line)
    })?;
    let json = serde_json::to_string(&Members(toml.as_table()));
    let json = json.map_err(|error| (invalid(String::new(), &error.to_string()), None))?;
    deserialize(&mut serde_json::Deserializer::from_str(&json)).map_err(|error| {
        let line = location::line_in_toml(text, error.path());
        let path = error.path().to_string();
        let message = match &*message(error.inner()) {
            // What serde_json reports for a choice that is neither.
            "expected value" => "wanted string or table".to_owned(),
            message => message.to_owned(),
        };
        (invalid(path, &message), line)
    })
}

type Json<'a> = serde_json::Deserializer<StrRead<'a>>;

fn deserialize(
    json: &mut Json<'_>,
) -> Result<SeedFile, serde_path_to_error::Error<serde_json::Error>> {
    serde_path_to_error::deserialize(json)
}

/// Returns the message without its position, which follows the last " at line ".
fn message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((text, _)) => text.to_owned(),
        None => message,
    }
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

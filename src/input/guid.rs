//! Parses GUIDs.

use uuid::Uuid;

use super::value::bare;

/// Returns whether the text is a GUID in Entra's format: 8-4-4-4-12 hexadecimal digits.
pub fn is_guid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// Returns a GUID in Entra's format, in lower case. PowerShell and Windows add braces, which are
/// removed.
pub fn guid(text: &str) -> Option<String> {
    let text = bare(text);
    let braced = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let digits = braced.unwrap_or(text);
    is_guid(digits).then(|| digits.to_ascii_lowercase())
}

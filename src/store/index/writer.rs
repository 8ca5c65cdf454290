//! Writes the index file: JSON with one session a line, so that a reader finds a session without
//! parsing the other lines.
//!
//! ```text
//! {"version":1,"active":[
//! {…},
//! {…}
//! ],"others":[
//! {…}
//! ]}
//! ```
//!
//! The active sessions are first, and each line begins with its tenancy. Other JSON with the same
//! content is valid too; it is read in full. After damage the last line has a note of the loss,
//! `],"lost":{…}}`.

use serde::Deserialize;

use super::contents::{Contents, Lost};

pub(super) const HEAD: &str = "{\"version\":1,\"active\":[";
pub(super) const MIDDLE: &str = "],\"others\":[";
const TAIL: &str = "]}";
/// The start of a last line with a note.
const TAIL_WITH_NOTE: &str = "],";

/// Returns the file's text.
pub(super) fn write(contents: &Contents) -> serde_json::Result<String> {
    let mut text = HEAD.to_owned();
    for (active, end) in [(true, MIDDLE), (false, "")] {
        let mut comma = "";
        let entries = contents.entries.iter();
        for entry in entries.filter(|entry| entry.active == active) {
            text.push_str(comma);
            text.push('\n');
            text.push_str(&serde_json::to_string(entry)?);
            comma = ",";
        }
        text.push('\n');
        text.push_str(end);
    }
    match &contents.lost {
        None => text.push_str(TAIL),
        Some(lost) => {
            let note = serde_json::to_string(lost)?;
            text.push_str(&format!("{TAIL_WITH_NOTE}\"lost\":{note}}}"));
        }
    }
    text.push('\n');
    Ok(text)
}

/// Returns the note in the last line of a file; `None` if this is not a last line in the written form.
pub(super) fn note_in(line: &[u8]) -> Option<Option<Lost>> {
    #[derive(Deserialize)]
    struct Note {
        lost: Lost,
    }
    if line == TAIL.as_bytes() {
        return Some(None);
    }
    let note = line.strip_prefix(TAIL_WITH_NOTE.as_bytes())?;
    let Note { lost } = serde_json::from_slice(&[b"{", note].concat()).ok()?;
    let written = serde_json::to_string(&lost).ok()?;
    (note == format!("\"lost\":{written}}}").as_bytes()).then_some(Some(lost))
}

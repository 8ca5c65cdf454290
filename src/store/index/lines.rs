//! The index file's form: JSON with one session a line, so that a few are found among many
//! without understanding the rest.
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
//! The active sessions stand first, and each line begins with its tenancy: what is looked for most
//! is found soonest. Any JSON of the same content is an index too; it is only read in full.

use memchr::{memchr, memmem, memrchr};

use super::IndexEntry;
use crate::account::Tenancy;

const HEAD: &str = "{\"version\":1,\"active\":[";
const MIDDLE: &str = "],\"others\":[";
const TAIL: &str = "]}";

/// The file's text for these sessions.
pub(super) fn write(entries: &[IndexEntry]) -> serde_json::Result<String> {
    let mut text = HEAD.to_owned();
    for (active, end) in [(true, MIDDLE), (false, TAIL)] {
        let mut comma = "";
        for entry in entries.iter().filter(|entry| entry.active == active) {
            text.push_str(comma);
            text.push('\n');
            text.push_str(&serde_json::to_string(entry)?);
            comma = ",";
        }
        text.push('\n');
        text.push_str(end);
    }
    text.push('\n');
    Ok(text)
}

/// The sessions of this tenancy whose lines have `word` in them (all, where it is empty); `None`
/// where the file is not in this form, or one of those lines cannot be read.
pub(super) fn pick(file: &[u8], tenancy: &Tenancy, word: &str) -> Option<Vec<IndexEntry>> {
    let body = file.strip_prefix(HEAD.as_bytes())?;
    let body = body.strip_suffix(format!("\n{TAIL}\n").as_bytes())?;
    let middle = memmem::find(body, format!("\n{MIDDLE}").as_bytes())?;
    let start = format!("{{\"tenancy\":{}", serde_json::to_string(tenancy).ok()?);
    let sought = match word {
        "" => memmem::Finder::new(start.as_bytes()),
        word => memmem::Finder::new(word.as_bytes()),
    };
    let mut picked = Vec::new();
    let mut from = 0;
    while let Some(hit) = sought.find(&body[from..]) {
        let hit = from + hit;
        let begin = memrchr(b'\n', &body[..hit]).map_or(0, |newline| newline + 1);
        from = memchr(b'\n', &body[hit..]).map_or(body.len(), |length| hit + length);
        let line = &body[begin..from];
        if line.starts_with(start.as_bytes()) {
            let line = line.strip_suffix(b",").unwrap_or(line);
            let entry = serde_json::from_slice(line).ok()?;
            let active = begin < middle;
            picked.push(IndexEntry { active, ..entry });
        }
    }
    Some(picked)
}

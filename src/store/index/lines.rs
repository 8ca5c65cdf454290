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

/// The sessions of this tenancy that have `word` somewhere in them, in any case of its ASCII
/// letters; `None` where the file is not in this form, or has a line that cannot be read.
pub(super) fn pick(text: &str, tenancy: &Tenancy, word: &str) -> Option<Vec<IndexEntry>> {
    let start = format!("{{\"tenancy\":{}", serde_json::to_string(tenancy).ok()?);
    let word = word.to_ascii_lowercase();
    let mut picked = Vec::new();
    let mut lines = text.lines();
    let mut active = true;
    if lines.next()? != HEAD {
        return None;
    }
    loop {
        let line = lines.next()?;
        match line {
            MIDDLE if active => active = false,
            TAIL if !active => return Some(picked),
            _ if !line.starts_with(&start) => {}
            _ if !word.is_empty() && !line.to_ascii_lowercase().contains(&word) => {}
            _ => {
                let line = line.strip_suffix(',').unwrap_or(line);
                let entry = serde_json::from_str(line).ok()?;
                picked.push(IndexEntry { active, ..entry });
            }
        }
    }
}

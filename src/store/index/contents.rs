//! The index file: JSON with one session a line, so that a reader finds a session without parsing the
//! other lines.
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
//! The active sessions are first, and each line begins with its application. Other JSON with the same
//! content is valid too; it is read in full.
//!
//! A damaged line loses at most its entry. The last line has a note of the loss, `],"lost":{…}}`, until
//! the store has been searched: `status` does not open the store, so commands that open it restore the
//! entries.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::{IndexEntry, StoreAndLogin};
use crate::account::EntraApplication;

const VERSION: u32 = 1;

pub(super) const START_OF_ACTIVE: &str = "{\"version\":1,\"active\":[";
pub(super) const START_OF_OTHERS: &str = "],\"others\":[";
const END: &str = "]}";
/// The start of a last line with a note, which ends with `}`.
const START_OF_NOTE: &str = "],\"lost\":";

/// The most applications that the note lists as restored. The oldest are dropped, and restored again.
const MAX_RESTORED: usize = 100;

/// The contents of the index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    pub(super) entries: Vec<IndexEntry>,
    pub(super) lost: Option<DamageNote>,
}

/// The note that the file was damaged, so that entries may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DamageNote {
    /// Whether an active session may be missing.
    pub(super) active: bool,
    /// The applications that were restored from their store since.
    restored: Vec<Restored>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Restored {
    #[serde(rename = "tenancy")]
    application: EntraApplication,
    store: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<String>,
}

#[derive(Deserialize)]
struct IndexJson<E> {
    version: u32,
    active: Vec<E>,
    others: Vec<E>,
    #[serde(default)]
    lost: Option<DamageNote>,
}

impl DamageNote {
    /// Returns whether this application was restored in this login.
    pub(super) fn is_restored(
        &self,
        application: &EntraApplication,
        location: &StoreAndLogin,
    ) -> bool {
        self.restored.iter().any(|restored| {
            restored.application == *application
                && restored.store == location.store
                && restored.login.as_deref() == location.id()
        })
    }

    /// Notes that this application was restored in this login.
    pub(super) fn set_restored(
        &mut self,
        application: &EntraApplication,
        location: &StoreAndLogin,
    ) {
        self.restored.push(Restored {
            application: application.clone(),
            store: location.store.to_owned(),
            login: location.id().map(str::to_owned),
        });
        if self.restored.len() > MAX_RESTORED {
            self.restored.remove(0);
        }
    }
}

/// Returns the file's text.
pub(super) fn write(contents: &Contents) -> serde_json::Result<String> {
    let list = |active| -> serde_json::Result<String> {
        let entries = contents.entries.iter();
        let entries = entries.filter(|entry| entry.active == active);
        let lines = entries.map(|entry| Ok(format!("\n{}", serde_json::to_string(entry)?)));
        Ok(lines.collect::<serde_json::Result<Vec<_>>>()?.join(","))
    };
    let tail = match &contents.lost {
        None => END.to_owned(),
        Some(lost) => format!("{START_OF_NOTE}{}}}", serde_json::to_string(lost)?),
    };
    let (active, others) = (list(true)?, list(false)?);
    Ok(format!(
        "{START_OF_ACTIVE}{active}\n{START_OF_OTHERS}{others}\n{tail}\n"
    ))
}

/// Returns the note in the last line of a file; `None` if this is not a last line in the written form.
pub(super) fn parse_damage_note(line: &[u8]) -> Option<Option<DamageNote>> {
    if line == END.as_bytes() {
        return Some(None);
    }
    let note = line
        .strip_prefix(START_OF_NOTE.as_bytes())?
        .strip_suffix(b"}")?;
    let lost: DamageNote = serde_json::from_slice(note).ok()?;
    let written = serde_json::to_vec(&lost).ok()?;
    (note == written).then_some(Some(lost))
}

/// Returns the contents of a file, which may not exist. The error has the readable entries of a
/// damaged file.
pub(super) fn read(bytes: Option<&[u8]>) -> Result<Contents, Contents> {
    let Some(bytes) = bytes else {
        return Ok(Contents::default());
    };
    if let Some(form) = parse(bytes) {
        let entries = joined(form.active, form.others);
        return without_repetitions(entries, form.lost);
    }
    let (entries, lost) = match parse(bytes) {
        Some(form) => from_values(form),
        None => by_line(bytes),
    };
    let (Ok(salvaged) | Err(salvaged)) = without_repetitions(entries, Some(lost));
    Err(salvaged)
}

fn parse<E: DeserializeOwned>(bytes: &[u8]) -> Option<IndexJson<E>> {
    let form: Option<IndexJson<E>> = serde_json::from_slice(bytes).ok();
    form.filter(|form| form.version == VERSION)
}

fn joined(active: Vec<IndexEntry>, others: Vec<IndexEntry>) -> Vec<IndexEntry> {
    let is_active = |active| move |entry| IndexEntry { active, ..entry };
    let others = others.into_iter().map(is_active(false));
    active
        .into_iter()
        .map(is_active(true))
        .chain(others)
        .collect()
}

/// Removes repeated sessions, and more than one active session for each application. It is an error if
/// there were any.
fn without_repetitions(
    mut entries: Vec<IndexEntry>,
    lost: Option<DamageNote>,
) -> Result<Contents, Contents> {
    let (mut listed, mut active) = (HashSet::new(), HashSet::new());
    let before = entries.len();
    entries.retain(|entry| listed.insert((entry.store.clone(), entry.login.clone(), entry.key())));
    let mut is_whole = entries.len() == before;
    for entry in entries.iter_mut().filter(|entry| entry.active) {
        let (store, login) = (entry.store.clone(), entry.login.clone());
        entry.active = active.insert((store, login, entry.application.clone()));
        is_whole &= entry.active;
    }
    let contents = Contents { entries, lost };
    match is_whole {
        true => Ok(contents),
        false => Err(contents),
    }
}

/// Returns the readable entries of an index that is JSON, with some entries that are not valid.
fn from_values(form: IndexJson<Value>) -> (Vec<IndexEntry>, DamageNote) {
    let readable = |values: Vec<Value>| -> Vec<IndexEntry> {
        let entries = values.into_iter().map(serde_json::from_value);
        entries.flatten().collect()
    };
    let count = form.active.len();
    let active = readable(form.active);
    let lost = DamageNote {
        active: form.lost.is_some_and(|lost| lost.active) || active.len() < count,
        // The new loss has not been restored yet.
        restored: Vec::new(),
    };
    (joined(active, readable(form.others)), lost)
}

/// Returns the readable entries of a damaged file, line by line, and the note of the loss.
fn by_line(bytes: &[u8]) -> (Vec<IndexEntry>, DamageNote) {
    let mut entries = Vec::new();
    let mut lost = DamageNote::default();
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let is_middle = |line: &&[u8]| line.trim_ascii() == START_OF_OTHERS.as_bytes();
    let middle = lines.iter().position(is_middle);
    for (number, line) in lines.iter().enumerate() {
        let mut rest = line.trim_ascii();
        let is_frame = rest == START_OF_ACTIVE.as_bytes()
            || Some(number) == middle
            || parse_damage_note(rest).is_some();
        if is_frame {
            continue;
        }
        // Without the line between the lists, the entry's member `active` decides.
        let stands_first = middle.map(|middle| number < middle);
        while !rest.is_empty() {
            let mut objects = serde_json::Deserializer::from_slice(rest).into_iter::<IndexEntry>();
            let Some(Ok(entry)) = objects.next() else {
                lost.active |= stands_first.unwrap_or(true);
                break;
            };
            rest = rest[objects.byte_offset()..].trim_ascii();
            // Two entries in one line: only the line break between them was lost.
            rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii();
            let active = stands_first.unwrap_or(entry.active);
            entries.push(IndexEntry { active, ..entry });
        }
    }
    // A truncated file may have lost any lines at its end.
    lost.active |= middle.is_none();
    (entries, lost)
}

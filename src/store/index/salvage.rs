//! Reads the whole index file, and the readable entries of a damaged one.
//!
//! A damaged line loses at most its entry. The file has a note of the loss until the store has been
//! searched: `status` does not open the store, so commands that open it restore the entries.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use super::contents::{Contents, Lost};
use super::entry::IndexEntry;
use super::writer::{HEAD, MIDDLE, note_in};

const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Form<E> {
    version: u32,
    active: Vec<E>,
    others: Vec<E>,
    #[serde(default)]
    lost: Option<Lost>,
}

/// Returns the file's contents. The error has the readable entries of a damaged file.
pub(super) fn read(bytes: &[u8]) -> Result<Contents, Contents> {
    if let Ok(form) = serde_json::from_slice::<Form<IndexEntry>>(bytes)
        && form.version == VERSION
    {
        let (entries, is_whole) = without_repetitions(joined(form.active, form.others));
        let contents = Contents {
            entries,
            lost: form.lost,
        };
        return if is_whole {
            Ok(contents)
        } else {
            Err(contents)
        };
    }
    let (entries, lost) = match serde_json::from_slice::<Form<Value>>(bytes) {
        Ok(form) if form.version == VERSION => from_values(form),
        _ => by_line(bytes),
    };
    Err(Contents {
        entries: without_repetitions(entries).0,
        lost: Some(lost),
    })
}

/// Returns the readable entries of an index that is JSON, with some entries that are not valid.
fn from_values(form: Form<Value>) -> (Vec<IndexEntry>, Lost) {
    let mut lost = Lost::default();
    let mut readable = |values: Vec<Value>, is_active: bool| -> Vec<IndexEntry> {
        let entries = values.into_iter().map(serde_json::from_value);
        let entries: Vec<_> = entries.collect();
        lost.active |= is_active && entries.iter().any(Result::is_err);
        entries.into_iter().flatten().collect()
    };
    let entries = joined(readable(form.active, true), readable(form.others, false));
    (entries, form.lost.unwrap_or_default().and(lost))
}

fn joined(active: Vec<IndexEntry>, others: Vec<IndexEntry>) -> Vec<IndexEntry> {
    let active = active.into_iter().map(|entry| (true, entry));
    let others = others.into_iter().map(|entry| (false, entry));
    active
        .chain(others)
        .map(|(active, entry)| IndexEntry { active, ..entry })
        .collect()
}

/// Removes repeated sessions, and more than one active session for each tenancy. Returns `false` if
/// there were any.
fn without_repetitions(entries: Vec<IndexEntry>) -> (Vec<IndexEntry>, bool) {
    let (mut listed, mut active) = (HashSet::new(), HashSet::new());
    let before = entries.len();
    let mut is_whole = true;
    let mut entries: Vec<_> = entries
        .into_iter()
        .filter(|entry| {
            let scope = (entry.store.clone(), entry.login.clone());
            listed.insert((scope, entry.key()))
        })
        .collect();
    is_whole &= entries.len() == before;
    for entry in entries.iter_mut().filter(|entry| entry.active) {
        let scope = (entry.store.clone(), entry.login.clone());
        if !active.insert((scope, entry.tenancy.clone())) {
            entry.active = false;
            is_whole = false;
        }
    }
    (entries, is_whole)
}

/// Returns the readable entries of a damaged file, line by line, and the note of the loss.
fn by_line(bytes: &[u8]) -> (Vec<IndexEntry>, Lost) {
    let mut entries = Vec::new();
    let mut lost = Lost::default();
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let is_middle = |line: &&[u8]| line.trim_ascii() == MIDDLE.as_bytes();
    let middle = lines.iter().position(is_middle);
    // Without the line between the lists, the entry's member `active` decides.
    let stands_first = |number: usize| middle.map(|middle| number < middle);
    for (number, line) in lines.iter().enumerate() {
        let mut rest = line.trim_ascii();
        let is_frame = rest == HEAD.as_bytes() || Some(number) == middle || note_in(rest).is_some();
        if is_frame {
            continue;
        }
        while !rest.is_empty() {
            let mut objects = serde_json::Deserializer::from_slice(rest).into_iter::<IndexEntry>();
            let Some(Ok(entry)) = objects.next() else {
                lost.active |= stands_first(number).unwrap_or(true);
                break;
            };
            rest = rest[objects.byte_offset()..].trim_ascii();
            // Two entries in one line: only the line break between them was lost.
            rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii();
            let active = stands_first(number).unwrap_or(entry.active);
            entries.push(IndexEntry { active, ..entry });
        }
    }
    // A truncated file may have lost any lines at its end.
    lost.active |= middle.is_none();
    (entries, lost)
}

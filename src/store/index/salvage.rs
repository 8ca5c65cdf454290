//! Reading the index file in full, and what can still be read of a damaged one.
//!
//! A damaged line costs its own entry at most. What was lost is noted in the file until the store
//! has been asked for it: `status` never opens the store, so the commands that do are the ones that
//! restore the entries.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lines;
use super::{IndexEntry, LoginScope};
use crate::account::Tenancy;

const VERSION: u32 = 1;

/// Tenancies that the note lists as restored. Beyond that the oldest are asked for once more.
const MOST_RESTORED: usize = 100;

/// What the index holds.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Contents {
    pub(super) entries: Vec<IndexEntry>,
    pub(super) lost: Option<Lost>,
}

/// That the file was damaged, so that entries may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct Lost {
    /// Whether an active session may be among them.
    pub(super) active: bool,
    /// What the stores have been asked for since.
    restored: Vec<Restored>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Restored {
    tenancy: Tenancy,
    store: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<String>,
}

impl Lost {
    /// Whether this place has been asked for its sessions of this tenancy.
    pub(super) fn is_restored(&self, tenancy: &Tenancy, scope: &LoginScope) -> bool {
        self.restored.contains(&Restored::of(tenancy, scope))
    }

    /// Notes that this place has been asked.
    pub(super) fn set_restored(&mut self, tenancy: &Tenancy, scope: &LoginScope) {
        self.restored.push(Restored::of(tenancy, scope));
        if self.restored.len() > MOST_RESTORED {
            self.restored.remove(0);
        }
    }

    fn and(mut self, other: Lost) -> Self {
        self.active |= other.active;
        // What is lost now has not been asked for.
        self.restored.clear();
        self
    }
}

impl Restored {
    fn of(tenancy: &Tenancy, scope: &LoginScope) -> Self {
        Restored {
            tenancy: tenancy.clone(),
            store: scope.store.to_owned(),
            login: scope.login().map(str::to_owned),
        }
    }
}

#[derive(Deserialize)]
struct Form<E> {
    version: u32,
    active: Vec<E>,
    others: Vec<E>,
    #[serde(default)]
    lost: Option<Lost>,
}

/// The file's content; the error is what can be read of a damaged file, with a note of the loss.
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
        _ => lines::salvage(bytes),
    };
    Err(Contents {
        entries: without_repetitions(entries).0,
        lost: Some(lost),
    })
}

/// The entries of an index that is JSON, some of whose entries are not.
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

/// One entry for each session, the first of those in the file, and at most one active session for
/// each tenancy. `false` if there were more.
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

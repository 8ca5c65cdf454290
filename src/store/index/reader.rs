//! Searches the index file for a few sessions, without parsing the lines of others.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};

use super::entry::{IndexEntry, IndexPage};
use super::form;
use super::login_scope::LoginScope;
use super::writer::{HEAD, MIDDLE, note_in};
use crate::account::{Account, Tenancy};

/// The size of the read buffer in bytes. Reusing a few pages is cheaper than reading into new ones.
const CHUNK: usize = 32 * 1024;

/// The longest line in bytes. An entry with 64 tokens of each kind has about 40 KiB.
const LONGEST_LINE: u64 = 1024 * 1024;

/// A query for sessions of a tenancy and a store.
#[derive(Clone, Copy)]
pub(super) enum Query<'a> {
    /// The active session.
    Active,
    /// The sessions whose account matches this name.
    Called(&'a str),
    /// At most this many sessions, the active one first, and the number of the others.
    First(usize),
}

/// Returns the sessions of the query; `None` if the part that was read is not in the written form.
/// Then the file must be read in full.
pub(super) fn find(
    file: impl Read,
    tenancy: &Tenancy,
    scope: &LoginScope,
    query: Query<'_>,
) -> Option<IndexPage> {
    let mut search = Search::new(tenancy, scope, query)?;
    let mut lines = Lines::of(file);
    if lines.next()? != HEAD.as_bytes() {
        return None;
    }
    let mut active = true;
    // Whether the previous line was an entry, and whether a comma followed it.
    let mut comma = None;
    loop {
        let line = lines.next()?;
        if active && line == MIDDLE.as_bytes() {
            if comma == Some(true) {
                return None;
            }
            if search.only_active {
                return Some(search.page);
            }
            (active, comma) = (false, None);
        } else if !active && line.starts_with(b"]") {
            let lost = note_in(line)?;
            let mut page = search.page;
            page.is_incomplete = lost.is_some_and(|lost| !lost.is_restored(tenancy, scope));
            return (comma != Some(true) && lines.have_ended()).then_some(page);
        } else {
            if comma == Some(false) {
                return None;
            }
            let entry = line.strip_suffix(b",");
            comma = Some(entry.is_some());
            let is_found = search.take(entry.unwrap_or(line), active)?;
            if is_found && search.only_active {
                return Some(search.page);
            }
        }
    }
}

/// A search for sessions, line by line.
struct Search<'a> {
    scope: &'a LoginScope,
    /// Tenancy and store in the form of a line.
    tenancy: Vec<u8>,
    store: Vec<u8>,
    only_active: bool,
    name: Option<&'a str>,
    most: usize,
    /// Login and account of the sessions of this tenancy and store that were read so far.
    listed: HashSet<(Option<Vec<u8>>, Vec<u8>)>,
    /// The logins of the active sessions among them.
    actives: HashSet<Option<Vec<u8>>>,
    page: IndexPage,
}

impl<'a> Search<'a> {
    fn new(tenancy: &Tenancy, scope: &'a LoginScope, query: Query<'a>) -> Option<Self> {
        let (only_active, name, most) = match query {
            Query::Active => (true, None, 1),
            Query::Called(name) => (false, Some(name), usize::MAX),
            Query::First(most) => (false, None, most),
        };
        Some(Search {
            scope,
            tenancy: serde_json::to_vec(tenancy).ok()?,
            store: serde_json::to_vec(scope.store).ok()?,
            only_active,
            name,
            most,
            listed: HashSet::new(),
            actives: HashSet::new(),
            page: IndexPage::default(),
        })
    }

    /// Adds the entry in this line if it matches the query, and returns whether it does. `None` if
    /// the line is in another form, or repeats a session.
    fn take(&mut self, line: &[u8], active: bool) -> Option<bool> {
        let parts = form::split(line, active)?;
        if parts.tenancy != self.tenancy || parts.store != self.store {
            return Some(false);
        }
        let login = parts.login.map(<[u8]>::to_vec);
        let is_first = !active || self.actives.insert(login.clone());
        let session = (login, parts.home_account_id.to_vec());
        if !is_first || !self.listed.insert(session) {
            return None;
        }
        if let Some(name) = self.name
            && serde_json::from_slice::<Account>(parts.account)
                .ok()?
                .match_name(name)
                .is_none()
        {
            return Some(false);
        }
        let is_full = self.page.entries.len() == self.most;
        if is_full && self.scope.is_shared() {
            self.page.left += 1;
            return Some(true);
        }
        let entry = serde_json::from_slice(line).ok()?;
        let entry = IndexEntry { active, ..entry };
        match self.scope.includes(&entry) {
            false => return Some(false),
            true if is_full => self.page.left += 1,
            true => self.page.entries.push(entry),
        }
        Some(true)
    }
}

/// The lines of a file, one at a time.
struct Lines<R> {
    file: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    fn of(file: R) -> Self {
        Lines {
            file: BufReader::with_capacity(CHUNK, file),
            line: Vec::new(),
        }
    }

    /// Returns the next whole line without its end; `None` if there is none, or it cannot be read.
    fn next(&mut self) -> Option<&[u8]> {
        self.line.clear();
        let mut file = self.file.by_ref().take(LONGEST_LINE);
        file.read_until(b'\n', &mut self.line).ok()?;
        self.line.strip_suffix(b"\n")
    }

    fn have_ended(&mut self) -> bool {
        self.file.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

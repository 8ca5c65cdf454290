//! The index, and the search for a few of its sessions, without parsing the lines of others.
//!
//! Reading takes no lock, because a change replaces the whole file. Only the repair of a damaged file
//! does.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::sync::Mutex;

use super::contents::{self, Contents, START_OF_ACTIVE, START_OF_OTHERS};
use super::entry::{IndexEntry, IndexPage, StoreAndLogin};
use super::line::LineParts;
use super::view::Index;
use crate::account::{Account, EntraApplication};
use crate::error::Result;
use crate::files::{Folder, none_if_missing};
use crate::store::state_folder;

pub(super) const NAME: &str = "index.json";

/// The longest index that is read, in bytes, which is about 100,000 sessions. More is damage.
const MAX_INDEX_BYTES: u64 = 128 * 1024 * 1024;

/// The size of the read buffer in bytes. Reusing a few pages is cheaper than reading into new ones.
const CHUNK: usize = 32 * 1024;

/// The longest line in bytes. An entry with 64 tokens of each kind has about 40 KiB.
const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// The storage of the index: one file in the state folder, or this process's memory.
#[derive(Debug)]
pub(crate) enum IndexStorage {
    File(Folder),
    Memory(Mutex<Contents>),
}

/// A query for sessions of an application and a store.
#[derive(Clone, Copy)]
pub(crate) enum Query<'a> {
    /// The active session.
    Active,
    /// The sessions whose account matches this name. A search of the whole file returns others too.
    ByName(&'a str),
    /// At most this many sessions, the active one first, and the number of the others.
    First(usize),
}

impl IndexStorage {
    pub(crate) fn new(folder: Option<&Folder>) -> Self {
        match folder {
            Some(folder) => IndexStorage::File(folder.clone()),
            None => IndexStorage::Memory(Mutex::default()),
        }
    }

    /// Returns the sessions of the query. Parses no other sessions, unless the file must be read in
    /// full: if it is in another form, or if the active session is requested and missing, since its
    /// line may be damaged.
    pub(crate) fn search(
        &self,
        application: &EntraApplication,
        location: &StoreAndLogin,
        query: Query<'_>,
    ) -> Result<IndexPage> {
        // Reading in full reports the error of a file that does not open.
        if let IndexStorage::File(folder) = self
            && let Ok(file) = folder.open(NAME)
            && let Some(page) = find(file.take(MAX_INDEX_BYTES), application, location, query)
        {
            return Ok(page);
        }
        let index = self.read(location)?;
        let mut entries: Vec<_> = index.of_application(application).cloned().collect();
        entries.sort_by_key(|entry| !entry.active);
        let limit = match query {
            Query::Active => entries.iter().take_while(|entry| entry.active).count(),
            Query::ByName(_) => usize::MAX,
            Query::First(limit) => limit,
        };
        let left = entries.len().saturating_sub(limit);
        entries.truncate(limit);
        Ok(IndexPage {
            entries,
            remaining: left,
            is_incomplete: index.is_incomplete(application),
        })
    }

    /// Returns the readable entries for this login, and changes no file.
    pub(crate) fn peek(&self, location: &StoreAndLogin) -> Vec<IndexEntry> {
        let mut entries = match self {
            IndexStorage::File(folder) => {
                let bytes = bytes(folder).ok().flatten();
                let (Ok(contents) | Err(contents)) = contents::read(bytes.as_deref());
                contents.entries
            }
            IndexStorage::Memory(_) => Vec::new(),
        };
        entries.retain(|entry| location.includes(entry));
        entries
    }

    /// Reads the whole index for this login. A damaged file is replaced by its readable entries.
    pub(crate) fn read(&self, location: &StoreAndLogin) -> Result<Index> {
        let contents = match self {
            IndexStorage::File(folder) => contents::read(bytes(folder)?.as_deref()).ok(),
            IndexStorage::Memory(_) => None,
        };
        let contents = match contents {
            Some(contents) => contents,
            // Under the lock, since another process may have replaced a damaged file already.
            None => self.repair()?,
        };
        Ok(Index::new(contents, location))
    }
}

/// Returns the file's bytes, up to the longest index; `None` if there is no file.
pub(super) fn bytes(folder: &Folder) -> Result<Option<Vec<u8>>> {
    let read = || {
        let mut bytes = Vec::new();
        folder
            .open(NAME)?
            .take(MAX_INDEX_BYTES)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    none_if_missing(read()).map_err(state_folder::error_mapper("read the index", folder, NAME))
}

/// Returns the sessions of the query; `None` if the part that was read is not in the written form, or if
/// the active session is requested and missing. Then the file must be read in full.
pub(super) fn find(
    file: impl Read,
    application: &EntraApplication,
    location: &StoreAndLogin,
    query: Query<'_>,
) -> Option<IndexPage> {
    let mut file = BufReader::with_capacity(CHUNK, file);
    let mut line = Vec::new();
    let mut search = Search {
        location,
        query,
        application: serde_json::to_vec(application).ok()?,
        store: serde_json::to_vec(location.store).ok()?,
        listed: HashSet::new(),
        actives: HashSet::new(),
        page: IndexPage::default(),
    };
    if next_line(&mut file, &mut line)? != START_OF_ACTIVE.as_bytes() {
        return None;
    }
    let mut active = true;
    // Whether the previous line was an entry of this list, and whether a comma followed it.
    let mut comma = None;
    loop {
        let line = next_line(&mut file, &mut line)?;
        let is_end = line.starts_with(b"]");
        // A comma precedes each further entry, and not the end of the list.
        if comma == Some(is_end) {
            return None;
        }
        if !is_end {
            let entry = line.strip_suffix(b",");
            comma = Some(entry.is_some());
            let is_found = search.add_if_match(entry.unwrap_or(line), active)?;
            if is_found && matches!(query, Query::Active) {
                return Some(search.page);
            }
        } else if active {
            if line != START_OF_OTHERS.as_bytes() || matches!(query, Query::Active) {
                return None;
            }
            (active, comma) = (false, None);
        } else {
            let lost = contents::parse_damage_note(line)?;
            let mut page = search.page;
            page.is_incomplete = lost.is_some_and(|lost| !lost.is_restored(application, location));
            return file.fill_buf().is_ok_and(<[u8]>::is_empty).then_some(page);
        }
    }
}

/// Returns the next whole line without its end; `None` if there is none, or it cannot be read.
fn next_line<'l>(file: &mut impl BufRead, line: &'l mut Vec<u8>) -> Option<&'l [u8]> {
    line.clear();
    let mut file = file.take(MAX_LINE_BYTES);
    file.read_until(b'\n', line).ok()?;
    line.strip_suffix(b"\n")
}

/// A search for sessions, line by line.
struct Search<'a> {
    location: &'a StoreAndLogin,
    query: Query<'a>,
    /// The application and the store as they are in a line.
    application: Vec<u8>,
    store: Vec<u8>,
    /// The login session and account of the sessions of this application and store that were read so far.
    listed: HashSet<(Option<Vec<u8>>, Vec<u8>)>,
    /// The logins of the active sessions among them.
    actives: HashSet<Option<Vec<u8>>>,
    page: IndexPage,
}

impl Search<'_> {
    /// Adds the entry in this line if it matches the query, and returns whether it does. `None` if
    /// the line is in another form, or repeats a session or the active session of a login.
    fn add_if_match(&mut self, line: &[u8], active: bool) -> Option<bool> {
        let parts = LineParts::scan(line, active)?;
        if parts.application != self.application || parts.store != self.store {
            return Some(false);
        }
        let login = parts.login.map(<[u8]>::to_vec);
        let is_first = !active || self.actives.insert(login.clone());
        let session = (login, parts.home_account_id.to_vec());
        if !is_first || !self.listed.insert(session) {
            return None;
        }
        if let Query::ByName(name) = self.query {
            let account: Account = serde_json::from_slice(parts.account).ok()?;
            if account.match_name(name).is_none() {
                return Some(false);
            }
        }
        let is_full = matches!(self.query, Query::First(limit) if self.page.entries.len() == limit);
        if is_full && self.location.is_shared() {
            self.page.remaining += 1;
            return Some(true);
        }
        let entry = serde_json::from_slice(line).ok()?;
        let entry = IndexEntry { active, ..entry };
        match self.location.includes(&entry) {
            false => return Some(false),
            true if is_full => self.page.remaining += 1,
            true => self.page.entries.push(entry),
        }
        Some(true)
    }
}

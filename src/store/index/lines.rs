//! The index file's form: JSON with one session a line, so that a few are found among many
//! without parsing the rest.
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
//! is found soonest. Any JSON of the same content is an index too; it is only read in full. After
//! a damage the last line also has a note of the loss, `],"lost":{…}}`.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use super::form;
use super::salvage::{Contents, Lost};
use super::{IndexEntry, IndexPage, LoginScope};
use crate::account::{Account, Tenancy};

const HEAD: &str = "{\"version\":1,\"active\":[";
const MIDDLE: &str = "],\"others\":[";
const TAIL: &str = "]}";
/// The last line with a note: this, the note, and the object's end.
const TAIL_WITH_NOTE: &str = "],";

/// How much of the file is in memory at once: a few pages, used again and again, cost less than
/// fresh ones for all of it.
const CHUNK: usize = 32 * 1024;

/// No entry is as long as this: 64 tokens of each kind take some 40 KiB.
const LONGEST_LINE: u64 = 1024 * 1024;

/// Which sessions of a tenancy and a store are looked for.
#[derive(Clone, Copy)]
pub(super) enum Query<'a> {
    /// The active one.
    Active,
    /// Those whose account this name fits.
    Called(&'a str),
    /// This many, the active one first; the others are counted.
    First(usize),
}

/// The file's text for this content.
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

/// The note in the last line of a file; `None` if this is not a last line as it is written.
fn note_in(line: &[u8]) -> Option<Option<Lost>> {
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

/// What is sought; `None` if the file, as far as it was read, is not as [`write()`] writes it. Then
/// only reading in full can tell.
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
    // Whether the line before was an entry, and whether a comma followed it.
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

/// A look for some sessions, line by line.
struct Search<'a> {
    scope: &'a LoginScope,
    /// Tenancy and store as a line has them.
    tenancy: Vec<u8>,
    store: Vec<u8>,
    only_active: bool,
    name: Option<&'a str>,
    most: usize,
    /// Login and account of each session of this tenancy and store so far, as the lines have them.
    listed: HashSet<(Option<Vec<u8>>, Vec<u8>)>,
    /// The logins of the active ones among them.
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

    /// Takes an entry's line, if it is sought: whether it is. `None` if the line is in another form,
    /// or repeats a session: the reader of the whole file decides what counts.
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
                .fit(name)
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
        match self.scope.holds(&entry) {
            false => return Some(false),
            true if is_full => self.page.left += 1,
            true => self.page.entries.push(entry),
        }
        Some(true)
    }
}

/// Every entry that can still be read in a damaged file, and a note of what is lost. A line costs
/// no other line's entry.
pub(super) fn salvage(bytes: &[u8]) -> (Vec<IndexEntry>, Lost) {
    let mut entries = Vec::new();
    let mut lost = Lost::default();
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let is_middle = |line: &&[u8]| line.trim_ascii() == MIDDLE.as_bytes();
    let middle = lines.iter().position(is_middle);
    // Without the line between the lists, an entry's own word decides.
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
            // Two entries in one line have lost the end of a line between them, and no more.
            rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii();
            let active = stands_first(number).unwrap_or(entry.active);
            entries.push(IndexEntry { active, ..entry });
        }
    }
    // A file that was cut may have lost any number of lines at its end.
    lost.active |= middle.is_none();
    (entries, lost)
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

    /// The next whole line, without its end; `None` if there is none, or it cannot be read.
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

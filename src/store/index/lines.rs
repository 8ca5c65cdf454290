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
//! is found soonest. Any JSON of the same content is an index too; it is only read in full. After
//! a damage the last line also has a note of the loss, `],"lost":{…}}`.

use std::io::{BufRead, BufReader, Read};

use memchr::memmem::Finder;
use serde::Deserialize;

use super::salvage::{Contents, Lost};
use super::{Few, IndexEntry, Place};
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
pub(super) enum Sought<'a> {
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

/// The note in the last line of a file; `None` if this is not a last line.
fn note_in(line: &[u8]) -> Option<Option<Lost>> {
    #[derive(Deserialize)]
    struct Note {
        lost: Lost,
    }
    if line == TAIL.as_bytes() {
        return Some(None);
    }
    let note = line.strip_prefix(TAIL_WITH_NOTE.as_bytes())?;
    let note = serde_json::from_slice::<Note>(&[b"{", note].concat()).ok()?;
    Some(Some(note.lost))
}

/// What is sought; `None` if the file is not in this form, or one of those lines cannot be read.
pub(super) fn find(
    file: impl Read,
    tenancy: &Tenancy,
    place: &Place,
    sought: Sought<'_>,
) -> Option<Few> {
    let start = format!("{{\"tenancy\":{},", serde_json::to_string(tenancy).ok()?);
    let in_store = format!(",\"store\":{},", serde_json::to_string(place.store).ok()?);
    let in_store = Finder::new(&in_store);
    let (only_active, name, most) = match sought {
        Sought::Active => (true, None, 1),
        Sought::Called(name) => (false, Some(name), usize::MAX),
        Sought::First(most) => (false, None, most),
    };

    let mut lines = Lines::of(file);
    if lines.next()? != HEAD.as_bytes() {
        return None;
    }
    let mut few = Few::default();
    let mut active = true;
    loop {
        let line = lines.next()?;
        if active && line == MIDDLE.as_bytes() {
            if only_active {
                return Some(few);
            }
            active = false;
        } else if !active && line.starts_with(b"]") {
            let lost = note_in(line)?;
            few.is_incomplete = lost.is_some_and(|lost| !lost.is_restored(tenancy, place));
            return lines.have_ended().then_some(few);
        } else if !looks_whole(line) {
            return None;
        } else if !line.starts_with(start.as_bytes()) || in_store.find(line).is_none() {
            continue;
        } else if let Some(name) = name
            && account(&line[start.len()..])?.fit(name).is_none()
        {
            continue;
        } else if few.entries.len() == most && place.is_shared() {
            few.left += 1;
        } else {
            let line = line.strip_suffix(b",").unwrap_or(line);
            let entry = serde_json::from_slice(line).ok()?;
            let entry = IndexEntry { active, ..entry };
            match place.holds(&entry) {
                false => continue,
                true if few.entries.len() == most => few.left += 1,
                true => few.entries.push(entry),
            }
            if only_active {
                return Some(few);
            }
        }
    }
}

/// The account of a session, from the rest of its line after the tenancy. The remainder of the line
/// is not parsed. `None` if the account does not come next.
fn account(rest: &[u8]) -> Option<Account> {
    let json = rest.strip_prefix(b"\"account\":")?;
    serde_json::Deserializer::from_slice(json)
        .into_iter()
        .next()?
        .ok()
}

/// Whether a line begins and ends as an entry does. Less than reading it, and enough to see that a
/// file was cut, or written over.
fn looks_whole(line: &[u8]) -> bool {
    let line = line.strip_suffix(b",").unwrap_or(line);
    line.starts_with(b"{\"tenancy\":{") && line.ends_with(b"}")
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

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

use std::io::{BufRead, BufReader, Read};

use memchr::memmem::Finder;

use super::{Few, IndexEntry};
use crate::account::{Account, Tenancy};

const HEAD: &str = "{\"version\":1,\"active\":[";
const MIDDLE: &str = "],\"others\":[";
const TAIL: &str = "]}";

/// How much of the file is in memory at once: a few pages, used again and again, cost less than
/// fresh ones for all of it.
const CHUNK: usize = 32 * 1024;

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

/// What is sought; `None` where the file is not in this form, or one of those lines cannot be read.
pub(super) fn find(
    file: impl Read,
    tenancy: &Tenancy,
    store: &str,
    sought: Sought<'_>,
) -> Option<Few> {
    let start = format!("{{\"tenancy\":{},", serde_json::to_string(tenancy).ok()?);
    let in_store = format!(",\"store\":{},", serde_json::to_string(store).ok()?);
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
        } else if !active && line == TAIL.as_bytes() {
            return lines.have_ended().then_some(few);
        } else if !line.starts_with(start.as_bytes()) || in_store.find(line).is_none() {
            continue;
        } else if let Some(name) = name
            && account(&line[start.len()..])?.fit(name).is_none()
        {
            continue;
        } else if few.entries.len() == most {
            few.left += 1;
        } else {
            let line = line.strip_suffix(b",").unwrap_or(line);
            let entry = serde_json::from_slice(line).ok()?;
            few.entries.push(IndexEntry { active, ..entry });
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

    /// The next whole line, without its end; `None` where there is none, or it cannot be read.
    fn next(&mut self) -> Option<&[u8]> {
        self.line.clear();
        self.file.read_until(b'\n', &mut self.line).ok()?;
        self.line.strip_suffix(b"\n")
    }

    fn have_ended(&mut self) -> bool {
        self.file.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

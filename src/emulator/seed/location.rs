//! The line of a key in the text of a seed.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};
use toml_edit::{Document, Item};

/// A step from a value to one inside it.
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Returns the line, from one, of the value at a path such as `users[2].tenant`, or of the nearest
/// value around it; `None` if the text cannot be parsed.
pub(super) fn line_of(text: &str, is_json: bool, path: &str) -> Option<usize> {
    let steps = steps(path);
    let offset = match is_json {
        true => in_json(text, &steps),
        false => in_toml(text, &steps),
    };
    offset.map(|offset| line_at(text, offset))
}

/// Returns the line, from one, of the value at the path of an error in TOML, or of the nearest value
/// around it.
pub(super) fn line_in_toml(text: &str, path: &Path) -> Option<usize> {
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key)),
        Segment::Enum { variant } => Some(Step::Key(variant)),
        Segment::Unknown => None,
    });
    let offset = in_toml(text, &steps.collect::<Vec<_>>());
    offset.map(|offset| line_at(text, offset))
}

/// Returns the line, from one, of this byte.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

fn steps(path: &str) -> Vec<Step<'_>> {
    let parts = path.split(['.', '[']).filter(|part| !part.is_empty());
    let steps = parts.map(|part| match part.strip_suffix(']') {
        Some(index) => Step::Index(index.parse().unwrap_or_default()),
        None => Step::Key(part),
    });
    steps.collect()
}

fn in_json(text: &str, steps: &[Step<'_>]) -> Option<usize> {
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    for step in steps {
        let inner = match step {
            Step::Key(key) => {
                let members: Option<HashMap<Cow<'_, str>, &RawValue>> =
                    serde_json::from_str(value.get()).ok();
                members.and_then(|members| members.get(*key).copied())
            }
            Step::Index(index) => {
                let members: Option<Vec<&RawValue>> = serde_json::from_str(value.get()).ok();
                members.and_then(|members| members.get(*index).copied())
            }
        };
        let Some(inner) = inner else { break };
        value = inner;
    }
    // The value borrows from the text.
    value
        .get()
        .as_ptr()
        .addr()
        .checked_sub(text.as_ptr().addr())
}

fn in_toml(text: &str, steps: &[Step<'_>]) -> Option<usize> {
    let document = Document::parse(text).ok()?;
    let mut item: &Item = document.as_item();
    let mut offset = None;
    for step in steps {
        let inner = match step {
            Step::Key(key) => item.get(key),
            Step::Index(index) => item.get(index),
        };
        let Some(inner) = inner else { break };
        item = inner;
        offset = item.span().map(|span| span.start).or(offset);
    }
    offset
}

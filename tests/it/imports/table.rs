//! The table of docs/architecture.md.

use std::collections::{BTreeMap, BTreeSet};

/// A module, and the modules that it may import.
pub(super) type Table = BTreeMap<String, BTreeSet<String>>;

/// Reads the block that begins with "```imports": one line per module, `module: a, b`.
pub(super) fn parse(page: &str) -> Result<Table, String> {
    let (_, block) = page
        .split_once("```imports\n")
        .ok_or("no block `imports`")?;
    let (block, _) = block.split_once("\n```").ok_or("the block does not end")?;
    let mut table = Table::new();
    for line in block.lines() {
        let (module, list) = line
            .split_once(": ")
            .ok_or(format!("not a module: `{line}`"))?;
        let list = match list.trim() {
            "nothing" => BTreeSet::new(),
            list => list
                .split(", ")
                .map(|name| name.trim().to_owned())
                .collect(),
        };
        if table.insert(module.trim().to_owned(), list).is_some() {
            return Err(format!("{module} has two lines"));
        }
    }
    let unknown = table
        .values()
        .flatten()
        .find(|name| !table.contains_key(*name));
    match unknown {
        Some(name) => Err(format!("{name} has no line")),
        None if table.is_empty() => Err("the table is empty".to_owned()),
        None => Ok(table),
    }
}

#[test]
fn a_table_that_does_not_parse_is_an_error() {
    let page = |block: &str| format!("text\n```imports\n{block}\n```\ntext");
    assert!(parse(&page("a: b\nb: nothing")).is_ok());
    for wrong in ["", "a b", "a: c", "a: nothing\na: nothing", "a -> b"] {
        assert!(parse(&page(wrong)).is_err(), "{wrong}");
    }
    assert!(parse("a: b").is_err(), "no block");
    assert!(parse("```imports\na: nothing").is_err(), "no end");
}

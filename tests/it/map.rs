//! The map of docs/architecture.md holds: no room imports what the table does not let it import.

#![expect(
    clippy::expect_used,
    reason = "a helper that cannot go on ends the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A room, and the rooms it may import.
type Table = BTreeMap<String, BTreeSet<String>>;

/// Reads the block that begins with "```imports": one line a room, `room: may import these`.
fn table(page: &str) -> Result<Table, String> {
    let (_, block) = page
        .split_once("```imports\n")
        .ok_or("no block `imports`")?;
    let (block, _) = block.split_once("\n```").ok_or("the block does not end")?;
    let mut table = Table::new();
    for line in block.lines() {
        let (room, list) = line
            .split_once(": ")
            .ok_or(format!("not a room: `{line}`"))?;
        let list = match list.trim() {
            "nothing" => BTreeSet::new(),
            list => list
                .split(", ")
                .map(|name| name.trim().to_owned())
                .collect(),
        };
        if table.insert(room.trim().to_owned(), list).is_some() {
            return Err(format!("{room} stands there twice"));
        }
    }
    let unknown = table
        .values()
        .flatten()
        .find(|name| !table.contains_key(*name));
    match unknown {
        Some(name) => Err(format!("{name} is imported and is no room")),
        None if table.is_empty() => Err("the table is empty".to_owned()),
        None => Ok(table),
    }
}

/// The first names after every `crate::`, `acspass::` and every `super::` chain that leaves the
/// room, where `depth` is how many folders and files deep the module lies below `src`.
fn imports(text: &str, depth: usize) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for root in [
        "crate::".to_owned(),
        "acspass::".to_owned(),
        "super::".repeat(depth),
    ] {
        let is_super = root.starts_with("super");
        for (at, _) in code.match_indices(&root) {
            let is_part_of_a_name = code[..at]
                .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '"');
            if !is_part_of_a_name {
                let names = first_names(&code[at + root.len()..]);
                found.extend(names.into_iter().map(|name| (is_super, name)));
            }
        }
    }
    // `super::x` may mean something within the room; only the name of a room counts there.
    found
        .into_iter()
        .filter(|(is_super, name)| !name.is_empty() && (!is_super || is_a_room(name)))
        .map(|(_, name)| name)
        .collect()
}

/// The first segments of a path, or of each path in a `{…}` group.
fn first_names(path: &str) -> Vec<String> {
    let first = |path: &str| {
        let name = path.trim_start();
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
        name[..end.unwrap_or(name.len())].to_owned()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![first(path)];
    };
    let (mut level, mut names, mut rest) = (0, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            ',' if level == 0 => names.push(std::mem::take(&mut rest)),
            '}' if level == 0 => break,
            '{' => level += 1,
            '}' => level -= 1,
            c => rest.push(c),
        }
    }
    names.push(rest);
    names.iter().map(|name| first(name)).collect()
}

fn is_a_room(name: &str) -> bool {
    let src = Path::new(ROOT).join("src");
    src.join(name).is_dir() || src.join(format!("{name}.rs")).is_file()
}

/// What the crate's root exports by name, and the room that it is from.
fn re_exports() -> BTreeMap<String, String> {
    let root = fs::read_to_string(Path::new(ROOT).join("src/lib.rs")).expect("src/lib.rs");
    root.lines()
        .filter_map(|line| line.strip_prefix("pub use ")?.split_once("::"))
        .flat_map(|(room, names)| {
            let names = names.split(['{', '}', ',', ' ', ';']);
            names.map(|name| (name.to_owned(), room.to_owned()))
        })
        .collect()
}

/// Every import of `text` that the table forbids to `room`, in words.
fn forbidden(table: &Table, room: &str, text: &str, depth: usize) -> Vec<String> {
    let exports = re_exports();
    let Some(allowed) = table.get(room) else {
        return vec![format!("{room} is not on the map")];
    };
    imports(text, depth)
        .into_iter()
        .map(|name| exports.get(&name).cloned().unwrap_or(name))
        .filter(|name| name != room && !allowed.contains(name))
        .map(|name| format!("{room} imports {name}"))
        .collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of src") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn the_map() -> Table {
    let page = Path::new(ROOT).join("docs/architecture.md");
    table(&fs::read_to_string(page).expect("docs/architecture.md")).expect("a table that parses")
}

#[test]
fn no_room_imports_what_the_map_does_not_allow() {
    let table = the_map();
    let src = Path::new(ROOT).join("src");
    let (mut all, mut wrong, mut rooms) = (Vec::new(), Vec::new(), BTreeSet::new());
    files(&src, &mut all);
    for path in &all {
        let inside = path
            .strip_prefix(&src)
            .expect("below src")
            .with_extension("");
        let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
        let depth = parts.iter().filter(|part| **part != "mod").count();
        rooms.insert(parts[0].to_owned());
        let text = fs::read_to_string(path).expect("a source file");
        for what in forbidden(&table, parts[0], &text, depth) {
            wrong.push(format!("{}: {what}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "forbidden:\n{}", wrong.join("\n"));
    let on_the_map: BTreeSet<String> = table.into_keys().collect();
    assert_eq!(rooms, on_the_map, "the rooms of src, and those on the map");
}

#[test]
fn a_forbidden_import_is_seen_in_every_way_it_can_be_written() {
    let table = the_map();
    let ways = [
        "use crate::store::Vault;",
        "use crate::{error::Error, store::{Vault, Record}};",
        "use crate::{\n    acs,\n    error::{Error, Kind},\n};",
        "fn f() { let _ = crate::store::Vault::new(); }",
        "use super::super::store::Vault;",
        "pub(crate) use crate::session;",
    ];
    for options in ways {
        assert_eq!(forbidden(&table, "entra", options, 2).len(), 1, "{options}");
    }
    let fine = "//! See crate::store.\nuse crate::error::Error;\nuse crate::Kind;\nuse super::x;";
    assert_eq!(forbidden(&table, "entra", fine, 2), Vec::<String>::new());
    assert_eq!(forbidden(&table, "attic", fine, 2).len(), 1, "no such room");
}

#[test]
fn a_table_that_does_not_parse_is_a_failure() {
    let page = |block: &str| format!("text\n```imports\n{block}\n```\ntext");
    assert!(table(&page("a: b\nb: nothing")).is_ok());
    for wrong in ["", "a b", "a: c", "a: nothing\na: nothing", "a -> b"] {
        assert!(table(&page(wrong)).is_err(), "{wrong}");
    }
    assert!(table("a: b").is_err(), "no block");
    assert!(table("```imports\na: nothing").is_err(), "no end");
}

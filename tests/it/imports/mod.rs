//! The imports between the files of `src`: modules follow the table in docs/architecture.md, and no
//! two files import each other, directly or through others.

mod cycles;
mod source;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::{Source, read_all};
use table::{Table, parse};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn sources() -> Vec<Source> {
    read_all(&Path::new(ROOT).join("src"))
}

fn the_table() -> Table {
    let page = Path::new(ROOT).join("docs/architecture.md");
    let page = std::fs::read_to_string(page).expect("docs/architecture.md");
    parse(&page).expect("a table that parses")
}

/// Names that the crate's root exports, and the module that defines each.
fn root_exports(sources: &[Source]) -> BTreeMap<String, String> {
    let root = sources.iter().find(|source| source.path == ["lib"]);
    let imports = root.expect("src/lib.rs").imports.iter();
    imports
        .filter(|path| path.len() > 1)
        .map(|path| (path[path.len() - 1].clone(), path[0].clone()))
        .collect()
}

/// Describes each import of `source` that the table forbids.
fn forbidden(table: &Table, exports: &BTreeMap<String, String>, source: &Source) -> Vec<String> {
    let module = &source.path[0];
    let Some(allowed) = table.get(module) else {
        return vec![format!("{module} is not in the table")];
    };
    let imported: BTreeSet<&String> = source
        .imports
        .iter()
        .map(|path| exports.get(&path[0]).unwrap_or(&path[0]))
        .collect();
    imported
        .into_iter()
        .filter(|name| *name != module && !allowed.contains(*name))
        .map(|name| format!("{module} imports {name}"))
        .collect()
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let (table, sources) = (the_table(), sources());
    let exports = root_exports(&sources);
    let wrong: Vec<String> = sources
        .iter()
        .flat_map(|source| {
            let found = forbidden(&table, &exports, source);
            found
                .into_iter()
                .map(|what| format!("{}: {what}", source.path.join("/")))
        })
        .collect();
    assert!(wrong.is_empty(), "forbidden:\n{}", wrong.join("\n"));
    let modules: BTreeSet<String> = sources
        .iter()
        .map(|source| source.path[0].clone())
        .collect();
    let listed: BTreeSet<String> = table.into_keys().collect();
    assert_eq!(
        modules, listed,
        "the modules of src, and those of the table"
    );
}

#[test]
fn every_form_of_a_forbidden_import_is_found() {
    let (table, sources) = (the_table(), sources());
    let exports = root_exports(&sources);
    let imports = |text: &str| {
        let source = Source::of(&["entra", "sign_in", "code"], text, &sources);
        forbidden(&table, &exports, &source)
    };
    for text in [
        "use crate::store::SessionStore;",
        "use crate::{error::Error, store::{SessionStore, Record}};",
        "use crate::{\n    acs,\n    error::{Error, Kind},\n};",
        "fn f() { let _ = crate::store::SessionStore::new(); }",
        "use super::super::super::store::SessionStore;",
        "pub(crate) use crate::session;",
        "use acspass::store::Record;",
    ] {
        assert_eq!(imports(text).len(), 1, "{text}");
    }
    let fine = "//! See crate::store.\nuse crate::error::Error;\nuse crate::Kind;\nuse super::x;";
    assert_eq!(imports(fine), Vec::<String>::new());
    let elsewhere = Source::of(&["attic", "box"], fine, &sources);
    assert_eq!(
        forbidden(&table, &exports, &elsewhere).len(),
        1,
        "no such module"
    );
}

#[test]
fn no_files_import_each_other() {
    let found = cycles::cycles(&sources());
    let lines: Vec<String> = found.iter().map(|files| files.join(" ")).collect();
    assert!(lines.is_empty(), "import cycles:\n{}", lines.join("\n"));
}

#[test]
fn files_that_import_each_other_are_found() {
    let texts: [(&[&str], &str); 6] = [
        (&["a"], "mod b; mod c; pub use b::B;"),
        (&["a", "b"], "use super::c::C; pub struct B(C);"),
        (&["a", "c"], "use super::d::f; pub struct C;"),
        (&["a", "d"], "pub fn f() { crate::a::b::g() }"),
        (&["a", "e"], "use crate::a::B;"),
        (
            &["x"],
            "use crate::a::B; #[cfg(test)]\nmod tests { use crate::a::e::E; }",
        ),
    ];
    let bare: Vec<Source> = texts
        .iter()
        .map(|(path, _)| Source::of(path, "", &[]))
        .collect();
    let sources: Vec<Source> = texts
        .iter()
        .map(|(path, text)| Source::of(path, text, &bare))
        .collect();
    let found = cycles::cycles(&sources);
    assert_eq!(
        found,
        [["a/b", "a/c", "a/d"]],
        "b imports c, c imports d, d imports b"
    );
    let through_parent = Source::of(&["a", "b"], "use super::C;", &bare);
    let facade = Source::of(&["a"], "pub use b::B;", &bare);
    let found = cycles::cycles(&[through_parent, facade]);
    assert_eq!(
        found,
        [["a", "a/b"]],
        "an import through the parent's re-exports"
    );
}

#[test]
fn the_pages_lists_of_files_name_files_that_exist() {
    let page = Path::new(ROOT).join("docs/architecture.md");
    let page = std::fs::read_to_string(page).expect("docs/architecture.md");
    for list in ["fresh", "stale"] {
        let (_, rest) = page
            .split_once(&format!("```{list}\n"))
            .expect("a list of files");
        let (lines, _) = rest.split_once("```").expect("the end of the list");
        let files: Vec<&str> = lines
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert!((10..=15).contains(&files.len()), "{list}: {}", files.len());
        for file in files {
            let path = Path::new(ROOT).join("src").join(file);
            assert!(path.is_file(), "{list} names {file}");
        }
    }
}

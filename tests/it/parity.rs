//! docs/reference/parity.md is right: each row names a test that exists or a reason, and its commands and
//! library names exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One row: what it is about, and its other cells.
#[derive(Debug)]
struct Row {
    what: String,
    command: String,
    library: String,
    proof: String,
}

/// Every row of every table; a table's head and ruler are none.
fn rows(page: &str) -> Vec<Row> {
    let lines: Vec<&str> = page.lines().collect();
    let is_ruler = |line: Option<&&str>| line.is_some_and(|line| line.starts_with("| ---"));
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !line.starts_with('|') || is_ruler(Some(line)) || is_ruler(lines.get(at + 1)) {
            continue;
        }
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        let [_, what, command, library, proof, _] = cells.as_slice() else {
            panic!("a row of four cells: {line}");
        };
        rows.push(Row {
            what: what.clone(),
            command: command.clone(),
            library: library.clone(),
            proof: proof.clone(),
        });
    }
    rows
}

fn the_rows() -> Vec<Row> {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/reference/parity.md"))
        .expect("docs/reference/parity.md");
    rows(&page)
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The tests of a source file: functions right below `#[test]`, other attributes between.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line == "#[test]" {
            is_test = true;
        } else if let Some(name) = line.strip_prefix("fn ") {
            if is_test {
                tests.insert(name.split('(').next().unwrap_or(name).to_owned());
            }
            is_test = false;
        } else if !line.starts_with("#[") {
            is_test = false;
        }
    }
    tests
}

/// What is wrong with a row's proof.
fn fault(proof: &str, tests: &impl Fn(&str) -> Option<BTreeSet<String>>) -> Option<String> {
    if let Some(reason) = proof.strip_prefix("absent: ") {
        let is_one = reason.split_whitespace().count() >= 5;
        return (!is_one).then(|| "no reason".to_owned());
    }
    let named = quoted(proof);
    if named.is_empty() {
        return Some("neither a test nor a reason".to_owned());
    }
    named.into_iter().find_map(|name| {
        let Some((file, test)) = name.split_once("::") else {
            return Some(format!("`{name}` is not file::test"));
        };
        match tests(file) {
            None => Some(format!("there is no file {file}")),
            Some(tests) if tests.contains(test) => None,
            Some(_) => Some(format!("{file} has no test {test}")),
        }
    })
}

fn tests_of_file(file: &str) -> Option<BTreeSet<String>> {
    let path = match file.starts_with("src/") {
        true => Path::new(ROOT).join(file),
        false => Path::new(ROOT).join("tests/it").join(file),
    };
    let source = fs::read_to_string(path).ok()?;
    Some(tests_in(&source))
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder of src") {
        let path: PathBuf = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, text);
        } else {
            text.push_str(&fs::read_to_string(path).unwrap_or_default());
        }
    }
}

#[test]
fn every_row_names_a_test_that_exists_or_a_reason() {
    let rows = the_rows();
    assert!(rows.len() > 70, "only {} rows: was it read?", rows.len());
    let faults: BTreeMap<&str, String> = rows
        .iter()
        .filter_map(|row| Some((row.what.as_str(), fault(&row.proof, &tests_of_file)?)))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_command_and_flag_is_in_the_help() {
    let mut helps: BTreeMap<Vec<String>, String> = BTreeMap::new();
    let mut entry = 0;
    for row in the_rows() {
        for command in quoted(&row.command) {
            let Some(words) = command.strip_prefix("acspass ") else {
                continue;
            };
            let (flags, words): (Vec<&str>, Vec<&str>) =
                words.split(' ').partition(|word| word.starts_with('-'));
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            let help = helps.entry(words.clone()).or_insert_with(|| {
                let out = Command::new(env!("CARGO_BIN_EXE_acspass"))
                    .args(&words)
                    .arg("--help")
                    .env_clear()
                    .output()
                    .expect("acspass starts");
                assert!(out.status.success(), "`{command}` in: {}", row.what);
                String::from_utf8(out.stdout).expect("text")
            });
            for flag in flags {
                assert!(
                    help.contains(flag),
                    "`{command}` has no {flag}: {}",
                    row.what
                );
                entry += 1;
            }
        }
    }
    assert!(entry > 15, "only {entry} flags were found");
}

#[test]
fn every_library_name_is_in_the_sources() {
    let mut text = String::new();
    sources(&Path::new(ROOT).join("src"), &mut text);
    let words: BTreeSet<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    for row in the_rows() {
        for name in quoted(&row.library) {
            for part in name.split("::") {
                assert!(words.contains(part), "`{name}` of: {}", row.what);
            }
        }
    }
}

#[test]
fn a_row_without_proof_is_seen() {
    let tests = |file: &str| (file == "a.rs").then(|| tests_in("#[test]\nfn it_is() {}"));
    assert_eq!(fault("`a.rs::it_is`", &tests), None);
    assert_eq!(fault("absent: nobody has ever wanted this", &tests), None);
    for wrong in [
        "",
        "done",
        "absent: no",
        "`a.rs::it_is_not`",
        "`b.rs::it_is`",
        "`it_is`",
        "`a.rs::it_is`, `a.rs::it_is_not`",
    ] {
        assert!(fault(wrong, &tests).is_some(), "{wrong}");
    }
    let source =
        "fn helper() {}\n#[test]\n#[cfg(unix)]\nfn one() {}\n#[test]\n// not next\nfn two() {}";
    assert_eq!(tests_in(source), BTreeSet::from(["one".to_owned()]));
    let page = "| a | b | c | d |\n| --- | --- | --- | --- |\n| x | | | `y` |\n";
    assert_eq!(rows(page).len(), 1);
}

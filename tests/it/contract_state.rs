//! docs/contract-state.md tells the truth about `--help` and `config`, in both directions.

#![expect(
    clippy::expect_used,
    reason = "a helper that cannot go on ends the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Whether it is there.
type Rows = BTreeMap<String, bool>;

/// The rows of the table under a heading: the code in the first column, and whether it is done.
fn rows(heading: &str) -> Rows {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/contract-state.md");
    let page = std::fs::read_to_string(path).expect("docs/contract-state.md");
    let (_, rest) = page
        .split_once(&format!("\n## {heading}\n"))
        .expect("the heading");
    let section = rest.split("\n## ").next().unwrap_or(rest);
    let mut rows = Rows::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let state = cells[2];
        let open = ["open (2)", "open (3)", "open (4)", "open (5)", "open (6)"];
        assert!(state == "done" || open.contains(&state), "{line}");
        let name = cells[1].trim_matches('`').to_owned();
        assert_eq!(rows.insert(name, state == "done"), None, "twice: {line}");
    }
    assert!(!rows.is_empty(), "no rows under {heading}");
    rows
}

fn acspass(home: &TempDir, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_acspass"))
        .args(args)
        .env_clear()
        .env("ACSPASS_CONFIG_DIR", home.path())
        .env("ACSPASS_STATE_DIR", home.path())
        .output()
        .expect("acspass starts")
}

/// What `--help` of a command shows: its subcommands and its flags, short and long.
fn help(command: &[&str]) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let home = TempDir::new().expect("a folder");
    let out = acspass(&home, &[command, &["--help"]].concat());
    if !out.status.success() {
        return None;
    }
    let text = String::from_utf8(out.stdout).expect("help is text");
    let (mut commands, mut flags, mut part) = (BTreeSet::new(), BTreeSet::new(), "");
    for line in text.lines() {
        if !line.starts_with(' ') {
            part = line;
            continue;
        }
        let mut words = line.split([' ', ',']).filter(|word| !word.is_empty());
        match part {
            // What is wrapped stands further to the right.
            "Commands:" if !line.starts_with("   ") => {
                commands.extend(words.next().map(str::to_owned));
            }
            "Options:" | "Global options:" => flags.extend(
                words
                    .take_while(|word| word.starts_with('-'))
                    .map(|word| word.trim_end_matches("...").to_owned()),
            ),
            _ => {}
        }
    }
    Some((commands, flags))
}

/// Splits `token issue --user` into the command's words and the flag.
fn split(row: &str) -> (Vec<&str>, Option<&str>) {
    let mut words: Vec<&str> = row.split(' ').collect();
    match words.last() {
        Some(last) if last.starts_with('-') => {
            let flag = words.pop();
            (words, flag)
        }
        _ => (words, None),
    }
}

#[test]
fn what_is_done_is_in_the_help_and_what_is_open_is_not() {
    for (row, done) in rows("Commands and flags") {
        let (command, flag) = split(&row);
        let shown = match (flag, command.split_last()) {
            (Some(flag), _) => help(&command).is_some_and(|(_, flags)| flags.contains(flag)),
            (None, Some((name, parents))) => {
                help(parents).is_some_and(|(commands, _)| commands.contains(*name))
                    && help(&command).is_some()
            }
            (None, None) => panic!("an empty row"),
        };
        assert_eq!(shown, done, "`{row}`: in --help, and done");
    }
}

#[test]
fn nothing_is_in_the_help_that_is_not_listed() {
    let rows = rows("Commands and flags");
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    let mut entry = 0;
    while let Some(command) = waiting.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (commands, flags) = help(&words).expect("a listed command has help");
        for flag in flags {
            let own = [words.as_slice(), &[&flag]].concat().join(" ");
            let listed = rows.contains_key(&own) || rows.contains_key(&flag);
            assert!(listed, "`{own}` is in --help and not listed");
            entry += 1;
        }
        for name in commands {
            let below = [command.clone(), vec![name]].concat();
            assert!(rows.contains_key(&below.join(" ")), "{below:?} not listed");
            waiting.push(below);
        }
    }
    assert!(
        entry > 50,
        "only {entry} flags were found: was the help read?"
    );
}

#[test]
fn aliases_work_where_they_are_done_and_are_never_shown() {
    let (commands, _) = help(&[]).expect("help");
    for (alias, done) in rows("Hidden aliases") {
        let (words, _) = split(&alias);
        assert_eq!(help(&words).is_some(), done, "`{alias}`");
        assert!(!commands.contains(&alias), "`{alias}` is to be hidden");
    }
}

#[test]
fn settings_and_values_are_known_where_they_are_done() {
    let home = TempDir::new().expect("a folder");
    for (row, done) in rows("Settings") {
        let known = match row.split_once(" = ") {
            Some((key, value)) => {
                let out = acspass(&home, &["config", "set", key, value]);
                out.status.success()
            }
            None => {
                let out = acspass(&home, &["config", "get", &row]);
                !String::from_utf8_lossy(&out.stderr).contains("there is no setting")
            }
        };
        assert_eq!(known, done, "`{row}`");
    }
}

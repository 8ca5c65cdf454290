//! The commands, flags, aliases and settings of the contract, as lists. `--help` and `config` know
//! each of them, and nothing that is not listed.

#![expect(
    clippy::expect_used,
    reason = "a helper that cannot go on ends the test"
)]

use std::collections::BTreeSet;
use std::process::{Command, Output};

use tempfile::TempDir;

const COMMANDS: &str = include_str!("commands.txt");
const ALIASES: &str = include_str!("aliases.txt");
const PAGE_OF_ALIASES: &str = include_str!("../../../docs/reference/aliases.md");
/// A line with a value is one that `config set` accepts.
const SETTINGS: &str = include_str!("settings.txt");

/// The lines of a list.
fn rows(list: &'static str) -> BTreeSet<&'static str> {
    let rows: BTreeSet<&str> = list.lines().collect();
    assert_eq!(rows.len(), list.lines().count(), "a line stands twice");
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

/// The commands and the flags of the help of a command.
fn help(command: &[&str]) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let home = TempDir::new().expect("a folder");
    let out = acspass(&home, &[command, &["--help"]].concat());
    if !out.status.success() {
        return None;
    }
    let text = String::from_utf8(out.stdout).expect("help is text");
    let (mut commands, mut flags, mut part) = (BTreeSet::new(), BTreeSet::new(), "");
    let mut below_options = false;
    for line in text.lines() {
        if !line.starts_with(' ') {
            part = line;
            continue;
        }
        let mut words = line.split([' ', ',']).filter(|word| !word.is_empty());
        match part {
            "Options:" | "Global options:" => flags.extend(
                words
                    .take_while(|word| word.starts_with('-'))
                    .map(str::to_owned),
            ),
            // The groups of commands come first, and further lines of a text are indented more.
            "Arguments:" | "Examples:" | "Environment variables:" | "Exit codes:" => {}
            _ if part.ends_with(':') && !line.starts_with("   ") && !below_options => {
                commands.extend(words.next().map(str::to_owned));
            }
            _ => {}
        }
        below_options |= part == "Options:";
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
fn every_listed_command_and_flag_is_in_the_help() {
    for row in rows(COMMANDS) {
        let (command, flag) = split(row);
        let shown = match (flag, command.split_last()) {
            (Some(flag), _) => help(&command).is_some_and(|(_, flags)| flags.contains(flag)),
            (None, Some((name, parents))) => {
                help(parents).is_some_and(|(commands, _)| commands.contains(*name))
                    && help(&command).is_some()
            }
            (None, None) => panic!("an empty row"),
        };
        assert!(shown, "`{row}` is not in --help");
    }
}

#[test]
fn help_has_nothing_that_is_not_listed() {
    let rows = rows(COMMANDS);
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    let mut entry = 0;
    while let Some(command) = waiting.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (commands, flags) = help(&words).expect("a listed command has help");
        for flag in flags {
            let own = [words.as_slice(), &[&flag]].concat().join(" ");
            let listed = rows.contains(own.as_str()) || rows.contains(flag.as_str());
            assert!(listed, "`{own}` is in --help and not listed");
            entry += 1;
        }
        for name in commands {
            let below = [command.clone(), vec![name]].concat();
            assert!(
                rows.contains(below.join(" ").as_str()),
                "{below:?} not listed"
            );
            waiting.push(below);
        }
    }
    assert!(
        entry > 50,
        "only {entry} flags were found: was the help read?"
    );
}

#[test]
fn aliases_work_and_are_not_shown() {
    let (commands, _) = help(&[]).expect("help");
    for alias in rows(ALIASES) {
        let (words, _) = split(alias);
        assert!(help(&words).is_some(), "`{alias}`");
        assert!(!commands.contains(alias), "`{alias}` is to be hidden");
    }
}

#[test]
fn page_of_aliases_has_each_alias_and_its_command() {
    let home = TempDir::new().expect("a folder");
    let about = |command: &str| {
        let words: Vec<&str> = command.split(' ').chain(["-h"]).collect();
        let out = acspass(&home, &words);
        assert!(out.status.success(), "`{command}`");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().next().map(str::to_owned)
    };
    let table = PAGE_OF_ALIASES
        .lines()
        .filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<&str> = table
        .map(|row| {
            let mut names = row.split('`').skip(1).step_by(2);
            let (alias, command) = (names.next().expect("an alias"), names.next());
            assert_eq!(about(alias), about(command.expect("a command")), "{row}");
            alias
        })
        .collect();
    assert_eq!(documented, rows(ALIASES));
}

#[test]
fn every_listed_setting_and_value_is_known() {
    let home = TempDir::new().expect("a folder");
    for row in rows(SETTINGS) {
        let known = match row.split_once(" = ") {
            Some((key, value)) => {
                let out = acspass(&home, &["config", "set", key, value]);
                out.status.success()
            }
            None => {
                let out = acspass(&home, &["config", "get", row]);
                !String::from_utf8_lossy(&out.stderr).contains("there is no setting")
            }
        };
        assert!(known, "`{row}`");
    }
}

//! Each command line that a document mentions exists, with its flags: in the text, and in the blocks
//! that do not run.

use clap::{Arg, Command};

use crate::files::{below, read};
use crate::links::pages;
use crate::markdown::lines;

/// Documents that name commands of the past, or that the definition of the commands makes.
const EXCEPT: [&str; 2] = ["CHANGELOG.md", "docs/reference/commands.md"];

/// Returns the command lines of a page, each with its line: code in the text, and lines of blocks.
fn mentions(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for line in lines(page) {
        let parts: Vec<&str> = match line.is_code {
            true => vec![line.text],
            false => line.text.split('`').skip(1).step_by(2).collect(),
        };
        for part in parts {
            let is_word_end = |before: &str| {
                !before.ends_with(|c: char| c.is_alphanumeric() || "-_/.:\"'".contains(c))
            };
            for (at, _) in part.match_indices("acspass ") {
                // A module of Python.
                let is_import = part[at..].starts_with("acspass import ") && &part[..at] == "from ";
                if is_word_end(&part[..at]) && !is_import {
                    // A comment begins after two spaces.
                    let rest = part[at..].split("  ").next().unwrap_or_default();
                    let rest = rest.split('`').next().unwrap_or_default();
                    found.push((line.number, rest.to_owned()));
                }
            }
        }
    }
    found
}

/// Returns what is wrong with a command line.
fn fault(root: &Command, mention: &str) -> Option<String> {
    let mut command = root;
    let mut flags = Vec::new();
    let mut is_name = true;
    let mut words = mention.split_whitespace().skip(1);
    while let Some(word) = words.next() {
        let is_end = word == "--" || word.starts_with(['|', '>', '<', '#', '&', ';', '…']);
        if is_end {
            break;
        }
        let bare = word.trim_end_matches([')', '"', '\'', ';', ',', '.', ':']);
        let bare = bare.split('=').next().unwrap_or_default();
        if bare.starts_with('-') && bare.len() > 1 {
            flags.push(bare);
            if command.has_subcommands() && has_value(root, command, word) {
                words.next();
            }
        } else if is_name {
            match command.find_subcommand(bare) {
                Some(found) => command = found,
                // A value of an option before the command, or the command's first argument.
                None if !bare.starts_with(char::is_alphabetic) => return None,
                None if command.get_name() == root.get_name() && flags.is_empty() => {
                    return Some(format!("there is no command `{bare}`"));
                }
                None if command.has_subcommands() && command.get_name() != root.get_name() => {
                    return Some(format!("`{}` has no command `{bare}`", command.get_name()));
                }
                None => is_name = command.get_name() == root.get_name(),
            }
        }
        if word.ends_with([')', ';']) {
            break;
        }
    }
    flags.into_iter().find_map(|flag| {
        let is_known = option(root, command, flag).is_some();
        (!is_known).then(|| format!("`{}` has no {flag}", command.get_name()))
    })
}

/// Returns an option of the command or of every command.
fn option<'c>(root: &'c Command, command: &'c Command, flag: &str) -> Option<&'c Arg> {
    let name = flag.trim_start_matches('-');
    let short = name.chars().next();
    let mut args = command.get_arguments().chain(root.get_arguments());
    args.find(|arg| match flag.starts_with("--") {
        true => arg.get_long() == Some(name),
        false => arg.get_short() == short,
    })
}

/// Returns whether the next word is the value of this option.
fn has_value(root: &Command, command: &Command, word: &str) -> bool {
    let arg = option(root, command, word);
    arg.is_some_and(|arg| arg.get_action().takes_values())
}

fn root() -> Command {
    let mut root = acspass::cli::command();
    root.build();
    root
}

#[test]
fn every_mentioned_command_and_flag_exists() {
    let root = root();
    let mut documents = pages();
    documents.retain(|path, _| !EXCEPT.contains(&path.as_str()));
    for path in below("assets/help", "txt") {
        // Examples are indented.
        let page = read(&path).replace("\n  ", "\n```\n  ");
        let lines = page.lines().map(|line| match line.starts_with("  ") {
            true => format!("{line}\n```\n"),
            false => format!("{line}\n"),
        });
        documents.insert(path, lines.collect());
    }
    let mut faults = Vec::new();
    let mut count = 0;
    for (path, page) in documents {
        for (line, mention) in mentions(&page) {
            count += 1;
            if let Some(fault) = fault(&root, &mention) {
                faults.push(format!("{path}:{line}: {fault}: {mention}"));
            }
        }
    }
    assert!(count > 200, "only {count} mentions");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn commands_and_flags_that_do_not_exist_are_seen() {
    let root = root();
    for right in [
        "acspass get",
        "acspass get -o json | jq --raw-output",
        "acspass --profile work config set tenant x",
        "acspass token issue --user ID --scope=chat",
        "acspass exec -- npm --version",
        "acspass get-token",
        "acspass get --emulator)",
        "acspass emulator -o json",
        "acspass emulator -o json healthcheck",
    ] {
        assert_eq!(fault(&root, right), None, "{right}");
    }
    for wrong in [
        "acspass gett",
        "acspass get --forced",
        "acspass token isue --user ID",
        "acspass status -z",
        "acspass token issue --usr ID)",
        "acspass emulator -o json helthcheck",
    ] {
        assert!(fault(&root, wrong).is_some(), "{wrong}");
    }
    let page = "Run `acspass get` or `x/acspass y`.\n```sh\nt=$(acspass status)\n```\n\
                ```python\nfrom acspass import Emulator\n```\n";
    let found = [
        (1, "acspass get".to_owned()),
        (3, "acspass status)".to_owned()),
    ];
    assert_eq!(mentions(page), found);
}

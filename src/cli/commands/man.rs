//! `man`: prints or writes manual pages, generated from the arguments.

use std::path::Path;

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::cli::help::page::Page;
use crate::cli::io::output::Output;
use crate::error::{Error, Result};
use crate::text::{after_noun, shown};

/// Prints the page of the command with these words, or writes all pages to a folder.
pub(crate) fn run(words: &[String], folder: Option<&Path>, output: &mut Output) -> Result<u8> {
    let Some(folder) = folder else {
        let page = page(&Cli::command(), words).ok_or_else(|| {
            Error::usage(
                format!("unknown command {}", after_noun(&words.join(" "))),
                "Run `acspass help`.",
            )
        })?;
        return output.write_bytes(page.man().as_bytes());
    };
    let unwritable = |error: std::io::Error| {
        Error::usage(
            "the manual pages cannot be written",
            "Name a folder that you can write to.",
        )
        .caused_by(error)
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    for page in pages(&Cli::command(), &[]) {
        let path = folder.join(format!("{}.1", page.man_name()));
        std::fs::write(path, page.man()).map_err(unwritable)?;
    }
    let folder = shown(&folder.to_string_lossy());
    output
        .messages
        .print(&format!("Wrote the manual pages to {folder}."));
    Ok(0)
}

/// Finds a page by the words of a command, which can be aliases.
fn page(root: &clap::Command, words: &[String]) -> Option<Page> {
    let mut command = root;
    let mut names = Vec::new();
    for word in words {
        command = command.find_subcommand(word)?;
        names.push(command.get_name().to_owned());
    }
    Page::of(&names)
}

/// Returns the pages of a command and of all shown commands below it.
fn pages(command: &clap::Command, words: &[String]) -> Vec<Page> {
    let below = command
        .get_subcommands()
        .filter(|below| !below.is_hide_set());
    let below = below.flat_map(|below| {
        let words = [words, &[below.get_name().to_owned()]].concat();
        pages(below, &words)
    });
    Page::of(words).into_iter().chain(below).collect()
}

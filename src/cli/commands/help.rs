//! `help`: prints what `--help` prints.

use std::iter;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::cli::args::{Cli, usage};
use crate::cli::io::output::Output;
use crate::error::{Error, Result};
use crate::text::quoted;

/// Prints the help of the command with these words; of acspass without words.
pub(crate) fn run(words: &[String], output: &mut Output) -> Result<u8> {
    let arguments = iter::once("acspass")
        .chain(words.iter().map(String::as_str))
        .chain(iter::once("--help"));
    match Cli::command().try_get_matches_from(arguments) {
        Err(help) if help.kind() == ErrorKind::DisplayHelp => {
            output.write_bytes(help.to_string().as_bytes())
        }
        Err(wrong) => Err(usage::error_of(wrong)),
        // The words go on after a command that takes any words, as `exec` does.
        Ok(_) => Err(Error::usage(
            format!("there is no command {}", quoted(&words.join(" "))),
            "run `acspass help` for the list of commands",
        )),
    }
}

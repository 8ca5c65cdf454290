//! `help`: prints the long page of a command.

use std::ffi::OsString;
use std::iter;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::cli::args::request::Request;
use crate::cli::args::{Cli, mistake};
use crate::cli::help;
use crate::cli::io::output::Output;
use crate::error::{Error, Result};
use crate::text::after_noun;

/// Prints the help of the command with these words; of acspass without words.
pub(crate) fn run(words: &[String], output: &mut Output) -> Result<u8> {
    let arguments = iter::once("acspass")
        .chain(words.iter().map(String::as_str))
        .chain(iter::once("--help"));
    let arguments: Vec<OsString> = arguments.map(OsString::from).collect();
    match Cli::command().try_get_matches_from(&arguments) {
        Err(wrong) if wrong.kind() == ErrorKind::DisplayHelp => {
            help::print(&Request::of(&arguments), output)
        }
        Err(wrong) => Err(mistake::error_of(wrong, &arguments)),
        // The words go on after a command that takes any words, as `exec` does.
        Ok(_) => Err(Error::usage(
            format!("unknown command {}", after_noun(&words.join(" "))),
            "Run `acspass help` for the list of commands.",
        )),
    }
}

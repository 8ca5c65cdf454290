//! Help, usage and manual pages, from the definition of the arguments, `assets/help` and the tables of
//! settings and variables.
//!
//! Clap parses the arguments. The pages are built here, and only if they are printed. Output is text for
//! a terminal or ROFF for `man`.

mod commands;
mod man;
pub(super) mod page;
pub(super) mod sections;
pub(super) mod terminal;
#[cfg(test)]
mod tests;
mod variables;

use self::page::Page;
use super::args::request::Request;
use super::io::messages::Messages;
use super::io::output::Output;
use crate::error::{Error, Result};

/// Prints the page as the result.
pub(super) fn print(request: &Request, output: &mut Output) -> Result<u8> {
    let page = page(request)?;
    let text = match request.is_long {
        true => page.long(output.style, output.columns),
        false => page.short(output.style, output.columns),
    };
    output.write_bytes(text.as_bytes())
}

/// Prints the short page as a message, for a command line that ends before its command.
pub(super) fn print_as_message(request: &Request, messages: &Messages) {
    if let Ok(page) = page(request) {
        messages.line(page.short(messages.style, messages.columns).trim_end());
    }
}

fn page(request: &Request) -> Result<Page> {
    Page::of(&request.words).ok_or_else(|| Error::internal("a command has no help"))
}

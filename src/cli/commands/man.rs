//! `man`: prints or writes manual pages, generated from the arguments.

use std::path::Path;

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::cli::io::output::Output;
use crate::error::{Error, Result};
use crate::text::shown;

pub(crate) fn run(_command: &[String], folder: Option<&Path>, output: &mut Output) -> Result<u8> {
    let unwritable = |error: std::io::Error| {
        Error::usage(
            "the manual pages cannot be written",
            "name a folder that may be written to",
        )
        .caused_by(error)
    };
    let Some(folder) = folder else {
        let mut page = Vec::new();
        let man = clap_mangen::Man::new(Cli::command());
        man.render(&mut page).map_err(unwritable)?;
        return output.write_bytes(&page);
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(unwritable)?;
    let folder = shown(&folder.to_string_lossy());
    output
        .messages
        .print(&format!("the manual pages are in {folder}"));
    Ok(0)
}

//! `man`: prints or writes manual pages, generated from the arguments.

use clap::CommandFactory;

use crate::cli::args::{Cli, Man};
use crate::cli::io::output::Output;
use crate::error::{Error, Result};
use crate::text::shown;

pub(super) fn run(args: &Man, output: &mut Output) -> Result<u8> {
    let unwritable = |error: std::io::Error| {
        Error::usage(
            "the manual pages cannot be written",
            "name a folder that may be written to",
        )
        .caused_by(error)
    };
    if let Some(folder) = &args.folder {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        clap_mangen::generate_to(Cli::command(), folder).map_err(unwritable)?;
        output.messages.print(&format!(
            "the manual pages are in {}",
            shown(&folder.to_string_lossy())
        ));
        return Ok(0);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(unwritable)?;
    output.raw(&page)?;
    Ok(0)
}

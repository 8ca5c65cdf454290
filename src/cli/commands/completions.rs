//! `completions`: prints a completion script, generated from the arguments.

use clap::CommandFactory;

use crate::cli::args::{Cli, Completions};
use crate::cli::io::output::Output;
use crate::error::Result;

pub(super) fn run(args: &Completions, output: &mut Output) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "acspass", &mut script);
    output.raw(&script)?;
    Ok(0)
}

//! `completions`: prints a completion script, generated from the arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::args::Cli;
use crate::cli::io::output::Output;
use crate::error::Result;

pub(crate) fn run(shell: Shell, output: &mut Output) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "acspass", &mut script);
    output.write_bytes(&script)
}

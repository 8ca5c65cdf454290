//! `emulator`: the server, and one file for each command below it.

mod clock;
mod healthcheck;
mod init;
mod remote;
mod seed;
mod server;

use crate::cli::args::{Emulator, EmulatorCommand};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::Result;

pub(crate) fn run(args: &Emulator, env: &Environment, output: &mut Output) -> Result<u8> {
    match &args.command {
        None => server::run(&args.server, env, output),
        Some(EmulatorCommand::Healthcheck) => healthcheck::run(env, output),
        Some(EmulatorCommand::Init { file }) => init::run(file, env, output),
        Some(EmulatorCommand::Clock(change)) => clock::run(change, env, output),
    }
}

//! `emulator`: the server, and one file for each command below it.

mod ca;
mod ca_files;
mod clock;
mod env;
mod exec;
mod fault;
mod healthcheck;
mod init;
#[cfg_attr(not(target_os = "linux"), path = "own_hosts_elsewhere.rs")]
mod own_hosts;
mod remote;
mod reset;
mod seed;
mod server;
mod state_file;
mod token;
mod verify;

use crate::cli::args::{Emulator, EmulatorCommand};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::Result;

pub(crate) fn run(args: &Emulator, env: &Environment, output: &mut Output) -> Result<u8> {
    match &args.command {
        Some(EmulatorCommand::Exec(args)) => exec::run(args, env, output),
        None => server::run(&args.server, env, output),
        Some(EmulatorCommand::Ca(args)) => ca::run(args, env, output),
        Some(EmulatorCommand::Env { output: format }) => env::run(*format, env, output),
        Some(EmulatorCommand::Healthcheck) => healthcheck::run(env, output),
        Some(EmulatorCommand::Init { file }) => init::run(file, env, output),
        Some(EmulatorCommand::Reset) => reset::run(env, output),
        Some(EmulatorCommand::Token(args)) => token::run(args, env, output),
        Some(EmulatorCommand::Clock(change)) => clock::run(change, env, output),
        Some(EmulatorCommand::Verify(args)) => verify::run(args, env, output),
        Some(EmulatorCommand::Fault(args)) => fault::run(args, env, output),
    }
}

//! `emulator env`: the variables that lead clients to the running emulator.

use serde_json::{Map, Value};

use super::ca_files::ca_files;
use super::remote::remote;
use crate::cli::args::Format;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::emulator::DevelopmentAuthority;
use crate::error::Result;

pub(crate) fn run(format: Format, env: &Environment, output: &mut Output) -> Result<u8> {
    let remote = remote(env)?;
    let authority = DevelopmentAuthority::new(env.state_folder()?);
    let environment = remote.environment(&authority, env.clock.now(), &ca_files(env))?;
    let variables = environment.variables();
    let json = variables.map(|(name, value)| (name.to_owned(), Value::from(value)));
    let json: Map<String, Value> = json.collect();
    let text = match format {
        Format::Dotenv => environment.dotenv(),
        _ => environment.shell(),
    };
    output.print_result(text.trim_end(), &json)
}

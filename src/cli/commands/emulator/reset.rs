//! `emulator reset`: returns a running emulator to the state at its start.

use serde_json::json;

use super::remote::remote;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::Result;

pub(crate) fn run(env: &Environment, output: &mut Output) -> Result<u8> {
    remote(env)?.change("POST", "/reset", None)?;
    env.messages.print("Reset the emulator.");
    output.print_result("", &json!({}))
}

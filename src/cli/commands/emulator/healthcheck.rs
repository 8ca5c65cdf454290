//! `emulator healthcheck`: whether an emulator runs.

use serde_json::json;

use super::remote::remote;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::Result;

pub(crate) fn run(env: &Environment, output: &mut Output) -> Result<u8> {
    remote(env)?.get("/info")?;
    output.print_result("", &json!({}))
}

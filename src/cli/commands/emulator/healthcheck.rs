//! `emulator healthcheck`: whether an emulator runs.

use serde_json::json;

use super::remote::remote;
use crate::cli::env_vars;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::emulator::{HTTP_PORT, UserAgent};
use crate::error::Result;

pub(crate) fn run(env: &Environment, output: &mut Output) -> Result<u8> {
    let url = env.variable(env_vars::ACSPASS_EMULATOR_URL);
    let default = format!("http://localhost:{HTTP_PORT}");
    let page = UserAgent::default().browse(url.unwrap_or(&default));
    let is_emulator = page.is_ok_and(|page| {
        let mut headers = page.headers.iter();
        page.status == 200 && headers.any(|(name, _)| name == "x-emulator")
    });
    if !is_emulator {
        return Err(remote(env)?.unreachable());
    }
    output.print_result("", &json!({}))
}

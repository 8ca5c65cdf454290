//! The exchange service as a program: collects the process's input, and returns the exit code.

use std::io;
use std::process::ExitCode;

use acspass::exchange_service::{Streams, run};

#[expect(clippy::disallowed_methods, reason = "reads the process's environment")]
fn main() -> ExitCode {
    let variables = std::env::vars_os();
    let environment = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let streams = Streams {
        stdout: io::stdout(),
        stderr: io::stderr(),
    };
    ExitCode::from(run(std::env::args_os().collect(), &environment, streams))
}

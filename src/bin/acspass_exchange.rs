//! The exchange service as a program: collects the process's input, and returns the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use acspass::exchange_service::{Streams, run};

/// Standard error, which has no buffer. A clone is the same stream.
#[derive(Clone)]
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[expect(clippy::disallowed_methods, reason = "reads the process's environment")]
fn main() -> ExitCode {
    let variables = std::env::vars_os();
    let environment = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let streams = Streams {
        stdout: io::stdout(),
        stderr: Stderr,
    };
    ExitCode::from(run(std::env::args_os().collect(), &environment, streams))
}

//! `emulator verify`: compares the journal of a running emulator with expectations.

use super::remote::remote;
use crate::cli::args::EmulatorVerify;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::emulator::{Expectation, Verification};
use crate::error::{Error, Kind, Result};
use crate::text::one_line;

/// The number of refused requests that are printed, the latest ones.
const MOST_REFUSED: usize = 20;
const MAX_LINE: usize = 300;

pub(crate) fn run(args: &EmulatorVerify, env: &Environment, output: &mut Output) -> Result<u8> {
    let expected = args.expect.iter().map(|text| Expectation::parse(text));
    let none = args.none.iter().map(|name| Expectation::none(name));
    let expected: Vec<Expectation> = expected.chain(none).collect::<Result<_>>()?;
    if expected.is_empty() {
        return Err(Error::usage(
            "no expectation is given",
            "Run `acspass emulator verify --none refused`.",
        ));
    }
    let remote = remote(env)?;
    let journal = remote.get("/journal?outcome=refused")?;
    let verified = Verification::of(&expected, &journal);
    let unmet = verified
        .unmet()
        .map(|one| format!("{} (actual: {})", one.expectation, one.actual));
    let unmet: Vec<String> = unmet.collect();
    if unmet.is_empty() {
        return output.print_result("All expectations are met.", &verified);
    }
    let skipped = verified.refused.len().saturating_sub(MOST_REFUSED);
    for request in &verified.refused[skipped..] {
        let line = format!("Refused: {request}");
        env.messages.print_always(&one_line(&line, MAX_LINE));
    }
    let hint = match journal["total"].as_u64() {
        Some(0) => {
            "The emulator received no request. Run `acspass emulator env`, and check that the \
              program uses its AZURE_AUTHORITY_HOST and its connection string."
                .to_owned()
        }
        _ => format!("Open {} to see each request.", remote.page_url()),
    };
    Err(Error::new(
        Kind::Expectation,
        format!("expectation not met: {}", unmet.join(", ")),
        hint,
    ))
}

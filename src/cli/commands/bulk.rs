//! One operation for many items: with a limit on concurrency, a progress bar and one exit code.

use std::pin::pin;

use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use zeroize::Zeroizing;

use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::{Error, Kind, Result};
use crate::input;

use super::token::cut_short;

/// Longest list that is read, in bytes: half a million ids.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;
/// Requests in flight.
const AT_ONCE: usize = 32;

/// Reads a list of ids from standard input. `example` is the hint about another input.
pub(super) fn read_list(env: &Environment, example: &str) -> Result<Zeroizing<String>> {
    let unreadable =
        |what: &str| Error::usage(format!("could not read the list of ids: {what}"), example);
    let bytes = env.stdin.read_all(MAX_LIST_BYTES);
    let bytes = bytes.map_err(|cause| unreadable("standard input failed").caused_by(cause))?;
    if bytes.len() as u64 > MAX_LIST_BYTES {
        return Err(unreadable("standard input is larger than 64 MiB"));
    }
    let text = input::text(&bytes);
    text.ok_or_else(|| unreadable("standard input is not text in UTF-8 or UTF-16"))
}

/// Runs `work` for each number below `count`, [`AT_ONCE`] at a time. Passes each result to `take`, and
/// collects the failures. A terminal shows a progress bar until then.
pub(super) async fn each<T>(
    env: &Environment,
    doing: &'static str,
    count: usize,
    work: impl AsyncFn(usize) -> Result<T>,
    mut take: impl FnMut(usize, T) -> Result<()>,
    failed: &mut Vec<(usize, Error)>,
) -> Result<()> {
    env.messages.hide_waits();
    let target = match env.stderr_is_terminal && !env.global.quiet {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
    let progress = ProgressBar::with_draw_target(Some(count as u64), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(doing)
        .with_finish(ProgressFinish::AndClear);
    let work = &work;
    let outcomes = stream::iter(0..count).map(async |number| (number, work(number).await));
    let mut outcomes = pin!(outcomes.buffer_unordered(AT_ONCE));
    while let Some((number, outcome)) = outcomes.next().await {
        progress.inc(1);
        match outcome {
            Ok(result) => take(number, result)?,
            Err(error) => {
                let stop = stop_if_hopeless(&error);
                failed.push((number, error));
                stop?;
            }
        }
    }
    Ok(())
}

/// Stops if every further request would fail in the same way.
fn stop_if_hopeless(error: &Error) -> Result<()> {
    let is_hopeless = match error.service_response() {
        Some(response) => {
            response.status == 401 && response.code.as_deref() != Some("IdentityNotOwned")
        }
        None => error.kind() == Kind::Unreachable,
    };
    match is_hopeless {
        true => Err(Error::new(
            error.kind(),
            "stopped, because every further request would fail in the same way",
            error.hint(),
        )
        .caused_by(error.message().to_owned())),
        false => Ok(()),
    }
}

/// Returns the exit code of the first failure, and prints a line with the total. An early end comes
/// before all failures.
pub(super) fn exit_code(
    ended: Result<()>,
    total: &str,
    failed: &[(usize, Error)],
    output: &Output,
) -> Result<u8> {
    ended.map_err(cut_short)?;
    let Some((_, first)) = failed.first() else {
        return Ok(0);
    };
    output.messages.warn(total);
    output.error(first);
    Ok(first.kind().exit_code())
}

//! Repeats one request with a limit on concurrency, a progress bar and one exit code.

use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::{Error, Kind, Result};

/// Requests in flight.
const AT_ONCE: usize = 32;

/// Runs `work` for each item, [`AT_ONCE`] at a time, and passes each outcome to `take`.
pub(super) async fn each<I, T>(
    items: impl IntoIterator<Item = I>,
    work: impl AsyncFn(I) -> T,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let outcomes = stream::iter(items).map(|item| work(item));
    let mut outcomes = pin!(outcomes.buffer_unordered(AT_ONCE));
    while let Some(outcome) = outcomes.next().await {
        take(outcome)?;
    }
    Ok(())
}

/// Adds an error to the failures. Stops if every further request would fail in the same way.
pub(super) fn add_failure(error: Error, failed: &mut Vec<Error>) -> Result<()> {
    let stop = stop_if_hopeless(&error);
    failed.push(error);
    stop
}

/// Stops if every further request would fail in the same way.
pub(super) fn stop_if_hopeless(error: &Error) -> Result<()> {
    let is_hopeless = match error.answer() {
        Some(answer) => answer.status == 401 && answer.code.as_deref() != Some("IdentityNotOwned"),
        None => error.kind() == Kind::Unreachable,
    };
    match is_hopeless {
        true => Err(Error::new(
            error.kind(),
            "nothing more was tried: every further request would fail in the same way",
            error.hint(),
        )
        .caused_by(error.message().to_owned())),
        false => Ok(()),
    }
}

/// Stops if standard output is closed: further ids would be lost.
pub(super) fn stop_if_closed(output: &Output) -> Result<()> {
    match output.is_closed {
        false => Ok(()),
        true => Err(Error::new(
            Kind::Interrupted,
            "whoever read standard output is gone: nothing more is created",
            "write the ids to a file, or read them all",
        )),
    }
}

/// Returns the exit code of the first failure, and prints a line with the total. An early end comes
/// before all failures.
pub(super) fn outcome(
    ended: Result<()>,
    total: &str,
    failed: Vec<Error>,
    output: &Output,
) -> Result<u8> {
    ended.map_err(cut_short)?;
    let Some(first) = failed.first() else {
        return Ok(0);
    };
    output.messages.warn(total);
    output.error(first);
    Ok(first.kind().exit_code())
}

/// Adds to an interruption that it does not undo a request under way.
pub(super) fn cut_short(error: Error) -> Error {
    match error.kind() {
        Kind::Interrupted => error.with_hint(
            "what was printed is done; what was under way may have been done as well, unheard",
        ),
        _ => error,
    }
}

/// Creates a progress bar, which is hidden unless standard error is a terminal.
pub(super) fn progress_bar(env: &Environment, count: u64, doing: &'static str) -> ProgressBar {
    let target = match env.stderr_is_terminal && !env.global.quiet {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(Some(count), target).with_style(style);
    bar.with_message(doing)
}

//! The same request many times: a few at once, with a progress bar, and an exit code that tells.

use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::context::Environment;
use crate::cli::output::Output;
use crate::error::{Error, Kind, Result};

/// Requests in flight.
const AT_ONCE: usize = 32;

/// Runs `work` for each item, a few at once, and hands each outcome to `take` as it comes.
pub(super) async fn each<I, T>(
    items: impl IntoIterator<Item = I>,
    work: impl AsyncFn(I) -> T,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let outcomes = stream::iter(items)
        .map(|item| work(item))
        .buffer_unordered(AT_ONCE);
    let mut outcomes = pin!(outcomes);
    while let Some(outcome) = outcomes.next().await {
        take(outcome)?;
    }
    Ok(())
}

/// Ends the whole where every further request would fail in the same way.
pub(super) fn stop_at_wall(error: &Error) -> Result<()> {
    let is_wall = match error.answer() {
        Some(answer) => answer.status == 401 && answer.code.as_deref() != Some("IdentityNotOwned"),
        None => error.kind() == Kind::Unreachable,
    };
    match is_wall {
        true => Err(Error::new(
            error.kind(),
            "nothing more was tried: every further request would fail in the same way",
            error.hint(),
        )
        .caused_by(error.message().to_owned())),
        false => Ok(()),
    }
}

/// Ends the whole where nobody reads the ids any more.
pub(super) fn stop_unread(output: &Output) -> Result<()> {
    match output.is_closed() {
        false => Ok(()),
        true => Err(Error::new(
            Kind::Interrupted,
            "whoever read standard output is gone: nothing more is created",
            "write the ids to a file, or read them all",
        )),
    }
}

/// The exit code, and a line for what failed: the first failure's code. What ended the whole
/// before its time comes first.
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
    output.messages().warn(total);
    let code = first.kind().exit_code();
    output.error(first);
    Ok(code)
}

/// An interruption of what changes the resource: a request under way is not taken back by it.
pub(super) fn cut_short(error: Error) -> Error {
    match error.kind() {
        Kind::Interrupted => error.with_hint(
            "what was printed is done; what was under way may have been done as well, unheard",
        ),
        _ => error,
    }
}

/// A progress bar on a terminal; nothing elsewhere.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(env: &Environment, count: u64, doing: &'static str) -> Self {
        let target = match env.stderr_is_terminal && !env.global.quiet {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(count), target).with_style(style);
        bar.set_message(doing);
        Progress(bar)
    }

    pub(super) fn step(&self) {
        self.0.inc(1);
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}

//! Reports a wait that takes longer than 300 ms, as a `tracing` span for as long as it lasts.
//!
//! The span's field `message` is the sentence for the user. The command shows it on a terminal; without
//! a subscriber it has no effect. A wait that ends before creates nothing.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tracing::{Span, info_span};

/// The target of the spans.
pub(crate) const TARGET: &str = "acspass::progress";
/// A shorter wait is not reported.
pub(crate) const SILENCE: Duration = Duration::from_millis(300);

/// Starts to report a wait that has lasted for [`SILENCE`]. The report ends when the span is dropped.
pub(crate) fn report(sentence: &str) -> Span {
    info_span!(target: TARGET, "wait", message = %sentence)
}

/// Runs `work`, and reports it from [`SILENCE`] on with this sentence.
pub(crate) async fn reported<T>(
    sentence: impl FnOnce() -> String,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout(SILENCE, &mut work).await {
        return done;
    }
    let _report = report(&sentence());
    work.await
}

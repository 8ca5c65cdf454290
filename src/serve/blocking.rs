//! Work that may block, on a thread of its own.

use crate::error::{Error, Result};

/// Runs work that may block. Its log events go to the subscriber of the calling thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let subscriber = tracing::dispatcher::get_default(Clone::clone);
    let logged = move || tracing::dispatcher::with_default(&subscriber, work);
    match tokio::task::spawn_blocking(logged).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::internal("a piece of work did not end").caused_by(error)),
    }
}

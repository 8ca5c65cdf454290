//! The end of the process that started this one.
//!
//! Nothing tells it, so its id is compared with the one that `main` read at first, as `ssh-agent` does.

use std::future::pending;
#[cfg(unix)]
use std::os::unix::process::parent_id;
use std::time::Duration;

use crate::error::{Error, Kind};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether the process that started this one, with this id, has ended.
#[cfg(unix)]
pub(super) fn has_ended(parent: Option<u32>) -> bool {
    parent.is_some_and(|parent| parent != parent_id())
}

/// This system does not tell.
#[cfg(not(unix))]
pub(super) fn has_ended(_parent: Option<u32>) -> bool {
    false
}

/// Returns once the process that started this one, with this id, has ended.
pub(super) async fn ended(parent: Option<u32>) {
    if parent.is_none() {
        return pending().await;
    }
    let mut looks = tokio::time::interval(PAUSE);
    while !has_ended(parent) {
        looks.tick().await;
    }
}

/// The error of a command that is not started for this reason.
pub(super) fn ended_error() -> Error {
    Error::new(
        Kind::Interrupted,
        "the process that started acspass has ended",
        "Run the command again.",
    )
}

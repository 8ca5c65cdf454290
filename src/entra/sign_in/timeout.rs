//! The time limit of a sign-in.

use std::pin::pin;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::time::{Clock, in_words};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Waits for `work` until `timeout`. `tick` gets the time left every second.
pub(super) async fn within<T>(
    clock: &dyn Clock,
    timeout: Duration,
    mut tick: impl FnMut(Duration),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut left = timeout;
    // The limit also holds if `clock` stands still.
    let mut work = pin!(tokio::time::timeout(timeout, work));
    while !left.is_zero() {
        tick(left);
        let slice = left.min(SECOND);
        tokio::select! {
            biased;
            done = &mut work => return done.unwrap_or_else(|_| Err(timed_out(timeout, NO_WAY_BACK))),
            () = clock.sleep(slice) => left -= slice,
        }
    }
    Err(timed_out(timeout, NO_WAY_BACK))
}

/// The causes for a browser that does not return to the listener.
const NO_WAY_BACK: &str = "run the command again. Where the browser showed an error and never came back, the usual \
     causes are: the redirect URI http://localhost is not registered under Mobile and desktop \
     applications, an admin must consent first, or a Conditional Access policy blocks the sign-in";

pub(super) fn timed_out(timeout: Duration, hint: &str) -> Error {
    Error::new(
        Kind::SignInRefused,
        format!("nobody finished the sign-in within {}", in_words(timeout)),
        hint,
    )
}

//! Waits for another process that has a session's lock.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use crate::error::{Error, Kind, Result};
use crate::store::{Activity, Attempt, Guard, Holder, LockName, SessionStore};

/// The longest wait for a process that renews. After it, the command fails.
const LONGEST_RENEWAL: Duration = Duration::from_secs(60);
/// A shorter wait is not reported.
const SILENT_WAIT: Duration = Duration::from_millis(700);
const FIRST_RETRY: Duration = Duration::from_millis(10);
const LATER_RETRIES: Duration = Duration::from_millis(100);

/// Takes the lock. Waits up to a minute for a process that renews, and up to `sign_in_wait` for one
/// that signs in; without that it does not wait for a sign-in.
pub(super) async fn lock(
    sessions: &SessionStore,
    name: &LockName,
    activity: Activity,
    sign_in_wait: Option<Duration>,
) -> Result<Guard> {
    let start = Instant::now();
    let mut renewing_since = start;
    let mut delay = FIRST_RETRY;
    let mut reported = None;
    loop {
        let holder = match sessions.try_lock(name, activity)? {
            Attempt::Got(guard) => return Ok(guard),
            Attempt::Held(holder) => holder,
        };
        let now = Instant::now();
        let doing = holder.map_or(Activity::Renewing, |holder| holder.activity);
        match (doing, sign_in_wait) {
            (Activity::SigningIn, None) => return Err(sign_in_in_progress(holder)),
            (Activity::SigningIn, Some(longest)) => {
                renewing_since = now;
                if now - start >= longest {
                    return Err(sign_in_not_finished(holder, longest));
                }
            }
            (Activity::Renewing, _) if now - renewing_since >= LONGEST_RENEWAL => {
                return Err(lock_not_released(holder));
            }
            (Activity::Renewing, _) => {}
        }
        if now - start >= SILENT_WAIT && reported != Some(doing) {
            reported = Some(doing);
            match doing {
                Activity::SigningIn => info!("waiting for {} to sign in", describe_holder(holder)),
                Activity::Renewing => info!(
                    "waiting for {} to renew the session",
                    describe_holder(holder)
                ),
            }
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(LATER_RETRIES);
    }
}

fn describe_holder(holder: Option<Holder>) -> String {
    match holder {
        Some(holder) => format!("another acspass (process {})", holder.pid),
        None => "another acspass".to_owned(),
    }
}

pub(super) fn sign_in_in_progress(holder: Option<Holder>) -> Error {
    Error::new(
        Kind::SignInNeeded,
        format!(
            "{} is waiting for a person to sign in",
            describe_holder(holder)
        ),
        "finish that sign-in in the browser, then run this again",
    )
}

fn sign_in_not_finished(holder: Option<Holder>, longest: Duration) -> Error {
    Error::new(
        Kind::SignInRefused,
        format!(
            "{} did not finish its sign-in within {}",
            describe_holder(holder),
            crate::time::in_words(longest)
        ),
        "finish that sign-in in the browser, or end that process, then run this again",
    )
}

fn lock_not_released(holder: Option<Holder>) -> Error {
    Error::new(
        Kind::Store,
        format!(
            "{} has held the session's lock for a minute",
            describe_holder(holder)
        ),
        "see what that process is doing and end it: the lock goes with it",
    )
}

//! The locks of a sign-in or a renewal, and the wait for another process that has one.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use crate::account::SessionKey;
use crate::error::{Error, Kind, Result};
use crate::progress;
use crate::store::{Activity, Guard, Holder, LockAttempt, LockTarget, SessionStore};
use crate::time::in_words;

/// The longest wait for a process that renews. After it, the command fails.
const RENEWAL_LOCK_TIMEOUT: Duration = Duration::from_secs(60);
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(10);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Takes the lock. Waits up to a minute for a process that renews, and up to `sign_in_wait` for one
/// that signs in; without that it does not wait for a sign-in.
pub(in crate::session) async fn lock(
    store: &SessionStore,
    scope: &LockTarget,
    activity: Activity,
    sign_in_wait: Option<Duration>,
) -> Result<Guard> {
    let start = Instant::now();
    let mut renewing_since = start;
    let mut delay = FIRST_RETRY_DELAY;
    let mut reported = None;
    loop {
        let holder = match store.try_lock(scope, activity)? {
            LockAttempt::Acquired(guard) => return Ok(guard),
            LockAttempt::Held(holder) => holder,
        };
        let now = Instant::now();
        let doing = holder.map_or(Activity::Renewing, |holder| holder.activity);
        match (doing, sign_in_wait) {
            (Activity::SigningIn, None) => return Err(sign_in_in_progress(holder)),
            (Activity::SigningIn, Some(timeout)) if now - start >= timeout => {
                return Err(Error::new(
                    Kind::SignInRefused,
                    format!(
                        "the sign-in of {} timed out after {}",
                        describe(holder),
                        in_words(timeout)
                    ),
                    "Finish that sign-in in the browser or end that process, then run the command again.",
                ));
            }
            (Activity::SigningIn, Some(_)) => renewing_since = now,
            (Activity::Renewing, _) if now - renewing_since >= RENEWAL_LOCK_TIMEOUT => {
                return Err(Error::new(
                    Kind::Store,
                    format!("{} has held the session lock for 60 s", describe(holder)),
                    "End that process, then run the command again.",
                ));
            }
            (Activity::Renewing, _) => {}
        }
        let is_reported = reported.as_ref().is_some_and(|(at, _)| *at == doing);
        if now - start >= progress::SILENCE && !is_reported {
            // A line on a terminal disappears when the wait ends. Elsewhere it stays.
            let sentence = format!("Waiting for {} to {}", describe(holder), task(doing));
            let report = progress::report(&format!("{sentence}\u{2026}"));
            if report.is_disabled() {
                info!("{sentence}.");
            }
            reported = Some((doing, report));
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(MAX_RETRY_DELAY);
    }
}

fn task(activity: Activity) -> &'static str {
    match activity {
        Activity::SigningIn => "sign in",
        Activity::Renewing => "renew the session",
    }
}

/// Returns the error of a command that does not wait for another process's sign-in.
pub(super) fn sign_in_in_progress(holder: Option<Holder>) -> Error {
    Error::new(
        Kind::SignInNeeded,
        format!("{} is waiting for a sign-in", describe(holder)),
        "Finish that sign-in in the browser, then run the command again.",
    )
}

fn describe(holder: Option<Holder>) -> String {
    match holder {
        Some(holder) => format!("another acspass process (pid {})", holder.pid),
        None => "another acspass process".to_owned(),
    }
}

/// The locks of a sign-in or a renewal. A sign-in of an unknown user starts with the application's lock,
/// and adds the session's lock when the account is known.
pub(super) struct HeldLocks {
    pub(super) initial: Guard,
    /// The session's lock, if the first one is the application's or another session's.
    session: Option<Guard>,
}

impl HeldLocks {
    pub(super) fn new(first: Guard) -> Self {
        HeldLocks {
            initial: first,
            session: None,
        }
    }

    /// Returns the session's lock, or else the initial lock.
    pub(super) fn guard(&self) -> &Guard {
        self.session.as_ref().unwrap_or(&self.initial)
    }

    /// Takes the lock of this session, if the initial lock is another one. Waits up to `timeout` for a
    /// process that signs the same user in, and up to a minute for one that renews the session.
    pub(super) async fn lock_session(
        &mut self,
        store: &SessionStore,
        key: SessionKey,
        timeout: Duration,
    ) -> Result<()> {
        let scope = LockTarget::Session(key);
        self.session = match *self.initial.scope() == scope {
            true => None,
            false => Some(lock(store, &scope, Activity::Renewing, Some(timeout)).await?),
        };
        Ok(())
    }
}

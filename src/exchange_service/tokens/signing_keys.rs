//! The cached signing keys of all tenants.
//!
//! An unknown key id triggers a refresh, at most once in five minutes for each tenant. During an
//! outage the old keys stay in use for a day: by then, the withdrawal of a key takes effect. A
//! caller waits for a refresh for 2 seconds: an authority that does not respond to requests for one
//! tenant's keys must not occupy the callers' permits, which belong to all tenants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tracing::warn;
use url::Url;

use super::keys::Keys;
use super::refresh::{Cause, Refresh, Refreshes};
use super::rejection::Rejection;
use crate::error::Error;
use crate::http::Http;
use crate::time::{Clock, Moment, in_words};

/// The shortest time from a refresh for an unknown key id to the next one.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The shortest time from the end of a failed refresh to the next one.
const FAILURE_PAUSE: Duration = Duration::from_secs(15);
/// The same without any keys.
const NO_KEYS_PAUSE: Duration = Duration::from_secs(2);
/// The age at which keys are fetched again without a cause.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);
/// The age from which keys that could not be fetched again are used no more.
const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// The interval of the checks for keys that are missing or old.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);
/// The time from the start of a refresh for which callers wait for it.
const CALLER_WAIT: Duration = Duration::from_secs(2);

/// The signing keys of the allowed tenants.
pub(in crate::exchange_service) struct SigningKeys {
    http: Arc<Http>,
    authority: Url,
    clock: Arc<dyn Clock>,
    tenants: BTreeMap<String, Tenant>,
}

#[derive(Default)]
struct Tenant {
    keys: RwLock<Option<Arc<Keys>>>,
    refreshes: Mutex<Refreshes>,
}

impl Tenant {
    /// Returns the keys of the last successful fetch, whatever their age.
    fn last(&self) -> Option<Arc<Keys>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    fn refreshes(&self) -> MutexGuard<'_, Refreshes> {
        self.refreshes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl SigningKeys {
    pub(in crate::exchange_service) fn new(
        http: Arc<Http>,
        authority: Url,
        clock: Arc<dyn Clock>,
        tenants: &[String],
    ) -> Self {
        let tenants = tenants.iter().map(|id| (id.clone(), Tenant::default()));
        SigningKeys {
            http,
            authority,
            clock,
            tenants: tenants.collect(),
        }
    }

    /// Returns the tenant's keys, with one of this id.
    pub(super) async fn with_key(
        self: &Arc<Self>,
        tenant: &str,
        key_id: &str,
    ) -> Result<Arc<Keys>, Rejection> {
        let entry = self.tenants.get(tenant).ok_or(Rejection::Tenant)?;
        let has_key = |keys: &Arc<Keys>| keys.find(key_id).is_some();
        if let Some(keys) = self.current(entry).filter(has_key) {
            return Ok(keys);
        }
        let has_failed = match self.refresh(tenant, entry, Cause::UnknownKey) {
            Ok(refresh) => refresh.has_failed_within(CALLER_WAIT).await,
            Err(has_failed) => has_failed,
        };
        match self.current(entry) {
            Some(keys) if has_key(&keys) => Ok(keys),
            Some(_) if !has_failed => Err(Rejection::UnknownKey),
            _ => Err(Rejection::KeysUnavailable),
        }
    }

    /// Returns the generation of the tenant's keys, if they may be used.
    pub(super) fn generation(&self, tenant: &str) -> Option<u64> {
        let keys = self.current(self.tenants.get(tenant)?)?;
        Some(keys.generation)
    }

    /// Returns the keys that may be used.
    fn current(&self, entry: &Tenant) -> Option<Arc<Keys>> {
        entry.last().filter(|keys| self.age_of(keys) < MAX_STALE)
    }

    fn age_of(&self, keys: &Keys) -> Duration {
        keys.fetched_at.age(self.clock.as_ref())
    }

    /// Returns the refresh in progress, or a new one if it is due; otherwise, whether the last one
    /// failed.
    fn refresh(
        self: &Arc<Self>,
        tenant: &str,
        entry: &Tenant,
        cause: Cause,
    ) -> Result<Refresh, bool> {
        let mut refreshes = entry.refreshes();
        if let Some(running) = refreshes.running() {
            return Ok(running);
        }
        let failure_pause = match self.current(entry) {
            Some(_) => FAILURE_PAUSE,
            None => NO_KEYS_PAUSE,
        };
        let is_over = |end: Moment, pause| end.age(self.clock.as_ref()) >= pause;
        if refreshes
            .failed_at
            .is_some_and(|at| !is_over(at, failure_pause))
        {
            return Err(true);
        }
        let for_key = refreshes.succeeded_for_key_at;
        let for_key =
            for_key.filter(|_| cause == Cause::UnknownKey && self.current(entry).is_some());
        if for_key.is_some_and(|at| !is_over(at, UNKNOWN_KEY_PAUSE)) {
            return Err(refreshes.failed_at.is_some());
        }
        // A task of its own: a caller that goes away does not end the refresh.
        let (end, refresh) = refreshes.start();
        let (this, tenant) = (self.clone(), tenant.to_owned());
        tokio::spawn(async move {
            let Some(entry) = this.tenants.get(&tenant) else {
                return;
            };
            let is_ok = this.fetch(&tenant, entry).await;
            let now = Moment::now(this.clock.as_ref());
            entry.refreshes().end(cause, now, !is_ok);
            end.send_replace(Some(!is_ok));
        });
        Ok(refresh)
    }

    /// Fetches the keys of a tenant; the old ones stay if that fails. Returns whether it succeeded.
    async fn fetch(&self, tenant: &str, entry: &Tenant) -> bool {
        let clock = self.clock.as_ref();
        let fetched = Keys::fetch(&self.http, &self.authority, tenant, clock).await;
        match fetched {
            Ok(keys) => {
                let mut current = entry.keys.write().unwrap_or_else(PoisonError::into_inner);
                *current = Some(Arc::new(keys));
                true
            }
            Err(error) => {
                let consequence = match entry.last().map(|keys| self.age_of(&keys)) {
                    None => "It has none.".to_owned(),
                    Some(age) if age < MAX_STALE => format!(
                        "Those of {} ago stay in use, up to {}.",
                        in_words(age),
                        in_words(MAX_STALE)
                    ),
                    Some(age) => format!("Those of {} ago are too old.", in_words(age)),
                };
                warn!(
                    "The signing keys of tenant {tenant} were not fetched: {error}. {consequence}"
                );
                false
            }
        }
    }

    /// Fetches the keys that are missing or old, of all tenants at the same time: a tenant whose keys
    /// cannot be fetched delays no other.
    pub(in crate::exchange_service) async fn refresh_old(self: &Arc<Self>) {
        let refreshes = self.tenants.iter().map(|(tenant, entry)| async move {
            let keys = entry.last();
            if keys.is_none_or(|keys| self.age_of(&keys) >= MAX_AGE)
                && let Ok(refresh) = self.refresh(tenant, entry, Cause::Age)
            {
                refresh.has_failed().await;
            }
        });
        futures_util::future::join_all(refreshes).await;
    }

    /// Fetches the keys of each tenant, for a check.
    pub(in crate::exchange_service) async fn fetch_all(&self) -> Vec<(&str, Result<(), Error>)> {
        let fetches = self.tenants.keys().map(|tenant| async move {
            let clock = self.clock.as_ref();
            let fetched = Keys::fetch(&self.http, &self.authority, tenant, clock).await;
            (tenant.as_str(), fetched.map(drop))
        });
        futures_util::future::join_all(fetches).await
    }

    /// Keeps the keys current, for ever.
    pub(in crate::exchange_service) async fn keep_current(self: &Arc<Self>) {
        loop {
            self.refresh_old().await;
            self.clock.sleep(CHECK_INTERVAL).await;
        }
    }

    /// Returns the tenants without keys that may be used.
    pub(in crate::exchange_service) fn missing(&self) -> Vec<&str> {
        let missing = self.tenants.iter();
        let missing = missing.filter(|(_, entry)| self.current(entry).is_none());
        missing.map(|(tenant, _)| tenant.as_str()).collect()
    }

    /// Returns whether a tenant has keys that may be used.
    pub(in crate::exchange_service) fn are_there_any(&self) -> bool {
        let mut tenants = self.tenants.values();
        tenants.any(|entry| self.current(entry).is_some())
    }

    /// Returns the age of the oldest keys, if there are any. Keys that are too old count.
    pub(in crate::exchange_service) fn age(&self) -> Option<Duration> {
        let keys = self.tenants.values().filter_map(Tenant::last);
        keys.map(|keys| self.age_of(&keys)).max()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use tokio::net::TcpListener;

    use super::*;
    use crate::time::{SettableClock, Timestamp};

    const TENANT: &str = "ac5ba55e-7e4a-4000-8000-000000000001";

    #[tokio::test]
    async fn keys_that_cannot_be_fetched_again_are_used_for_a_day() {
        let clock = Arc::new(SettableClock::new(Timestamp::from_unix_seconds(1_000_000)));
        // Port 1 refuses connections.
        let authority = Url::parse("http://127.0.0.1:1").expect("a URL");
        let http = Arc::new(Http::new(crate::http::Options {
            attempts: 1,
            ..crate::http::Options::default()
        }));
        let tenants = [TENANT.to_owned()];
        let keys = Arc::new(SigningKeys::new(http, authority, clock.clone(), &tenants));
        let fetched = Arc::new(Keys::of_test("k1", clock.as_ref()));
        *keys.tenants[TENANT].keys.write().expect("no panic") = Some(fetched);
        clock.advance(MAX_STALE - Duration::from_secs(1));
        keys.refresh_old().await;
        assert!(
            keys.with_key(TENANT, "k1").await.is_ok(),
            "during an outage"
        );
        assert!(keys.are_there_any() && keys.missing().is_empty());
        clock.advance(Duration::from_secs(1));
        let refused = keys.with_key(TENANT, "k1").await.err();
        assert_eq!(refused, Some(Rejection::KeysUnavailable));
        assert!(!keys.are_there_any());
        assert_eq!(keys.missing(), [TENANT]);
        assert_eq!(keys.age(), Some(MAX_STALE), "the figure goes on");
    }

    /// Signing keys at an authority that accepts connections and never responds, and the number of
    /// its connections. The time limit of a request is 3 seconds.
    async fn silent(clock: Arc<SettableClock>) -> (Arc<SigningKeys>, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections: Arc<AtomicUsize> = Arc::default();
        let counted = connections.clone();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                kept.push(stream);
            }
        });
        let http = Arc::new(Http::new(crate::http::Options {
            attempts: 1,
            attempt_timeout: Duration::from_secs(3),
            ..crate::http::Options::default()
        }));
        let authority = Url::parse(&format!("http://{address}")).expect("a URL");
        let keys = SigningKeys::new(http, authority, clock, &[TENANT.to_owned()]);
        (Arc::new(keys), connections)
    }

    async fn ask(keys: &Arc<SigningKeys>, callers: usize) -> Duration {
        let start = Instant::now();
        let all = (0..callers).map(|_| keys.with_key(TENANT, "k1"));
        for outcome in futures_util::future::join_all(all).await {
            assert_eq!(outcome.err(), Some(Rejection::KeysUnavailable));
        }
        start.elapsed()
    }

    #[tokio::test]
    async fn callers_share_one_refresh_and_wait_two_seconds_for_it() {
        let clock = Arc::new(SettableClock::new(Timestamp::from_unix_seconds(1_000_000)));
        let (keys, connections) = silent(clock.clone()).await;
        let took = ask(&keys, 100).await;
        assert!(took < CALLER_WAIT + Duration::from_millis(800), "{took:?}");
        let took = ask(&keys, 100).await;
        assert!(
            took < Duration::from_millis(500),
            "it runs too long: {took:?}"
        );
        // It ends during this time, which counts for no pause.
        clock.advance(Duration::from_secs(600));
        keys.refresh_old().await;
        for _ in 0..2 {
            let took = ask(&keys, 100).await;
            assert!(took < Duration::from_millis(500), "the pause: {took:?}");
            clock.advance(NO_KEYS_PAUSE - Duration::from_secs(1));
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        ask(&keys, 1).await;
        assert_eq!(connections.load(Ordering::Relaxed), 2, "after the pause");
    }

    #[tokio::test]
    async fn the_pause_begins_at_the_end_of_a_refresh_by_age_too() {
        let clock = Arc::new(SettableClock::new(Timestamp::from_unix_seconds(1_000_000)));
        let (keys, connections) = silent(clock.clone()).await;
        keys.refresh_old().await;
        let took = ask(&keys, 100).await;
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }
}

//! The cached signing keys of all tenants.
//!
//! An unknown key id triggers a refresh, at most once in five minutes for each tenant. During an
//! outage the old keys stay in use for a day: an authority that withdraws a key is heard by then.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::warn;
use url::Url;

use super::keys::Keys;
use super::rejection::Rejection;
use crate::error::Error;
use crate::http::Http;
use crate::time::{Clock, Moment, in_words};

/// The shortest time between two refreshes for an unknown key id.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The shortest time between two refreshes after a failed one.
const FAILURE_PAUSE: Duration = Duration::from_secs(15);
/// The shortest time between two tries without any keys.
const NO_KEYS_PAUSE: Duration = Duration::from_secs(2);
/// The age at which keys are fetched again without a cause.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);
/// The age from which keys that could not be fetched again are used no more.
const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// The interval of the checks for keys that are missing or old.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);

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
    /// The last refresh for an unknown key id. The lock is held during each refresh, so that there is one
    /// for all callers.
    last_try: Arc<Mutex<Option<Try>>>,
}

#[derive(Clone, Copy)]
struct Try {
    at: Moment,
    has_failed: bool,
}

impl Tenant {
    /// Returns the keys of the last successful fetch, whatever their age.
    fn last(&self) -> Option<Arc<Keys>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
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
        let last_try = entry.last_try.clone().lock_owned().await;
        // Another caller may have refreshed the keys during the wait.
        if let Some(keys) = self.current(entry).filter(has_key) {
            return Ok(keys);
        }
        let has_failed = match last_try.as_ref() {
            Some(last) if !self.is_due(last, entry) => last.has_failed,
            _ => self.refresh_in_task(tenant, last_try).await,
        };
        match self.current(entry) {
            Some(keys) if has_key(&keys) => Ok(keys),
            Some(_) if !has_failed => Err(Rejection::UnknownKey),
            _ => Err(Rejection::KeysUnavailable),
        }
    }

    /// Returns the keys that may be used.
    fn current(&self, entry: &Tenant) -> Option<Arc<Keys>> {
        entry.last().filter(|keys| self.age_of(keys) < MAX_STALE)
    }

    fn age_of(&self, keys: &Keys) -> Duration {
        keys.fetched_at.age(self.clock.as_ref())
    }

    fn is_due(&self, last: &Try, entry: &Tenant) -> bool {
        let pause = match (self.current(entry), last.has_failed) {
            (None, _) => NO_KEYS_PAUSE,
            (Some(_), true) => FAILURE_PAUSE,
            (Some(_), false) => UNKNOWN_KEY_PAUSE,
        };
        last.at.age(self.clock.as_ref()) >= pause
    }

    /// Refreshes the keys in a task of its own: a caller that goes away does not end the refresh, and
    /// cannot start another one. Returns whether it failed.
    async fn refresh_in_task(
        self: &Arc<Self>,
        tenant: &str,
        mut last_try: OwnedMutexGuard<Option<Try>>,
    ) -> bool {
        let (this, tenant) = (self.clone(), tenant.to_owned());
        let task = tokio::spawn(async move {
            let Some(entry) = this.tenants.get(&tenant) else {
                return true;
            };
            let tried = this.refresh(&tenant, entry).await;
            *last_try = Some(tried);
            tried.has_failed
        });
        task.await.unwrap_or(true)
    }

    /// Fetches the keys of a tenant; the old ones stay if that fails.
    async fn refresh(&self, tenant: &str, entry: &Tenant) -> Try {
        let clock = self.clock.as_ref();
        let at = Moment::now(clock);
        let fetched = Keys::fetch(&self.http, &self.authority, tenant, clock).await;
        let has_failed = fetched.is_err();
        match fetched {
            Ok(keys) => {
                let mut current = entry.keys.write().unwrap_or_else(PoisonError::into_inner);
                *current = Some(Arc::new(keys));
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
            }
        }
        Try { at, has_failed }
    }

    /// Fetches the keys that are missing or old, of all tenants at the same time: a tenant whose keys
    /// cannot be fetched delays no other.
    pub(in crate::exchange_service) async fn refresh_old(&self) {
        let refreshes = self.tenants.iter().map(|(tenant, entry)| async move {
            let keys = entry.last();
            if keys.is_none_or(|keys| self.age_of(&keys) >= MAX_AGE) {
                let _held = entry.last_try.lock().await;
                self.refresh(tenant, entry).await;
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
    pub(in crate::exchange_service) async fn keep_current(&self) {
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
}

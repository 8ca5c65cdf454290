//! The cached signing keys of all tenants.
//!
//! An unknown key id triggers a refresh, at most once in five minutes for each tenant. During an
//! outage the old keys stay in use.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::warn;
use url::Url;

use super::keys::Keys;
use super::rejection::Rejection;
use crate::http::Http;
use crate::time::{Clock, Moment};

/// The shortest time between two refreshes for an unknown key id.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The shortest time between two refreshes after a failed one.
const FAILURE_PAUSE: Duration = Duration::from_secs(15);
/// The shortest time between two tries without any keys.
const NO_KEYS_PAUSE: Duration = Duration::from_secs(2);
/// The age at which keys are fetched again without a cause.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);
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
    fn current(&self) -> Option<Arc<Keys>> {
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
        if let Some(keys) = entry.current().filter(has_key) {
            return Ok(keys);
        }
        let last_try = entry.last_try.clone().lock_owned().await;
        // Another caller may have refreshed the keys during the wait.
        if let Some(keys) = entry.current().filter(has_key) {
            return Ok(keys);
        }
        let has_failed = match last_try.as_ref() {
            Some(last) if !self.is_due(last, entry) => last.has_failed,
            _ => self.refresh_in_task(tenant, last_try).await,
        };
        match entry.current() {
            Some(keys) if has_key(&keys) => Ok(keys),
            Some(_) if !has_failed => Err(Rejection::UnknownKey),
            _ => Err(Rejection::KeysUnavailable),
        }
    }

    fn is_due(&self, last: &Try, entry: &Tenant) -> bool {
        let pause = match (entry.current(), last.has_failed) {
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
            Err(error) => warn!("The signing keys of tenant {tenant} were not fetched: {error}."),
        }
        Try { at, has_failed }
    }

    /// Fetches the keys that are missing or old.
    pub(in crate::exchange_service) async fn refresh_old(&self) {
        for (tenant, entry) in &self.tenants {
            let is_old = |keys: &Arc<Keys>| keys.fetched_at.age(self.clock.as_ref()) >= MAX_AGE;
            if entry.current().is_none_or(|keys| is_old(&keys)) {
                let _held = entry.last_try.lock().await;
                self.refresh(tenant, entry).await;
            }
        }
    }

    /// Keeps the keys current, for ever.
    pub(in crate::exchange_service) async fn keep_current(&self) {
        loop {
            self.refresh_old().await;
            self.clock.sleep(CHECK_INTERVAL).await;
        }
    }

    /// Returns the tenants without keys.
    pub(in crate::exchange_service) fn missing(&self) -> Vec<&str> {
        let missing = self.tenants.iter();
        let missing = missing.filter(|(_, entry)| entry.current().is_none());
        missing.map(|(tenant, _)| tenant.as_str()).collect()
    }

    /// Returns the age of the oldest keys, if there are any.
    pub(in crate::exchange_service) fn age(&self) -> Option<Duration> {
        let keys = self.tenants.values().filter_map(Tenant::current);
        keys.map(|keys| keys.fetched_at.age(self.clock.as_ref()))
            .max()
    }
}

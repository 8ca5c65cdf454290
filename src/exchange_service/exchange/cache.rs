//! Tokens in memory, by a hash of the user's token, and the exchanges in progress.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tracing::Instrument as _;

use super::reason::Reason;
use super::refusal::Refusal;
use crate::acs::IssuedToken;
use crate::exchange_service::expiring::Expiring;
use crate::time::{Clock, Timestamp};

/// A token with less left is not fresh.
const MIN_VALIDITY: Duration = Duration::from_secs(10 * 60);
/// The most tokens that are kept.
const CAPACITY: usize = 200_000;
/// The tokens that are forgotten under one lock.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// The hash of a user's token.
pub(in crate::exchange_service) type Key = [u8; 32];

pub(in crate::exchange_service) type Outcome = Result<Arc<IssuedToken>, Refusal>;

/// How a response got its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange_service) enum Origin {
    /// The request caused an exchange.
    Exchanged,
    /// Another request's exchange was in progress.
    Joined,
    /// The token was in memory.
    Cached,
}

/// The tokens, and the exchanges in progress.
pub(in crate::exchange_service) struct TokenCache {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    kept: Expiring<Key, Arc<IssuedToken>, Timestamp>,
    /// At most one for each user.
    running: HashMap<String, (Key, Running)>,
}

type Running = Shared<BoxFuture<'static, Outcome>>;

impl TokenCache {
    pub(in crate::exchange_service) fn new(clock: Arc<dyn Clock>) -> Self {
        TokenCache {
            clock,
            state: Mutex::new(State {
                kept: Expiring::new(CAPACITY),
                running: HashMap::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the token for this key: the kept one, that of an exchange in progress, or that of a new
    /// exchange. A user has one exchange at a time. It continues if the caller goes away.
    pub(in crate::exchange_service) async fn token<F>(
        self: &Arc<Self>,
        user: &str,
        key: Key,
        exchange: impl FnOnce() -> F,
    ) -> (Outcome, Origin)
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut exchange = Some(exchange);
        loop {
            let (running, origin) = {
                let mut state = self.state();
                if let Some(token) = state.kept.get(&key, self.clock.now()) {
                    return (Ok(token.clone()), Origin::Cached);
                }
                match (state.running.get(user), exchange.take()) {
                    (Some((of, running)), unused) => {
                        exchange = unused;
                        let origin = (*of == key).then_some(Origin::Joined);
                        (running.clone(), origin)
                    }
                    (None, Some(exchange)) => {
                        let running = self.clone().start(user.to_owned(), key, exchange());
                        let entry = (key, running.clone());
                        state.running.insert(user.to_owned(), entry);
                        (running, Some(Origin::Exchanged))
                    }
                    // The exchange is taken once, and then returned.
                    (None, None) => return (Err(interrupted()), Origin::Exchanged),
                }
            };
            let outcome = running.await;
            if let Some(origin) = origin {
                return (outcome, origin);
            }
        }
    }

    /// Starts an exchange in a task of its own.
    fn start(
        self: Arc<Self>,
        user: String,
        key: Key,
        exchange: impl Future<Output = Outcome> + Send + 'static,
    ) -> Running {
        let exchange = exchange.in_current_span();
        let task = tokio::spawn(async move {
            let outcome = exchange.await;
            let mut state = self.state();
            if let Ok(token) = &outcome {
                self.keep(&mut state, key, token.clone());
            }
            state.running.remove(&user);
            outcome
        });
        let joined = async { task.await.unwrap_or_else(|_| Err(interrupted())) };
        joined.boxed().shared()
    }

    fn keep(&self, state: &mut State, key: Key, token: Arc<IssuedToken>) {
        let now = self.clock.now();
        let life = token.expires_on.since(now);
        // A tenant's tokens can be short-lived. They are exchanged again after half of their life.
        let until = token.expires_on.minus(MIN_VALIDITY.min(life / 2));
        state.kept.insert(key, token, until, now);
    }

    /// Forgets tokens that are not fresh any more.
    pub(in crate::exchange_service) fn forget_old(&self) {
        let now = self.clock.now();
        while self.state().kept.forget(now, FORGOTTEN_AT_ONCE) {}
    }

    /// Returns the number of kept tokens.
    pub(in crate::exchange_service) fn len(&self) -> usize {
        self.state().kept.len()
    }
}

fn interrupted() -> Refusal {
    Refusal::unavailable(Reason::Interrupted, "The exchange was interrupted.")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::secret::CommunicationToken;
    use crate::time::SettableClock;

    struct Resource {
        clock: Arc<SettableClock>,
        cache: Arc<TokenCache>,
        life: Duration,
        exchanges: Arc<AtomicUsize>,
        permits: Arc<Semaphore>,
    }

    impl Resource {
        fn new(life: Duration, permits: usize) -> Self {
            let clock = Arc::new(SettableClock::new(Timestamp::from_unix_seconds(1_000_000)));
            Resource {
                cache: Arc::new(TokenCache::new(clock.clone())),
                clock,
                life,
                exchanges: Arc::default(),
                permits: Arc::new(Semaphore::new(permits)),
            }
        }

        async fn token(&self, user: &str, key: u8) -> (Outcome, Origin) {
            let (exchanges, permits) = (self.exchanges.clone(), self.permits.clone());
            let expires_on = self.clock.now().plus(self.life);
            let exchange = || async move {
                let number = exchanges.fetch_add(1, Ordering::Relaxed);
                permits.acquire().await.expect("open").forget();
                Ok(Arc::new(IssuedToken {
                    token: CommunicationToken::new(number.to_string()),
                    expires_on,
                    service_time: None,
                }))
            };
            self.cache.token(user, [key; 32], exchange).await
        }

        fn count(&self) -> usize {
            self.exchanges.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn requests_with_one_token_are_one_exchange() {
        let resource = Resource::new(Duration::from_secs(3600), 0);
        let all = futures_util::future::join_all((0..50).map(|_| resource.token("ada", 1)));
        let release = async { resource.permits.add_permits(50) };
        let (outcomes, ()) = tokio::join!(all, release);
        assert_eq!(resource.count(), 1);
        let joined = outcomes
            .iter()
            .filter(|(_, origin)| *origin == Origin::Joined);
        assert_eq!(joined.count(), 49);
        assert_eq!(resource.token("ada", 1).await.1, Origin::Cached);
    }

    #[tokio::test]
    async fn a_user_has_one_exchange_at_a_time_and_each_token_its_own() {
        let resource = Resource::new(Duration::from_secs(3600), 0);
        let both = async { tokio::join!(resource.token("ada", 1), resource.token("ada", 2)) };
        let release = async {
            tokio::task::yield_now().await;
            assert_eq!(resource.count(), 1, "the second one waits");
            resource.permits.add_permits(2);
        };
        let ((first, second), ()) = tokio::join!(both, release);
        assert_eq!((first.1, second.1), (Origin::Exchanged, Origin::Exchanged));
        assert_eq!(resource.count(), 2);
    }

    #[tokio::test]
    async fn tokens_are_kept_until_ten_minutes_before_their_expiry() {
        for (life, kept) in [(3600, 3000), (600, 300), (60, 30)] {
            let resource = Resource::new(Duration::from_secs(life), 9);
            resource.token("ada", 1).await.0.expect("a token");
            resource.clock.advance(Duration::from_secs(kept - 1));
            assert_eq!(resource.token("ada", 1).await.1, Origin::Cached);
            resource.clock.advance(Duration::from_secs(1));
            assert_eq!(resource.token("ada", 1).await.1, Origin::Exchanged);
            resource.clock.advance(Duration::from_secs(life));
            resource.cache.forget_old();
            assert_eq!(resource.cache.len(), 0);
        }
    }

    #[tokio::test]
    async fn an_exchange_survives_its_caller() {
        let resource = Resource::new(Duration::from_secs(3600), 0);
        {
            let caller = resource.token("ada", 1);
            tokio::pin!(caller);
            assert!(futures_util::poll!(caller.as_mut()).is_pending());
        }
        resource.permits.add_permits(1);
        let (outcome, origin) = resource.token("ada", 1).await;
        assert_eq!(outcome.expect("a token").token.expose(), "0");
        assert_ne!(origin, Origin::Exchanged);
    }
}

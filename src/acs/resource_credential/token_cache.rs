//! The principal's token: fetched once for concurrent callers, and cached until shortly before it
//! expires.
//!
//! The developer tools' credentials start a process for each token (`az` needs about a second), so
//! that a burst of requests would start one process per request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use futures_util::FutureExt as _;
use futures_util::future::{Shared, WeakShared};

use super::fetch::fetch;
use crate::error::Result;
use crate::secret::EntraToken;
use crate::time::{Clock, Moment};

/// A token with less left than this is replaced before it is used, as in the SDKs.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// The Entra credential of a principal with a role on the resource, and the token that it has now.
/// Clones share the token.
#[derive(Clone)]
pub struct EntraPrincipal(Arc<Inner>);

struct Inner {
    credential: Arc<dyn TokenCredential>,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    kept: Option<CachedToken>,
    /// The fetch in progress. It is cancelled when its last caller is.
    fetch: Option<WeakShared<Fetch>>,
}

type Fetch = Pin<Box<dyn Future<Output = Result<CachedToken>> + Send>>;

#[derive(Clone)]
struct CachedToken {
    token: EntraToken,
    /// The time left when the fetch began.
    life: Duration,
    began_at: Moment,
}

impl CachedToken {
    /// Whether more than [`MARGIN`] is left.
    fn is_usable(&self, clock: &dyn Clock) -> bool {
        self.life > self.began_at.age(clock).saturating_add(MARGIN)
    }
}

impl From<Arc<dyn TokenCredential>> for EntraPrincipal {
    fn from(credential: Arc<dyn TokenCredential>) -> Self {
        EntraPrincipal(Arc::new(Inner {
            credential,
            now: Mutex::default(),
        }))
    }
}

impl fmt::Debug for EntraPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntraPrincipal([redacted])")
    }
}

impl EntraPrincipal {
    /// Returns a token for the resource's API: the cached one if more than five minutes are left,
    /// or else a new one. Callers that arrive during a fetch get its outcome, also if it fails.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) if Entra refuses the credential,
    /// [`Kind::Usage`](crate::Kind::Usage) if there is no principal.
    pub(crate) async fn token(&self, clock: &dyn Clock) -> Result<EntraToken> {
        let fetch = {
            let mut now = self.now();
            if let Some(kept) = now.kept.as_ref().filter(|kept| kept.is_usable(clock)) {
                return Ok(kept.token.clone());
            }
            match now.fetch.as_ref().and_then(WeakShared::upgrade) {
                Some(fetch) => fetch,
                None => {
                    let fetch = self.fetch(clock);
                    now.fetch = fetch.downgrade();
                    fetch
                }
            }
        };
        fetch.await.map(|kept| kept.token)
    }

    /// Drops this token if it is the cached one: the resource did not accept it. Another user may
    /// have signed in to `az` since.
    pub(crate) fn reject(&self, token: &EntraToken) {
        let mut now = self.now();
        if now.kept.as_ref().is_some_and(|kept| kept.token == *token) {
            now.kept = None;
        }
    }

    fn fetch(&self, clock: &dyn Clock) -> Shared<Fetch> {
        let inner = self.0.clone();
        let (began_at, now) = (Moment::now(clock), clock.now());
        let fetch: Fetch = Box::pin(async move {
            let outcome = fetch(inner.credential.as_ref()).await;
            let kept = outcome.map(|(token, expires_on)| CachedToken {
                token,
                life: expires_on.since(now),
                began_at,
            });
            let mut now = inner.now.lock().unwrap_or_else(PoisonError::into_inner);
            now.fetch = None;
            now.kept = kept.as_ref().ok().cloned();
            kept
        });
        fetch.shared()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use azure_core::credentials::{AccessToken, TokenRequestOptions};
    use azure_core::error::{Error as AzureError, ErrorKind};
    use azure_core::time::OffsetDateTime;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::time::{SettableClock, Timestamp};

    const START: i64 = 1_800_000_000;

    /// A credential that waits for a permit before it returns.
    #[derive(Debug)]
    struct Counted {
        fetches: AtomicUsize,
        permits: Semaphore,
        fails: bool,
        token: &'static str,
    }

    impl Counted {
        fn new(permits: usize, fails: bool) -> Arc<Self> {
            Arc::new(Counted {
                fetches: AtomicUsize::new(0),
                permits: Semaphore::new(permits),
                fails,
                token: "token",
            })
        }

        fn count(&self) -> usize {
            self.fetches.load(Ordering::Relaxed)
        }
    }

    #[async_trait::async_trait]
    impl TokenCredential for Counted {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            let fetch = self.fetches.fetch_add(1, Ordering::Relaxed) + 1;
            self.permits.acquire().await.expect("it is open").forget();
            match self.fails {
                true => Err(AzureError::with_message(ErrorKind::Credential, "no")),
                false => Ok(AccessToken::new(
                    format!("{}-{fetch}", self.token),
                    OffsetDateTime::from_unix_timestamp(START + 3600).expect("a time"),
                )),
            }
        }
    }

    fn clock() -> SettableClock {
        SettableClock::new(Timestamp::from_unix_seconds(START))
    }

    #[tokio::test]
    async fn text_that_is_no_b64token_is_no_token_of_the_principal() {
        let credential = Counted {
            fetches: AtomicUsize::new(0),
            permits: Semaphore::new(9),
            fails: false,
            token: "no token",
        };
        let credential: Arc<dyn TokenCredential> = Arc::new(credential);
        let principal = EntraPrincipal::from(credential);
        let error = principal.token(&clock()).await.expect_err("no token");
        assert_eq!(error.kind(), crate::Kind::Refused);
    }

    #[tokio::test]
    async fn token_is_cached_until_five_minutes_before_it_expires() {
        let (credential, clock) = (Counted::new(9, false), clock());
        let principal = EntraPrincipal::from(credential.clone() as Arc<dyn TokenCredential>);
        for (advance, fetches) in [(0, 1), (3299, 1), (1, 2)] {
            clock.advance(Duration::from_secs(advance));
            principal.token(&clock).await.expect("a token");
            assert_eq!(credential.count(), fetches, "after {advance} s more");
        }
    }

    #[tokio::test]
    async fn concurrent_callers_share_one_fetch_and_its_failure() {
        for fails in [false, true] {
            let (credential, clock) = (Counted::new(0, fails), clock());
            let principal = EntraPrincipal::from(credential.clone() as Arc<dyn TokenCredential>);
            let mut callers: Vec<_> = (0..32).map(|_| Box::pin(principal.token(&clock))).collect();
            for caller in &mut callers {
                assert!(futures_util::poll!(caller).is_pending());
            }
            // The caller that began the fetch goes away; the others still get its outcome.
            drop(callers.remove(0));
            credential.permits.add_permits(1);
            for caller in callers {
                assert_eq!(caller.await.is_err(), fails);
            }
            assert_eq!(credential.count(), 1);
            credential.permits.add_permits(1);
            assert_eq!(principal.token(&clock).await.is_err(), fails);
            assert_eq!(credential.count(), if fails { 2 } else { 1 });
        }
    }

    #[tokio::test]
    async fn fetch_without_a_caller_does_not_block_the_next_one() {
        let (credential, clock) = (Counted::new(0, false), clock());
        let principal = EntraPrincipal::from(credential.clone() as Arc<dyn TokenCredential>);
        let mut caller = Box::pin(principal.token(&clock));
        assert!(futures_util::poll!(&mut caller).is_pending());
        drop(caller);
        credential.permits.add_permits(1);
        principal.token(&clock).await.expect("a token");
        assert_eq!(credential.count(), 2);
    }

    #[tokio::test]
    async fn rejected_token_is_fetched_again() {
        let (credential, clock) = (Counted::new(9, false), clock());
        let principal = EntraPrincipal::from(credential.clone() as Arc<dyn TokenCredential>);
        let first = principal.token(&clock).await.expect("a token");
        principal.reject(&EntraToken::new("another"));
        assert!(principal.token(&clock).await.expect("a token") == first);
        principal.reject(&first);
        assert!(principal.token(&clock).await.expect("a token") != first);
        assert_eq!(credential.count(), 2);
    }
}

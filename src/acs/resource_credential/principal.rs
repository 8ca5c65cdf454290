//! The principal's token: fetched once for concurrent callers, and cached until shortly before it
//! expires. Translates the errors of the `azure_identity` crate.
//!
//! The developer tools' credentials start a process for each token (`az` needs about a second), so
//! that a burst of requests would start one process per request.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::error::{Error as AzureError, ErrorKind};
use futures_util::FutureExt as _;
use futures_util::future::WeakShared;

use crate::error::{Error, Kind, Result};
use crate::secret::{EntraToken, is_b64token};
use crate::text::one_line;
use crate::time::{Clock, Moment, Timestamp};

/// A token with less left than this is replaced before it is used, as in the SDKs.
const REFRESH_MARGIN: Duration = Duration::from_secs(5 * 60);
const CHECK: &str = "Check the network and AZURE_AUTHORITY_HOST.";
/// The scope for the resource's API; the double slash is real (PY, JSI: `.default` of the
/// audience `https://communication.azure.com/`).
const SCOPE: &str = "https://communication.azure.com//.default";

/// The Entra credential of a principal with a role on the resource, and its cached token.
/// Clones share the token.
#[derive(Clone)]
pub struct EntraPrincipal(Arc<Inner>);

struct Inner {
    credential: Arc<dyn TokenCredential>,
    cache: Mutex<CacheState>,
}

#[derive(Default)]
struct CacheState {
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
    /// Whether more than [`REFRESH_MARGIN`] is left.
    fn is_usable(&self, clock: &dyn Clock) -> bool {
        self.life > self.began_at.age(clock).saturating_add(REFRESH_MARGIN)
    }
}

impl From<Arc<dyn TokenCredential>> for EntraPrincipal {
    fn from(credential: Arc<dyn TokenCredential>) -> Self {
        EntraPrincipal(Arc::new(Inner {
            credential,
            cache: Mutex::default(),
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
    /// [`Kind::Refused`] if Entra refuses the credential, [`Kind::Usage`] if there is no principal.
    pub(crate) async fn token(&self, clock: &dyn Clock) -> Result<EntraToken> {
        let fetch = {
            let mut cache = self.0.lock_cache();
            if let Some(kept) = cache.kept.as_ref().filter(|kept| kept.is_usable(clock)) {
                return Ok(kept.token.clone());
            }
            let running = cache.fetch.as_ref().and_then(WeakShared::upgrade);
            running.unwrap_or_else(|| {
                let (inner, began_at, wall) = (self.0.clone(), Moment::now(clock), clock.now());
                let fetch: Fetch = Box::pin(async move { inner.fetch(began_at, wall).await });
                let fetch = fetch.shared();
                cache.fetch = fetch.downgrade();
                fetch
            })
        };
        fetch.await.map(|kept| kept.token)
    }

    /// Drops this token if it is the cached one: the resource did not accept it. Another user may
    /// have signed in to `az` since.
    pub(crate) fn reject(&self, token: &EntraToken) {
        self.0
            .lock_cache()
            .kept
            .take_if(|kept| kept.token == *token);
    }
}

impl Inner {
    fn lock_cache(&self) -> MutexGuard<'_, CacheState> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests a token for the resource's API, and keeps it.
    async fn fetch(&self, began_at: Moment, now: Timestamp) -> Result<CachedToken> {
        let outcome = self.credential.get_token(&[SCOPE], None).await;
        let outcome = outcome.map_err(|error| translate(&error));
        let kept = outcome.and_then(|token| {
            if !is_b64token(token.token.secret()) {
                return Err(Error::new(
                    Kind::Refused,
                    "the credential for the ACS resource returned text that is not a token",
                    "Check AZURE_TOKEN_CREDENTIALS and AZURE_AUTHORITY_HOST, and run `az account \
                     get-access-token` to check the Azure CLI.",
                ));
            }
            let expires_on = Timestamp::from_unix_seconds(token.expires_on.unix_timestamp());
            Ok(CachedToken {
                token: EntraToken::new(token.token.secret()),
                life: expires_on.since(now),
                began_at,
            })
        });
        *self.lock_cache() = CacheState {
            kept: kept.as_ref().ok().cloned(),
            fetch: None,
        };
        kept
    }
}

/// Translates an error. It may contain a response body, so only Entra's sentence or the first line is
/// kept.
fn translate(error: &azure_core::Error) -> Error {
    let text = error.to_string();
    let message = first_line(&text);
    let first: &(dyn StdError + 'static) = error;
    let causes: Vec<_> = std::iter::successors(Some(first), |&cause| cause.source()).collect();
    if let Some(own) = causes
        .iter()
        .find_map(|cause| cause.downcast_ref::<Error>())
    {
        return unavailable(own);
    }
    let errors = causes
        .iter()
        .filter_map(|cause| cause.downcast_ref::<AzureError>());
    let kinds: Vec<&ErrorKind> = errors.map(AzureError::kind).collect();
    let is_4xx = |kind: &ErrorKind| match kind {
        ErrorKind::HttpResponse { status, .. } => (400..500).contains(&u16::from(*status)),
        _ => false,
    };
    let is_refusal = message.contains("AADSTS") || kinds.iter().any(|kind| is_4xx(kind));
    let error = if is_refusal {
        Error::new(
            Kind::Refused,
            "Entra ID refused the credential for the ACS resource",
            "Check AZURE_CLIENT_ID, AZURE_TENANT_ID and the secret or certificate. The principal \
             needs a role on the resource.",
        )
    } else if kinds
        .iter()
        .any(|kind| matches!(kind, ErrorKind::DataConversion))
    {
        // The cause may quote the response.
        return Error::unreachable(
            "Entra ID returned no token response for the credential of the ACS resource",
            CHECK,
        );
    } else {
        Error::usage(
            "the ACS resource has neither an access key nor an Entra credential",
            "Run `acspass config set connection-string`. With Entra ID, run `az login`, or set \
             AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET.",
        )
    };
    match aadsts(&message) {
        Some(code) => error
            .with_code(code)
            .caused_by(format!("Entra says: {}", entra_sentence(&text))),
        // The line announces the list of the tools.
        None if message.ends_with(':') => match of_tools(&text) {
            Some(cause) => error.caused_by(cause),
            None => error,
        },
        None => error.caused_by(message),
    }
}

/// Returns the error for a request without a response of Entra ID. A setting that prevents the request
/// stays the cause.
fn unavailable(own: &Error) -> Error {
    if own.kind() != Kind::Unreachable {
        return own.clone();
    }
    own.clone()
        .with_message("Entra ID is unavailable for the credential of the ACS resource")
        .with_hint(CHECK)
        .caused_by(own.to_string())
}

/// Returns Entra's sentence in an error, which quotes the description with escapes or unchanged.
fn entra_sentence(text: &str) -> String {
    let start = text.find("AADSTS").unwrap_or_default();
    let ends = ["\\r", "\\n", "\r", "\n", "Trace ID:"];
    let end = ends.iter().filter_map(|end| text[start..].find(end)).min();
    let end = end.map_or(text.len(), |end| start + end);
    let sentence = text[start..end].replace("\\\"", "\"");
    one_line(sentence.trim(), 300)
}

/// Returns the reasons of the developer tools on one line: `az` and `azd`, each in a line of its own.
fn of_tools(text: &str) -> Option<String> {
    const BEFORE: &str = "authentication failed. ";
    let reasons = text.lines().filter_map(|line| line.split_once(BEFORE));
    let reasons: Vec<&str> = reasons.map(|(_, reason)| reason.trim()).collect();
    (!reasons.is_empty()).then(|| one_line(&reasons.join("; "), 300))
}

fn aadsts(text: &str) -> Option<String> {
    let digits: String = text[text.find("AADSTS")? + 6..]
        .chars()
        .take_while(char::is_ascii_digit)
        .take(9)
        .collect();
    Some(format!("AADSTS{digits}"))
}

pub(super) fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    one_line(lines.find(|line| !line.is_empty()).unwrap_or_default(), 300)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use azure_core::credentials::{AccessToken, TokenRequestOptions};
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

    #[test]
    fn cause_is_entras_sentence_or_one_whole_line() {
        let sentence = "AADSTS7000215: Invalid client secret provided for 'app'.";
        for (text, cause) in [
            (
                format!(
                    "ClientSecretCredential authentication failed. invalid type: string \
                     \"{sentence}\\r\\nTrace ID: bce1afaf\\r\\nTimestamp: x\", expected a sequence"
                ),
                Some(format!("Entra says: {sentence}")),
            ),
            (
                format!("Failed. {sentence}\r\nTrace ID: bce1afaf"),
                Some(format!("Entra says: {sentence}")),
            ),
            (
                format!("Failed. {sentence} Trace ID: bce1afaf"),
                Some(format!("Entra says: {sentence}")),
            ),
            (
                "Multiple errors were encountered while attempting to authenticate:\nAz: no"
                    .to_owned(),
                None,
            ),
            (
                "Multiple errors were encountered while attempting to authenticate:\n\
                 AzureCliCredential authentication failed. az not found on PATH\n\
                 To troubleshoot, visit https://aka.ms/x#azure-cli - az not found on PATH\n\
                 AzureDeveloperCliCredential authentication failed. azd not found on PATH\n\
                 To troubleshoot, visit https://aka.ms/x#azd - azd not found on PATH"
                    .to_owned(),
                Some("az not found on PATH; azd not found on PATH".to_owned()),
            ),
            ("no az\nin PATH".to_owned(), Some("no az".to_owned())),
        ] {
            let error = translate(&AzureError::with_message(ErrorKind::Credential, text));
            let found = std::error::Error::source(&error).map(ToString::to_string);
            assert_eq!(found, cause);
        }
    }

    #[test]
    fn an_outage_is_no_missing_credential_and_keeps_its_pause() {
        let wrapped = |error: AzureError| {
            AzureError::with_error(ErrorKind::Credential, error, "it failed".to_owned())
        };
        let busy = Error::unreachable("a.test keeps returning HTTP status 429", "wait")
            .with_retry_after(Duration::from_secs(11));
        let unreadable = Error::usage("could not read the CA file", "check it");
        let invalid = serde_json::from_str::<u8>("<").expect_err("no JSON");
        let own = |error: Error| wrapped(AzureError::new(ErrorKind::Other, error));
        for (error, kind, pause) in [
            (own(busy), Kind::Unreachable, Some(11)),
            (own(unreadable), Kind::Usage, None),
            (wrapped(invalid.into()), Kind::Unreachable, None),
            (
                AzureError::with_message(ErrorKind::Credential, "no az"),
                Kind::Usage,
                None,
            ),
        ] {
            let found = translate(&error);
            let found = (
                found.kind(),
                found.retry_after().map(|pause| pause.as_secs()),
            );
            assert_eq!(found, (kind, pause), "{error:?}");
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
        assert_eq!(error.kind(), Kind::Refused);
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

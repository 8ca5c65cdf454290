//! The accounts for which the service asks for a sign-in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::account::{Account, EntraApplication};
use crate::acs::{Endpoint, IdentityClient};
use crate::entra::Entra;
use crate::entra::redirect::RedirectUri;
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::secret::EntraToken;
use crate::serve::context::{Clients, Context, Options, blocking};
use crate::session::{Overview, RenewalServices, Sessions, TokenKind, TokenRequest};
use crate::store::{
    Activity, CachedEntraToken, IndexEntry, LockAttempt, LockTarget, MemoryStore, Record,
    SessionStore,
};
use crate::time::{Clock, SystemClock};

use super::cache::Accounts;
use super::refresh::{RefreshState, refresh};

/// Clients of services that ask for a new sign-in.
struct SignInNeeded;

fn sign_in_needed<T>() -> Result<T> {
    let message = "Entra asks for a new sign-in";
    Err(Error::new(Kind::SignInNeeded, message, "sign in"))
}

impl Clients for SignInNeeded {
    fn net(&self) -> Result<RenewalServices> {
        sign_in_needed()
    }

    fn identity_client(&self) -> Result<IdentityClient> {
        sign_in_needed()
    }

    fn resource(&self) -> Result<Endpoint> {
        sign_in_needed()
    }

    fn entra(&self) -> Result<Entra> {
        sign_in_needed()
    }

    fn overview(&self) -> Result<Overview> {
        sign_in_needed()
    }
}

/// A context over these sessions, and the number of times that it asked for a sign-in.
fn context(sessions: &Arc<SessionStore>) -> (Arc<Context>, Arc<AtomicUsize>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let notices = Arc::new(AtomicUsize::new(0));
    let count = notices.clone();
    let options = Options {
        only: None,
        managed_identity: None,
        session: Sessions::new(sessions.clone(), clock.clone(), application()),
        token_request: TokenRequest::new(TokenKind::Entra(Vec::new()), Duration::from_secs(600)),
        clients: Arc::new(SignInNeeded),
        profile: "default".to_owned(),
        clock,
        origins: Vec::new(),
        redirect_uri: RedirectUri::parse("http://localhost").expect("a redirect URI"),
        sign_in_timeout: Duration::from_secs(60),
        sign_in_needed: Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        }),
    };
    let context = Context::new(options, Folder::new("/nonexistent"));
    (Arc::new(context), notices)
}

fn application() -> EntraApplication {
    EntraApplication {
        authority_host: "login.test".to_owned(),
        tenant: "organizations".to_owned(),
        client_id: "app".to_owned(),
    }
}

fn account() -> Account {
    Account {
        home_account_id: "u.t".to_owned(),
        username: "ada".to_owned(),
        tenant_id: "t".to_owned(),
        object_id: "u".to_owned(),
    }
}

/// The entry of a session in an index.
pub(super) fn entry() -> IndexEntry {
    let sessions = SessionStore::new(Box::new(MemoryStore::new()), None);
    save(&sessions, &Record::new(application(), account()));
    let index = sessions.index().expect("an index");
    index.active(&application()).cloned().expect("an entry")
}

fn save(sessions: &SessionStore, record: &Record) {
    let lock = LockTarget::Session(record.key());
    let LockAttempt::Acquired(guard) = sessions
        .try_lock(&lock, Activity::SigningIn)
        .expect("a lock")
    else {
        panic!("no other process has the lock");
    };
    sessions.save(record, &guard).expect("it is saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn account_that_signs_in_during_a_request_is_found_by_one_more_lookup() {
    let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
    let (context, notices) = context(&sessions);
    let accounts = Accounts::new(context.clone());
    let mut request = Box::pin(accounts.credential(None));
    let reading = accounts.refresh_lock.lock().await;
    assert!(futures_util::poll!(&mut request).is_pending());
    // Another request reads the index for all that wait, and then the user signs in.
    let index = context.session().index().expect("an index");
    accounts.cache().replace(index, &context);
    let mut record = Record::new(application(), account());
    record.entra_tokens.push(CachedEntraToken {
        token: EntraToken::new("entra"),
        scopes: Vec::new(),
        expires_on: SystemClock.now().plus(Duration::from_secs(3600)),
    });
    save(&sessions, &record);
    drop(reading);
    match request.await {
        Ok(credential) => assert_eq!(credential.account, account()),
        Err(error) => panic!("{error}"),
    }
    assert_eq!(notices.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn only_for_a_signed_in_account_the_user_is_asked_to_sign_in_again() {
    let record = Record::new(application(), account());
    let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
    save(&sessions, &record);
    let (context, notices) = context(&sessions);
    for (is_signed_in, times) in [(true, 1), (false, 0)] {
        notices.store(0, Ordering::Relaxed);
        if !is_signed_in {
            sessions.forget(&record.key()).expect("it is forgotten");
        }
        let state = Arc::<RefreshState>::default();
        let (context, refreshed) = (context.clone(), state.clone());
        let outcome = blocking(move || refresh(&context, &refreshed, "u.t", Duration::ZERO)).await;
        let error = outcome.expect_err("there is no token");
        assert_eq!(notices.load(Ordering::Relaxed), times, "{error}");
        let is_reported = state.is_sign_in_reported.load(Ordering::Relaxed);
        assert_eq!(is_reported, is_signed_in);
        // The page does not show a sign-out as the failure of an account.
        assert_eq!(state.failure().is_some(), is_signed_in);
    }
}

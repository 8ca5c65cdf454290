//! Whom the service asks to sign in.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::account::Tenancy;
use crate::secret::EntraToken;
use crate::store::{
    Activity, Attempt, CachedEntraToken, LockName, MemoryStore, Record, SessionStore,
};
use crate::time::SystemClock;

fn tenancy() -> Tenancy {
    Tenancy {
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
    save(&sessions, &Record::new(tenancy(), account()));
    let index = sessions.index().expect("an index");
    index.active(&tenancy()).cloned().expect("an entry")
}

fn save(sessions: &SessionStore, record: &Record) {
    let lock = LockName::Session(record.key());
    let Attempt::Got(guard) = sessions
        .try_lock(&lock, Activity::SigningIn)
        .expect("a lock")
    else {
        panic!("nobody else is there");
    };
    sessions.save(record, &guard).expect("it is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn account_that_signs_in_during_a_request_is_found_by_one_more_lookup() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
    let accounts = Accounts::new(
        Session::new(sessions.clone(), clock.clone(), tenancy()),
        TokenRequest::new(Target::Entra(Vec::new()), Duration::from_secs(600)),
        Arc::new(|| panic!("a fresh token needs no network")),
        clock.clone(),
        Arc::new(|error| panic!("nobody is needed: {error}")),
        Arc::new(Events::new(clock.clone())),
    );
    let mut request = Box::pin(accounts.credential(None));
    let look = accounts.refresh_lock.lock().await;
    assert!(futures_util::poll!(&mut request).is_pending());
    // Another request looks for all that wait, and then the user signs in.
    let index = accounts.core.session.index().expect("an index");
    accounts.cache().take(index, &accounts.core);
    let mut record = Record::new(tenancy(), account());
    record.entra_tokens.push(CachedEntraToken {
        token: EntraToken::new("entra"),
        scopes: Vec::new(),
        expires_on: clock.now().plus(Duration::from_secs(3600)),
    });
    save(&sessions, &record);
    drop(look);
    match request.await {
        Ok(credential) => assert_eq!(credential.account, account()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn only_for_an_account_that_is_signed_in_somebody_is_asked_to_sign_in_again() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let record = Record::new(tenancy(), account());
    let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
    save(&sessions, &record);

    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let core = Arc::new(Core {
        session: Session::new(sessions.clone(), clock.clone(), tenancy()),
        token_request: TokenRequest::new(Target::Entra(Vec::new()), Duration::from_secs(600)),
        net: Arc::new(|| {
            let message = "Entra asks for a new sign-in";
            Err(Error::new(Kind::SignInNeeded, message, "sign in"))
        }),
        events: Arc::new(Events::new(clock.clone())),
        clock,
        sign_in_needed: Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        }),
    });
    for (is_signed_in, times) in [(true, 1), (false, 0)] {
        told.store(0, Ordering::Relaxed);
        if !is_signed_in {
            sessions.forget(&record.key()).expect("it is forgotten");
        }
        let refresher = AccountRefresher {
            core: core.clone(),
            user: "u.t".to_owned(),
            state: Arc::default(),
        };
        let outcome = refresher.refresh(Duration::ZERO).await;
        let error = outcome.expect_err("there is no token");
        assert_eq!(told.load(Ordering::Relaxed), times, "{error}");
        assert_eq!(refresher.state.need.is_set(), is_signed_in);
    }
}

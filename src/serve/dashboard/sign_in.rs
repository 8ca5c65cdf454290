//! Signing in from the dashboard: the page gets the address, the service waits for the answer.
//!
//! It is the session's own sign-in, with a browser that hands its address over instead of opening
//! it. One at a time: here by what is waited for, between processes by the store's lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::account::Account;
use crate::entra::browser::{Browser, Link, Opened};
use crate::entra::redirect::RedirectUri;
use crate::entra::{Entra, Prompt, SignInMethod, SignInOptions};
use crate::error::{Error, Kind, Result};
use crate::serve::Factory;
use crate::serve::accounts::{Accounts, blocking};
use crate::session::Session;

/// How long the page waits for the address: a browser opens a tab for a click that is a moment
/// old, and blocks one that is older.
const ADDRESS: Duration = Duration::from_secs(4);

/// What a sign-in needs.
pub struct Options {
    /// Entra ID, for the configured application.
    pub entra: Factory<Entra>,
    /// Where the browser brings the answer.
    pub redirect_uri: RedirectUri,
    /// How long a person may take.
    pub timeout: Duration,
}

/// See the module.
pub(super) struct SignIns {
    options: Arc<Options>,
    session: Session,
    scopes: Vec<String>,
    accounts: Arc<Accounts>,
    now: Arc<Mutex<SignInState>>,
}

#[derive(Default)]
enum SignInState {
    #[default]
    Nothing,
    Waiting(PendingSignIn),
    Failed(Error),
}

struct PendingSignIn {
    account: Option<String>,
    address: watch::Receiver<Option<String>>,
    /// Dropping it ends the wait.
    _cancel: oneshot::Sender<()>,
}

impl SignIns {
    pub(super) fn new(
        options: Options,
        session: Session,
        scopes: Vec<String>,
        accounts: Arc<Accounts>,
    ) -> Self {
        SignIns {
            options: Arc::new(options),
            session,
            scopes,
            accounts,
            now: Arc::default(),
        }
    }

    /// Begins to wait for this user, or for anybody, and returns the address to open; one that is
    /// waited for already is returned again, and somebody else is waited for no more. `None` where it takes long to come, which the state
    /// then tells: another process signs in, or Entra is slow.
    ///
    /// # Errors
    /// What ended the sign-in before it had an address.
    pub(super) async fn begin(&self, account: Option<String>) -> Result<Option<String>> {
        let mut address = self.waiting(account);
        let told = address.wait_for(Option::is_some);
        match tokio::time::timeout(ADDRESS, told).await {
            Ok(Ok(address)) => Ok(address.clone()),
            Err(_) => Ok(None),
            // It ended, and took the address's other end with it.
            Ok(Err(_)) => match &*lock(&self.now) {
                SignInState::Failed(error) => Err(error.clone()),
                _ => Ok(None),
            },
        }
    }

    fn waiting(&self, account: Option<String>) -> watch::Receiver<Option<String>> {
        let mut now = lock(&self.now);
        if let SignInState::Waiting(waiting) = &*now
            && waiting.account == account
        {
            return waiting.address.clone();
        }
        let (tell, address) = watch::channel(None);
        let (cancel, cancelled) = oneshot::channel();
        *now = SignInState::Waiting(PendingSignIn {
            account: account.clone(),
            address: address.clone(),
            _cancel: cancel,
        });
        // Held until the outcome is told, so that whoever waits for the address finds it.
        let (mine, held_open) = (address.clone(), tell.clone());
        let walk = SignInTask {
            options: self.options.clone(),
            session: self.session.clone(),
            scopes: self.scopes.clone(),
            account,
            browser: UrlForwarder(tell),
        };
        let (state, accounts) = (self.now.clone(), self.accounts.clone());
        tokio::spawn(async move {
            // It blocks: the store may.
            let outcome = blocking(move || Handle::current().block_on(walk.run(cancelled))).await;
            let after = match outcome {
                Ok(Some(account)) => {
                    accounts.expire_cache().await;
                    let name = &account.username;
                    accounts.events().good(format!("{name} signed in"));
                    // Apps find it ready. Why there is none, the list of events tells.
                    if let Err(error) = accounts.token(Some(&account.home_account_id), None).await {
                        tracing::debug!("no token after the sign-in: {error}");
                    }
                    SignInState::Nothing
                }
                Ok(None) => SignInState::Nothing,
                Err(error) => {
                    accounts.events().bad("A sign-in failed", &error);
                    SignInState::Failed(error)
                }
            };
            let mut state = lock(&state);
            // One that was cancelled says nothing of the one that was begun since.
            if matches!(&*state, SignInState::Waiting(now) if now.address.same_channel(&mine)) {
                *state = after;
            }
            drop(held_open);
        });
        address
    }

    /// Ends the wait, or forgets how it failed.
    pub(super) fn end(&self) {
        *lock(&self.now) = SignInState::Nothing;
    }

    /// What is waited for, and what failed last.
    pub(super) fn json(&self) -> (Value, Value) {
        match &*lock(&self.now) {
            SignInState::Nothing => (Value::Null, Value::Null),
            SignInState::Waiting(waiting) => {
                let url = waiting.address.borrow().clone();
                (json!({"account": waiting.account, "url": url}), Value::Null)
            }
            SignInState::Failed(error) => (Value::Null, super::state::failure(error)),
        }
    }
}

/// One sign-in.
struct SignInTask {
    options: Arc<Options>,
    session: Session,
    scopes: Vec<String>,
    account: Option<String>,
    browser: UrlForwarder,
}

impl SignInTask {
    /// Who signed in; `None` where it was cancelled.
    async fn run(self, cancelled: oneshot::Receiver<()>) -> Result<Option<Account>> {
        let entra = (self.options.entra)()?;
        let by = SignInMethod::Browser {
            browser: &self.browser,
            redirect_uri: self.options.redirect_uri.clone(),
        };
        let options = SignInOptions {
            // Who wants somebody else is not to get whom the browser remembers.
            prompt: self.account.is_none().then_some(Prompt::SelectAccount),
            ..SignInOptions::new(by, self.options.timeout)
        };
        let user = self.account.as_deref();
        let sign_in = self.session.login(&entra, &options, user, &self.scopes);
        tokio::select! {
            record = sign_in => record.map(|record| Some(record.account.clone())),
            _ = cancelled => Ok(None),
        }
    }
}

/// Hands the address over to the page.
struct UrlForwarder(watch::Sender<Option<String>>);

impl Browser for UrlForwarder {
    fn open(&self, link: &Link) -> Result<Opened> {
        // By an authenticated response: it is on no command line.
        match self.0.send(Some(link.target().to_owned())) {
            Ok(()) => Ok(Opened::by("the dashboard")),
            Err(_) => Err(Error::new(
                Kind::Interrupted,
                "nobody waits for this sign-in any more",
                "begin it again",
            )),
        }
    }
}

fn lock(now: &Mutex<SignInState>) -> MutexGuard<'_, SignInState> {
    now.lock().unwrap_or_else(PoisonError::into_inner)
}

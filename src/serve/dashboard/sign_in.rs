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
use crate::serve::Make;
use crate::serve::accounts::{Accounts, blocking};
use crate::session::Session;

/// How long the page waits for the address: a browser opens a tab for a click that is a moment
/// old, and blocks one that is older.
const ADDRESS: Duration = Duration::from_secs(4);

/// What a sign-in needs.
pub struct Options {
    /// Entra ID, for the configured application.
    pub entra: Make<Entra>,
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
    now: Arc<Mutex<Now>>,
}

#[derive(Default)]
enum Now {
    #[default]
    Nothing,
    Waiting(Waiting),
    Failed(Error),
}

struct Waiting {
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
                Now::Failed(error) => Err(error.clone()),
                _ => Ok(None),
            },
        }
    }

    fn waiting(&self, account: Option<String>) -> watch::Receiver<Option<String>> {
        let mut now = lock(&self.now);
        if let Now::Waiting(waiting) = &*now
            && waiting.account == account
        {
            return waiting.address.clone();
        }
        let (tell, address) = watch::channel(None);
        let (cancel, cancelled) = oneshot::channel();
        *now = Now::Waiting(Waiting {
            account: account.clone(),
            address: address.clone(),
            _cancel: cancel,
        });
        // Held until the outcome is told, so that whoever waits for the address finds it.
        let (mine, held_open) = (address.clone(), tell.clone());
        let walk = Walk {
            options: self.options.clone(),
            session: self.session.clone(),
            scopes: self.scopes.clone(),
            account,
            browser: HandsOver(tell),
        };
        let (state, accounts) = (self.now.clone(), self.accounts.clone());
        tokio::spawn(async move {
            // It blocks: the store may.
            let outcome = blocking(move || Handle::current().block_on(walk.go(cancelled))).await;
            let after = match outcome {
                Ok(Some(account)) => {
                    accounts.look_again().await;
                    let name = &account.username;
                    accounts.events().good(format!("{name} signed in"));
                    // Apps find it ready. Why there is none, the list of events tells.
                    if let Err(error) = accounts.token(Some(&account.home_account_id), None).await {
                        tracing::debug!("no token after the sign-in: {error}");
                    }
                    Now::Nothing
                }
                Ok(None) => Now::Nothing,
                Err(error) => {
                    accounts.events().bad("A sign-in failed", &error);
                    Now::Failed(error)
                }
            };
            let mut state = lock(&state);
            // One that was cancelled says nothing of the one that was begun since.
            if matches!(&*state, Now::Waiting(now) if now.address.same_channel(&mine)) {
                *state = after;
            }
            drop(held_open);
        });
        address
    }

    /// Ends the wait, or forgets how it failed.
    pub(super) fn end(&self) {
        *lock(&self.now) = Now::Nothing;
    }

    /// What is waited for, and what failed last.
    pub(super) fn json(&self) -> (Value, Value) {
        match &*lock(&self.now) {
            Now::Nothing => (Value::Null, Value::Null),
            Now::Waiting(waiting) => {
                let url = waiting.address.borrow().clone();
                (json!({"account": waiting.account, "url": url}), Value::Null)
            }
            Now::Failed(error) => (Value::Null, super::state::failure(error)),
        }
    }
}

/// One sign-in.
struct Walk {
    options: Arc<Options>,
    session: Session,
    scopes: Vec<String>,
    account: Option<String>,
    browser: HandsOver,
}

impl Walk {
    /// Who signed in; `None` where it was cancelled.
    async fn go(self, cancelled: oneshot::Receiver<()>) -> Result<Option<Account>> {
        let entra = (self.options.entra)()?;
        let by = SignInMethod::Browser {
            browser: &self.browser,
            redirect_uri: self.options.redirect_uri.clone(),
        };
        let way = SignInOptions {
            // Who wants somebody else is not to get whom the browser remembers.
            prompt: self.account.is_none().then_some(Prompt::SelectAccount),
            ..SignInOptions::new(by, self.options.timeout)
        };
        let user = self.account.as_deref();
        let sign_in = self.session.login(&entra, &way, user, &self.scopes);
        tokio::select! {
            record = sign_in => record.map(|record| Some(record.account.clone())),
            _ = cancelled => Ok(None),
        }
    }
}

/// Hands the address over to the page.
struct HandsOver(watch::Sender<Option<String>>);

impl Browser for HandsOver {
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

fn lock(now: &Mutex<Now>) -> MutexGuard<'_, Now> {
    now.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Sign-in from the dashboard: the page gets the URL, and the service waits for the redirect.
//!
//! It is the session's sign-in, with a browser that returns the URL and does not open it. One sign-in
//! runs at a time: in this process by [`SignIns`], between processes by the store's lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::account::Account;
use crate::entra::browser::{Browser, Link, Opened};
use crate::entra::{Prompt, SignInMethod, SignInOptions};
use crate::error::{Error, Kind, Result};
use crate::serve::accounts::Accounts;
use crate::serve::blocking::blocking;
use crate::serve::context::Context;

use super::account_json::failure;

/// How long the page waits for the URL. A browser opens a tab for a recent click only.
const URL_TIMEOUT: Duration = Duration::from_secs(4);

/// The sign-in of the dashboard, if one is pending.
pub(super) struct SignIns {
    context: Arc<Context>,
    accounts: Arc<Accounts>,
    state: Arc<Mutex<SignInState>>,
}

#[derive(Default)]
enum SignInState {
    #[default]
    None,
    Pending(PendingSignIn),
    Failed(Error),
}

struct PendingSignIn {
    user: Option<String>,
    url: watch::Receiver<Option<String>>,
    /// Dropping it cancels the sign-in.
    _cancel: oneshot::Sender<()>,
}

impl SignIns {
    pub(super) fn new(context: Arc<Context>, accounts: Arc<Accounts>) -> Self {
        SignIns {
            context,
            accounts,
            state: Arc::default(),
        }
    }

    /// Begins a sign-in of this user, or of any user, and returns its URL. Reuses a pending sign-in
    /// for the same user and cancels one for another user. Returns `None` if there is no URL in time,
    /// because another process signs in or Entra ID is slow; [`SignIns::json`] shows it later.
    ///
    /// # Errors
    /// The error that ended the sign-in before it had a URL.
    pub(super) async fn begin(&self, user: Option<String>) -> Result<Option<String>> {
        let mut url = self.pending(user);
        match tokio::time::timeout(URL_TIMEOUT, url.wait_for(Option::is_some)).await {
            Ok(Ok(url)) => Ok(url.clone()),
            Err(_) => Ok(None),
            // The sign-in has ended, and its sender is gone.
            Ok(Err(_)) => match &*lock(&self.state) {
                SignInState::Failed(error) => Err(error.clone()),
                _ => Ok(None),
            },
        }
    }

    fn pending(&self, user: Option<String>) -> watch::Receiver<Option<String>> {
        let mut state = lock(&self.state);
        if let SignInState::Pending(pending) = &*state
            && pending.user == user
        {
            return pending.url.clone();
        }
        let (url_sender, url) = watch::channel(None);
        let (cancel, cancelled) = oneshot::channel();
        *state = SignInState::Pending(PendingSignIn {
            user: user.clone(),
            url: url.clone(),
            _cancel: cancel,
        });
        let (context, accounts) = (self.context.clone(), self.accounts.clone());
        let (state, own_url) = (self.state.clone(), url.clone());
        tokio::spawn(async move {
            // The receivers see the end of the sign-in only after its outcome is in `state`.
            let _open = url_sender.clone();
            let browser = UrlForwarder(url_sender);
            let task = context.clone();
            // The store may block.
            let outcome = blocking(move || {
                Handle::current().block_on(sign_in(&task, user.as_deref(), &browser, cancelled))
            });
            let next = match outcome.await {
                Ok(Some(account)) => {
                    accounts.expire_cache().await;
                    let events = &context.events;
                    events.good(format!("{} signed in", account.username));
                    // Apps then find a token in memory. The events contain the error.
                    if let Err(error) = accounts.token(Some(&account.home_account_id), None).await {
                        tracing::debug!("no token after the sign-in: {error}");
                    }
                    SignInState::None
                }
                Ok(None) => SignInState::None,
                Err(error) => {
                    context.events.bad("A sign-in failed", &error);
                    SignInState::Failed(error)
                }
            };
            let mut state = lock(&state);
            // A cancelled sign-in does not change the state of its successor.
            if matches!(&*state, SignInState::Pending(now) if now.url.same_channel(&own_url)) {
                *state = next;
            }
        });
        url
    }

    /// Cancels a pending sign-in, and deletes the error of a failed one.
    pub(super) fn end(&self) {
        *lock(&self.state) = SignInState::None;
    }

    /// Returns the pending sign-in, and the error of the last one, as JSON.
    pub(super) fn json(&self) -> (Value, Value) {
        match &*lock(&self.state) {
            SignInState::None => (Value::Null, Value::Null),
            SignInState::Pending(pending) => {
                let url = pending.url.borrow().clone();
                (json!({"account": pending.user, "url": url}), Value::Null)
            }
            SignInState::Failed(error) => (Value::Null, failure(error)),
        }
    }
}

/// Signs in. Returns the account, or `None` if the sign-in was cancelled.
async fn sign_in(
    context: &Context,
    user: Option<&str>,
    browser: &UrlForwarder,
    cancelled: oneshot::Receiver<()>,
) -> Result<Option<Account>> {
    let entra = context.options.clients.entra()?;
    let method = SignInMethod::Browser {
        browser,
        redirect_uri: context.options.redirect_uri.clone(),
    };
    let options = SignInOptions {
        // Without a user, the browser's current account is not chosen silently.
        prompt: user.is_none().then_some(Prompt::SelectAccount),
        ..SignInOptions::new(method, context.options.sign_in_timeout)
    };
    let scopes = context.options.token_request.scopes();
    let sign_in = context.session().login(&entra, &options, user, scopes);
    tokio::select! {
        record = sign_in => record.map(|record| Some(record.account.clone())),
        _ = cancelled => Ok(None),
    }
}

/// Sends the URL to the page.
struct UrlForwarder(watch::Sender<Option<String>>);

impl Browser for UrlForwarder {
    fn open(&self, link: &Link) -> Result<Opened> {
        // An authenticated response contains the URL, not a command line.
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

fn lock(state: &Mutex<SignInState>) -> MutexGuard<'_, SignInState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Sign-in from the dashboard: the page gets the URL, and the service waits for the redirect.
//!
//! It is the session's sign-in, with a browser that returns the URL and does not open it. One sign-in
//! runs at a time: in this process by [`SignIns`], between processes by the store's lock.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::account::Account;
use crate::entra::browser::{Browser, Link, Opened};
use crate::entra::{Prompt, SignInMethod, SignInOptions};
use crate::error::Result;
use crate::serve::accounts::Accounts;
use crate::serve::context::{Context, blocking};

use super::account_json::failure;

/// How long the page waits for the URL. A browser opens a tab for a recent click only.
const URL_TIMEOUT: Duration = Duration::from_secs(4);

/// The sign-in of the dashboard.
pub(super) struct SignIns {
    accounts: Arc<Accounts>,
    latest: Latest,
}

/// The latest sign-in, if it is pending or has failed. Replacing it cancels it.
type Latest = watch::Sender<Option<Arc<SignIn>>>;

struct SignIn {
    user: Option<String>,
    /// The URL once it is known, or the error that ended the sign-in.
    progress: watch::Sender<Result<Option<String>>>,
}

impl SignIns {
    pub(super) fn new(accounts: Arc<Accounts>) -> Self {
        SignIns {
            accounts,
            latest: watch::Sender::default(),
        }
    }

    /// Begins a sign-in of this user, or of any user, and returns its URL. Reuses a pending sign-in
    /// for the same user and cancels one for another user. Returns `None` if there is no URL in time,
    /// because another process signs in or Entra ID is slow; [`SignIns::json`] shows it later.
    ///
    /// # Errors
    /// The error that ended the sign-in before it had a URL.
    pub(super) async fn begin(&self, user: Option<String>) -> Result<Option<String>> {
        let mut progress = self.pending(user);
        let known = progress.wait_for(|progress| !matches!(progress, Ok(None)));
        match tokio::time::timeout(URL_TIMEOUT, known).await {
            Ok(Ok(progress)) => progress.clone(),
            // It has no URL yet, or was cancelled.
            _ => Ok(None),
        }
    }

    fn pending(&self, user: Option<String>) -> watch::Receiver<Result<Option<String>>> {
        let (sender, mut progress) = watch::channel(Ok(None));
        let sign_in = Arc::new(SignIn {
            user,
            progress: sender,
        });
        let is_new = self.latest.send_if_modified(|latest| match latest {
            Some(pending) if pending.user == sign_in.user && pending.progress.borrow().is_ok() => {
                progress = pending.progress.subscribe();
                false
            }
            _ => {
                *latest = Some(sign_in.clone());
                true
            }
        });
        if is_new {
            tokio::spawn(sign_in.run(self.accounts.clone(), self.latest.clone()));
        }
        progress
    }

    /// Cancels a pending sign-in, and deletes the error of a failed one.
    pub(super) fn end(&self) {
        self.latest.send_replace(None);
    }

    /// Returns the pending sign-in, and the error of the last one, as JSON.
    pub(super) fn json(&self) -> (Value, Value) {
        let Some(latest) = self.latest.borrow().clone() else {
            return (Value::Null, Value::Null);
        };
        match &*latest.progress.borrow() {
            Ok(url) => (json!({"account": latest.user, "url": url}), Value::Null),
            Err(error) => (Value::Null, failure(error)),
        }
    }
}

impl SignIn {
    async fn run(self: Arc<Self>, accounts: Arc<Accounts>, latest: Latest) {
        let (sign_in, changes) = (self.clone(), latest.subscribe());
        let context = accounts.context.clone();
        // The store may block.
        let outcome =
            blocking(move || Handle::current().block_on(sign_in.log_in(&context, changes)));
        let events = &accounts.context.events;
        match outcome.await {
            Ok(Some(account)) => {
                accounts.expire_cache().await;
                events.good(format!("Signed in {}", account.username));
                // Apps then find a token in memory. The events contain the error.
                if let Err(error) = accounts.token(Some(&account.home_account_id), None).await {
                    tracing::debug!("No token after the sign-in: {error}.");
                }
                latest.send_if_modified(|latest| {
                    latest.take_if(|it| Arc::ptr_eq(it, &self)).is_some()
                });
            }
            Ok(None) => {}
            Err(error) => {
                events.bad("Sign-in failed", &error);
                self.progress.send_modify(|progress| *progress = Err(error));
            }
        }
    }

    /// Signs in. Returns the account, or `None` if the sign-in was cancelled.
    async fn log_in(
        self: &Arc<Self>,
        context: &Context,
        mut latest: watch::Receiver<Option<Arc<SignIn>>>,
    ) -> Result<Option<Account>> {
        let entra = context.options.clients.entra()?;
        let method = SignInMethod::Browser {
            browser: self.as_ref(),
            redirect_uri: context.options.redirect_uri.clone(),
        };
        let options = SignInOptions {
            // Without a user, the browser's current account is not chosen silently.
            prompt: self.user.is_none().then_some(Prompt::SelectAccount),
            ..SignInOptions::new(method, context.options.sign_in_timeout)
        };
        let scopes = context.options.token_request.scopes();
        let user = self.user.as_deref();
        tokio::select! {
            record = context.session().login(&entra, &options, user, scopes) => {
                record.map(|record| Some(record.account.clone()))
            }
            _ = latest.wait_for(|latest| latest.as_ref().is_none_or(|it| !Arc::ptr_eq(it, self))) => Ok(None),
        }
    }
}

impl Browser for SignIn {
    fn open(&self, link: &Link) -> Result<Opened> {
        // An authenticated response contains the URL, not a command line.
        let url = Ok(Some(link.target().to_owned()));
        self.progress.send_modify(|progress| *progress = url);
        Ok(Opened::by("the dashboard"))
    }
}

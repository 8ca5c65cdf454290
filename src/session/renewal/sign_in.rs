//! Signs a user in, and saves the session before the browser shows success.

use tracing::{info, warn};

use super::hints::with_account;
use super::locks::{self, HeldLocks};
use crate::account::{Account, NameMatch, SessionKey};
use crate::claims::Claims;
use crate::entra::redirect::Page;
use crate::entra::{Entra, NewAccount, SignInOptions, SignedIn};
use crate::error::{Error, Kind, Result};
use crate::session::sessions::Sessions;
use crate::store::{Activity, IndexEntry, LockTarget, Record};
use crate::text::{shell_word, shown};
use crate::time::in_words;

impl Sessions {
    /// Signs a user in and makes that account the active one. With `user`, another user is refused,
    /// and nothing changes. A stored claims challenge for that user's session, or else the active
    /// one, is sent to Entra. Calls of the store block the thread, for up to 5 s each.
    ///
    /// `user` is a username. It may also identify a stored session by its home account id, or by a
    /// prefix without `@`: a new user's whole name may start like a stored one's.
    ///
    /// # Errors
    /// [`Kind::Usage`] if `user` matches several sessions; as [`Entra::sign_in`]; [`Kind::Store`] if
    /// the session cannot be saved, which is checked before the browser opens.
    pub async fn login(
        &self,
        entra: &Entra,
        options: &SignInOptions<'_>,
        user: Option<&str>,
        scopes: &[String],
    ) -> Result<Record> {
        let scope = LockTarget::SignIn(self.application.clone());
        let wait = Some(options.timeout);
        let guard = locks::lock(&self.store, &scope, Activity::SigningIn, wait).await?;
        self.store.restore_or_warn(&self.application);
        let stored = match user {
            Some(user) => self.find_session_for_sign_in(user)?,
            None => self.store.active(&self.application)?,
        };
        let challenge = match &stored {
            Some(entry) => self
                .store
                .load_under(&entry.key(), &guard)?
                .and_then(|record| record.challenge),
            None => None,
        };
        let expected = match (user, &stored) {
            // A username stays as typed; another name of a stored account is replaced by that account.
            (Some(user), Some(IndexEntry { account, .. }))
                if account.match_name(user) != Some(NameMatch::Username) =>
            {
                ExpectedUser {
                    hint: Some(&account.username),
                    required: Some(&account.home_account_id),
                }
            }
            _ => ExpectedUser {
                hint: user,
                required: user,
            },
        };
        let challenge = challenge.as_ref();
        let locks = &mut HeldLocks::new(guard);
        let record = self
            .sign_in(entra, options, expected, scopes, challenge, locks)
            .await
            .map_err(|error| with_account(error, expected.hint))?;
        self.store.activate(&record.key())?;
        Ok(record)
    }

    /// Signs in under a lock, and adds the session's lock. Returns the saved record.
    pub(super) async fn sign_in(
        &self,
        entra: &Entra,
        options: &SignInOptions<'_>,
        expected: ExpectedUser<'_>,
        scopes: &[String],
        challenge: Option<&Claims>,
        locks: &mut HeldLocks,
    ) -> Result<Record> {
        locks.initial.set_activity(Activity::SigningIn);
        if self.store.is_persistent() {
            self.store.probe()?;
        }
        let mut outcome = entra
            .sign_in(scopes, expected.hint, challenge, options)
            .await;
        if let Err(error) = &outcome
            && let Some(claims) = error.claims().filter(|claims| Some(*claims) != challenge)
        {
            info!("Signing in again, because Entra requires more of the sign-in: {error}.");
            outcome = entra
                .sign_in(scopes, expected.hint, Some(claims), options)
                .await;
        }
        let SignedIn {
            tokens,
            account,
            mut page,
        } = outcome?;
        let saved = async {
            self.accept(&account, expected, options, &mut page).await?;
            let mut record = Record::new(self.application.clone(), account);
            locks
                .lock_session(&self.store, record.key(), options.timeout)
                .await?;
            self.add_tokens(&mut record, tokens, scopes);
            self.store.save(&record, locks.guard())?;
            Ok(record)
        }
        .await;
        match (&saved, page) {
            (Ok(record), Some(page)) => page.signed_in(&record.account.username).await,
            (Err(error), Some(page)) => page.failed(error).await,
            (_, None) => {}
        }
        if saved.is_ok() {
            locks.initial.set_activity(Activity::Renewing);
        }
        saved
    }

    /// Accepts a required account and no other. Without one, asks the user, or else warns, if a new
    /// account would replace the active one.
    async fn accept(
        &self,
        account: &Account,
        expected: ExpectedUser<'_>,
        options: &SignInOptions<'_>,
        page: &mut Option<Page>,
    ) -> Result<()> {
        if let Some(required) = expected.required {
            if account.match_name(required) >= Some(NameMatch::Username) {
                // An unreadable index could not list the session that is saved next.
                return self.store.index().map(drop);
            }
            let name = expected.hint.unwrap_or(required);
            return Err(Error::new(
                Kind::SignInRefused,
                format!(
                    "{} signed in instead of {}; nothing was changed",
                    account.username,
                    shown(name),
                ),
                format!(
                    "Run `acspass login --account {} --prompt select_account` to choose the account \
                     in the browser, or `acspass login` to accept any user.",
                    shell_word(name, "USER")
                ),
            ));
        }
        let index = self.store.index()?;
        let Some(active) = index.active(&self.application) else {
            return Ok(());
        };
        let key = SessionKey {
            application: self.application.clone(),
            home_account_id: account.home_account_id.clone(),
        };
        if index.entry(&key).is_some() {
            return Ok(());
        }
        let new_account = NewAccount {
            account,
            active: &active.account,
        };
        let Some(confirm) = options.confirm else {
            warn!(
                "{new_account}; the new account becomes the active one. If this was not you, run \
                 `acspass logout --account {}`",
                shell_word(&account.username, "USER")
            );
            return Ok(());
        };
        // The browser does not wait for the answer at the terminal.
        if let Some(page) = page.take() {
            page.to_be_confirmed(&account.username).await;
        }
        let answer = tokio::time::timeout(options.timeout, confirm(&new_account)).await;
        let why = match answer.ok().transpose()? {
            Some(true) => return Ok(()),
            Some(false) => String::new(),
            None => format!(" within {}", in_words(options.timeout)),
        };
        Err(Error::new(
            Kind::SignInRefused,
            format!(
                "{} was not confirmed{why}; nothing was changed",
                account.username
            ),
            format!(
                "To accept only this user, run `acspass login --account {}`.",
                shell_word(&account.username, "USER")
            ),
        ))
    }
}

/// The expected user of a sign-in.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedUser<'a> {
    /// The login hint for Entra, which may be an outdated name.
    pub(super) hint: Option<&'a str>,
    /// The required username or home account id; `None` permits any user.
    pub(super) required: Option<&'a str>,
}

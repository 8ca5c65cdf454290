//! Signs a user in, and saves the session before the browser shows success.

use std::time::Duration;

use tracing::{info, warn};

use crate::account::{Account, NameMatch};
use crate::claims::Claims;
use crate::entra::redirect::Page;
use crate::entra::{Entra, NewAccount, SignInOptions, SignedIn, Tokens};
use crate::error::{Error, Kind, Result};
use crate::store::{Activity, LockName, Record};
use crate::text::{shell_word, shown};
use crate::time::in_words;

use super::held_locks::HeldLocks;
use super::lock_wait;
use super::sessions::{Sessions, key_of};

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
        let name = LockName::Tenancy(self.tenancy.clone());
        let guard = lock_wait::lock(
            &self.store,
            &name,
            Activity::SigningIn,
            Some(options.timeout),
        )
        .await?;
        self.store.restore_or_warn(&self.tenancy);
        let stored = match user {
            Some(user) => self.named_for_sign_in(user)?,
            None => self.store.active(&self.tenancy)?,
        };
        let challenge = match &stored {
            Some(entry) => self
                .store
                .load_under(&entry.key(), &guard)?
                .and_then(|record| record.challenge),
            None => None,
        };
        let stored = stored.as_ref().map(|entry| &entry.account);
        let expected = ExpectedUser::of_request(user, stored);
        let challenge = challenge.as_ref();
        let mut locked = HeldLocks::new(guard);
        let record = self
            .sign_in(entra, options, expected, scopes, challenge, &mut locked)
            .await?;
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
        locked: &mut HeldLocks,
    ) -> Result<Record> {
        locked.first().set_activity(Activity::SigningIn);
        if self.store.is_persistent() {
            self.store.probe()?;
        }
        let mut outcome = entra
            .sign_in(scopes, expected.hint, challenge, options)
            .await;
        if let Err(error) = &outcome
            && let Some(claims) = error.claims().filter(|claims| Some(*claims) != challenge)
        {
            info!("{error}: the sign-in is asked for once more, with what Entra wants proved");
            outcome = entra
                .sign_in(scopes, expected.hint, Some(claims), options)
                .await;
        }
        let SignedIn {
            tokens,
            account,
            mut page,
        } = outcome?;
        let accepted = match expected.check(&account) {
            Ok(()) => self.accept(&account, expected, options, &mut page).await,
            Err(error) => Err(error),
        };
        let saved = match accepted {
            Ok(()) => {
                self.save_sign_in(account, tokens, scopes, locked, options.timeout)
                    .await
            }
            Err(error) => Err(error),
        };
        match saved {
            Ok(record) => {
                if let Some(page) = page {
                    page.signed_in(&record.account.username).await;
                }
                locked.first().set_activity(Activity::Renewing);
                Ok(record)
            }
            Err(error) => {
                if let Some(page) = page {
                    page.failed(&error).await;
                }
                Err(error)
            }
        }
    }

    /// Asks the user, or else warns, if a new account would replace the active one. A requested account
    /// is accepted.
    async fn accept(
        &self,
        account: &Account,
        expected: ExpectedUser<'_>,
        options: &SignInOptions<'_>,
        page: &mut Option<Page>,
    ) -> Result<()> {
        let index = self.store.index()?;
        let Some(active) = index.active(&self.tenancy) else {
            return Ok(());
        };
        let key = key_of(&self.tenancy, account);
        if expected.expected.is_some() || index.entry(&key).is_some() {
            return Ok(());
        }
        let new_account = NewAccount {
            account,
            active: &active.account,
        };
        let Some(confirm) = options.confirm else {
            warn!(
                "{new_account}. The new account replaces it. If that was not you, run `acspass logout \
                 --account {}`",
                shell_word(&account.username, "USER")
            );
            return Ok(());
        };
        // The browser does not wait for the answer at the terminal.
        if let Some(page) = page.take() {
            page.to_be_confirmed(&account.username).await;
        }
        let refused = |why: &str| {
            Err(Error::new(
                Kind::SignInRefused,
                format!(
                    "{} was not confirmed{why}: nothing was changed",
                    account.username
                ),
                "sign in again; `acspass login --account USER` accepts that user and no other",
            ))
        };
        match tokio::time::timeout(options.timeout, confirm(&new_account)).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => refused(""),
            Ok(Err(error)) => Err(error),
            Err(_) => refused(&format!(" within {}", in_words(options.timeout))),
        }
    }

    /// Saves the session of a sign-in, under its lock.
    async fn save_sign_in(
        &self,
        account: Account,
        tokens: Tokens,
        scopes: &[String],
        locked: &mut HeldLocks,
        longest: Duration,
    ) -> Result<Record> {
        let key = key_of(&self.tenancy, &account);
        locked.lock_session(&self.store, key, longest).await?;
        let mut record = Record::new(self.tenancy.clone(), account);
        self.add_tokens(&mut record, tokens, scopes);
        self.store.save(&record, locked.guard())?;
        Ok(record)
    }
}

/// The expected user of a sign-in.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedUser<'a> {
    /// The login hint for Entra, which may be an outdated name.
    pub(super) hint: Option<&'a str>,
    /// The required username or home account id; `None` permits any user.
    pub(super) expected: Option<&'a str>,
}

impl<'a> ExpectedUser<'a> {
    /// Returns the user of a `login`. A username stays as typed; another name of a stored account is
    /// replaced by that account.
    fn of_request(user: Option<&'a str>, stored: Option<&'a Account>) -> Self {
        match (user, stored) {
            (Some(user), Some(account))
                if account.match_name(user) != Some(NameMatch::Username) =>
            {
                ExpectedUser {
                    hint: Some(&account.username),
                    expected: Some(&account.home_account_id),
                }
            }
            _ => ExpectedUser {
                hint: user,
                expected: user,
            },
        }
    }

    fn check(&self, account: &Account) -> Result<()> {
        let Some(expected) = self.expected else {
            return Ok(());
        };
        if account.match_name(expected) >= Some(NameMatch::Username) {
            return Ok(());
        }
        Err(Error::new(
            Kind::SignInRefused,
            format!(
                "{} signed in, but {} was asked for: nothing was changed",
                account.username,
                shown(self.hint.unwrap_or(expected)),
            ),
            "sign in as the right user (`--prompt select_account` offers the choice), or run \
             `acspass login` without `--account`",
        ))
    }
}

//! The steps of a renewal, under the session's lock.

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::hints::with_account;
use super::locks::{self, HeldLocks};
use super::services::RenewalServices;
use super::sign_in::ExpectedUser;
use crate::claims::Claims;
use crate::entra::SignInOptions;
use crate::error::{Error, Kind, Result};
use crate::session::freshness::{CompletedSteps, Step, next_step, outage_fallback};
use crate::session::sessions::PendingRenewal;
use crate::session::token::{Token, TokenKind};
use crate::store::{
    Activity, CachedCommunicationToken, Guard, LockAttempt, LockTarget, Record, ShortLifetimeNote,
};
use crate::time::{Timestamp, in_words};

/// The most steps of a renewal: sign in, refresh for the exchange service, exchange, refresh both, exchange,
/// use, and the same once more if another process renewed meanwhile.
const MAX_STEPS: usize = 14;

impl PendingRenewal {
    /// Renews the session, and signs in with `options` if there is no other way. Uses the cache if
    /// another process has renewed meanwhile. `services` is called before the lock is taken: it may
    /// ask the user for a passphrase. Calls of the store block the thread, for up to 5 s each.
    ///
    /// # Errors
    /// [`Kind::SignInNeeded`] if a sign-in is required and `options` is `None`; as
    /// [`Entra::sign_in`](crate::entra::Entra::sign_in),
    /// [`Entra::refresh`](crate::entra::Entra::refresh) and the exchange; [`Kind::Store`] if the
    /// session cannot be saved or locked.
    pub async fn run(
        self,
        services: impl FnOnce() -> Result<RenewalServices>,
        options: Option<&SignInOptions<'_>>,
    ) -> Result<Token> {
        let mut scope = match &self.entry {
            Some(entry) => LockTarget::Session(entry.key()),
            None => LockTarget::SignIn(self.sessions.application.clone()),
        };
        let store = &self.sessions.store;
        if self.entry.is_none() && options.is_none() {
            return Err(match store.try_lock(&scope, Activity::Renewing) {
                Ok(LockAttempt::Held(Some(holder))) if holder.activity == Activity::SigningIn => {
                    locks::sign_in_in_progress(Some(holder))
                }
                _ => self.sessions.no_session_error(self.user.as_deref()),
            });
        }
        let services = &services()?;
        let sign_in_wait = options.map(|options| options.timeout);
        loop {
            let guard = locks::lock(store, &scope, Activity::Renewing, sign_in_wait).await?;
            let task = RenewalTask::start(&self, options, guard)?;
            match (&task.record, &scope) {
                // A user signed in during the wait, so that session's lock is needed.
                (Some(record), LockTarget::SignIn(_)) => scope = LockTarget::Session(record.key()),
                _ => return task.finish(services).await,
            }
        }
    }
}

/// A renewal in progress.
pub(super) struct RenewalTask<'a> {
    pub(super) renewal: &'a PendingRenewal,
    options: Option<&'a SignInOptions<'a>>,
    /// The last known username of the session.
    username: Option<String>,
    locks: HeldLocks,
    pub(super) record: Option<Record>,
    pub(super) completed: CompletedSteps,
    /// The cache was read again after Entra had refused the refresh token.
    pub(super) has_reread_cache: bool,
    /// The claims challenge of the resource for the next Entra token.
    pub(super) resource_challenge: Option<Claims>,
    /// The error of Entra's refusal of the current refresh token.
    pub(super) refresh_refusal: Option<Error>,
}

impl<'a> RenewalTask<'a> {
    fn start(
        renewal: &'a PendingRenewal,
        options: Option<&'a SignInOptions<'a>>,
        guard: Guard,
    ) -> Result<Self> {
        let mut task = RenewalTask {
            renewal,
            options,
            username: (renewal.entry.as_ref()).map(|entry| entry.account.username.clone()),
            locks: HeldLocks::new(guard),
            record: None,
            completed: CompletedSteps::default(),
            has_reread_cache: false,
            resource_challenge: None,
            refresh_refusal: None,
        };
        task.read_cache()?;
        Ok(task)
    }

    /// Reads the session under the lock of the renewal: another process may have renewed it or signed in.
    pub(super) fn read_cache(&mut self) -> Result<()> {
        let sessions = &self.renewal.sessions;
        let entry = match self.locks.initial.scope() {
            LockTarget::Session(key) => sessions.store.index()?.entry(key).cloned(),
            LockTarget::SignIn(_) => {
                sessions.find_session_or_active(self.renewal.user.as_deref())?
            }
        };
        self.record = None;
        if let Some(entry) = entry {
            let guard = self.locks.guard();
            self.record = sessions.store.load_under(&entry.key(), guard)?;
            self.username = Some(entry.account.username);
        }
        Ok(())
    }

    /// Takes the steps, and names the account in the hint of an error.
    async fn finish(mut self, services: &RenewalServices) -> Result<Token> {
        let outcome = self.take_steps(services).await;
        outcome.map_err(|error| {
            let record = self.record.as_ref();
            let username = record.map(|record| record.account.username.as_str());
            let user = self.username.as_ref().or(self.renewal.user.as_ref());
            with_account(error, username.or(user.map(String::as_str)))
        })
    }

    /// Takes the steps of the freshness rule until there is a token.
    async fn take_steps(&mut self, services: &RenewalServices) -> Result<Token> {
        let mut step = self.next();
        for _ in 0..MAX_STEPS {
            let start = Instant::now();
            let taken = match step {
                Step::UseCached | Step::UseCachedBelowMinimum => return self.use_cached(),
                Step::Exchange => self.exchange(services).await,
                Step::Refresh => self.refresh(services).await,
                Step::RefreshForService => self.refresh_for_service(services).await,
                Step::SignIn => self.sign_in(services).await,
            };
            let elapsed = start.elapsed().as_millis();
            debug!("The {} took {elapsed} ms.", step.name());
            match (taken, step) {
                (Ok(()), _) => {}
                (Err(error), Step::Exchange | Step::Refresh | Step::RefreshForService)
                    if error.kind() == Kind::Unreachable =>
                {
                    return self.fall_back_to_cached(error);
                }
                // For a new Entra token, a challenge is a refusal.
                (Err(error), Step::Exchange)
                    if error.claims().is_some()
                        && !self.completed.refreshed
                        && !self.completed.signed_in =>
                {
                    self.discard_revoked_token(&error)
                }
                (Err(error), _) => {
                    self.save_challenge(&error);
                    return Err(error);
                }
            }
            step = self.next();
        }
        Err(Error::internal(
            "the renewal did not end after its last step",
        ))
    }

    fn next(&self) -> Step {
        let (sessions, request) = (&self.renewal.sessions, &self.renewal.request);
        let now = match &self.record {
            Some(record) => sessions.service_now(record),
            None => sessions.clock.now(),
        };
        let step = match next_step(self.record.as_ref(), request, self.completed, now) {
            // A refresh token that Entra refused is not sent again.
            Step::Refresh | Step::RefreshForService if self.refresh_refusal.is_some() => {
                Step::SignIn
            }
            step => step,
        };
        debug!("{}", step.sentence(self.username.as_deref()));
        step
    }

    fn use_cached(&self) -> Result<Token> {
        let record = self.record.as_ref().ok_or_else(no_session)?;
        let now = self.renewal.sessions.service_now(record);
        Token::from_cache(record, &self.renewal.request, now)
    }

    /// Returns a cached token that is still valid, if the network or a service fails.
    fn fall_back_to_cached(&self, error: Error) -> Result<Token> {
        let fallback = self.record.as_ref().and_then(|record| {
            let now = self.renewal.sessions.service_now(record);
            outage_fallback(record, &self.renewal.request, now)
        });
        let Some(token) = fallback else {
            return Err(error);
        };
        warn!(
            "{error}; using the cached token, which expires in {}",
            in_words(token.remaining_validity())
        );
        Ok(token)
    }

    /// Removes the Entra tokens, and sends the challenge with the refresh, or else with the sign-in.
    fn discard_revoked_token(&mut self, error: &Error) {
        info!("Requesting a new Entra token, because the resource requires one: {error}.");
        self.resource_challenge = error.claims().cloned();
        if let Some(record) = &mut self.record {
            let request = &self.renewal.request;
            let revoked = [request.scopes(), &request.service_scopes];
            let is_revoked = |scopes: &[String]| revoked.contains(&scopes);
            record
                .entra_tokens
                .retain(|token| !is_revoked(&token.scopes));
        }
        self.completed.refreshed_for_service = false;
        self.save_challenge(error);
    }

    async fn exchange(&mut self, services: &RenewalServices) -> Result<()> {
        let (sessions, request) = (&self.renewal.sessions, &self.renewal.request);
        let record = self.record.as_mut().ok_or_else(no_session)?;
        let (TokenKind::Communication(source), Some(exchange), Some(entra_token)) = (
            &request.kind,
            &services.exchange,
            record.entra_token(request.scopes()),
        ) else {
            return Err(Error::internal(
                "an exchange without a request, a resource or an Entra token",
            ));
        };
        let now = sessions.service_now(record);
        let service_token = record.entra_token(&request.service_scopes);
        let service_token = service_token.map(|token| &token.token);
        let tokens = (&entra_token.token, service_token);
        let issued = exchange.run(source, record, tokens, now).await?;
        sessions.update_clock_sample(record, issued.service_time);
        record.keep_communication_token(CachedCommunicationToken {
            token: issued.token,
            source: source.clone(),
            expires_on: issued.expires_on,
        });
        if self.completed.refreshed
            && let Some(short) = self.renewal.short_lifetime_note(record, issued.expires_on)
        {
            record.short_lifetime = Some(short);
        }
        self.completed.exchanged = true;
        self.save()
    }

    async fn sign_in(&mut self, services: &RenewalServices) -> Result<()> {
        let (sessions, user) = (&self.renewal.sessions, &self.renewal.user);
        let Some(options) = self.options.filter(|_| !self.completed.signed_in) else {
            let name = self.username.as_deref().or(user.as_deref());
            return Err(match self.refresh_refusal.take() {
                None if self.lacks_refresh_token() => {
                    no_second_token(name, self.completed.signed_in)
                }
                Some(refusal) => with_account(refusal, name),
                None if self.has_no_refresh_token() => no_refresh_token(name),
                None => sessions.no_session_error(user.as_deref().or(name)),
            });
        };
        let required = match self.locks.initial.scope() {
            LockTarget::Session(key) => Some(key.home_account_id.clone()),
            LockTarget::SignIn(_) => user.clone(),
        };
        let expected = ExpectedUser {
            hint: self.username.as_deref().or(user.as_deref()),
            required: required.as_deref(),
        };
        let stored = self.record.as_ref();
        let challenge = stored.and_then(|record| record.challenge.clone());
        let (entra, scopes) = (&services.entra, self.renewal.request.scopes());
        let (challenge, locks) = (challenge.as_ref(), &mut self.locks);
        let signed_in = sessions.sign_in(entra, options, expected, scopes, challenge, locks);
        let record = signed_in.await?;
        info!("Signed in as {}.", record.account.username);
        self.record = Some(record);
        self.refresh_refusal = None;
        self.completed = CompletedSteps {
            signed_in: true,
            ..CompletedSteps::default()
        };
        Ok(())
    }

    /// Returns whether the exchange service's token is out of reach: a sign-in brings one token only, and
    /// the refresh token brings the other.
    fn lacks_refresh_token(&self) -> bool {
        self.has_no_refresh_token() && !self.renewal.request.service_scopes.is_empty()
    }

    /// Returns whether there is a session, for which Entra issued no refresh token.
    fn has_no_refresh_token(&self) -> bool {
        let record = self.record.as_ref();
        record.is_some_and(|record| record.refresh_token.is_none())
    }

    pub(super) fn save(&self) -> Result<()> {
        let record = self.record.as_ref().ok_or_else(no_session)?;
        let store = &self.renewal.sessions.store;
        store.save_renewed(record, self.locks.guard())
    }

    /// Saves the record beside a failure that the caller reports.
    pub(super) fn save_or_warn(&self, loss: &str) {
        if let Err(error) = self.save() {
            warn!("{loss}: {error}");
        }
    }
}

impl PendingRenewal {
    /// Returns the note of a session with tokens that are too short for the request, by the expiry of
    /// a new token.
    pub(super) fn short_lifetime_note(
        &self,
        record: &Record,
        expires_on: Timestamp,
    ) -> Option<ShortLifetimeNote> {
        let now = self.sessions.service_now(record);
        let life = expires_on.since(now);
        (life <= self.request.min_validity).then(|| ShortLifetimeNote {
            redeemed_at_seconds: now.unix_seconds(),
            life_seconds: life.as_secs(),
        })
    }
}

/// Returns the error for a session that ends with its tokens.
fn no_refresh_token(user: Option<&str>) -> Error {
    let of = user.map(|user| format!(" of {user}")).unwrap_or_default();
    let error = Error::new(
        Kind::SignInNeeded,
        format!("the session{of} cannot be renewed, because Entra issued no refresh token"),
        "Run `acspass login`.",
    );
    with_account(error, user)
}

/// Returns the error for a session without a refresh token, whose exchange needs two Entra tokens. Another
/// sign-in right after one does not help.
fn no_second_token(user: Option<&str>, is_new: bool) -> Error {
    let of = user.map(|user| format!(" of {user}")).unwrap_or_default();
    let kind = match is_new {
        true => Kind::Refused,
        false => Kind::SignInNeeded,
    };
    Error::new(
        kind,
        format!(
            "Entra issued no refresh token for the session{of}, and the exchange service needs a \
             second token"
        ),
        "Ask your administrator to permit `offline_access` for the application, then run `acspass \
         login`. A service that requests tokens on behalf of users needs one token only: see \
         `on-behalf-of` in `acspass config list`.",
    )
}

pub(super) fn no_session() -> Error {
    Error::internal("a step of a renewal without a session")
}

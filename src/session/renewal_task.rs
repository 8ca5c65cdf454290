//! The steps of a renewal, under the session's lock.

use tracing::{debug, info, warn};

use super::exchange::exchange;
use super::freshness::{CompletedSteps, Step, Target, TokenRequest, next_step, outage_fallback};
use super::held_locks::HeldLocks;
use super::services::RenewalServices;
use super::sessions::Sessions;
use super::sign_in::ExpectedUser;
use super::token::Token;
use crate::claims::Claims;
use crate::entra::SignInOptions;
use crate::error::{Error, Kind, Result};
use crate::secret::RefreshToken;
use crate::store::{CachedCommunicationToken, Guard, LockName, Record, ShortTokens};
use crate::time::{Timestamp, in_words};

/// The most steps of a renewal: sign in, exchange, redeem, exchange, use, and the same once more if
/// another process renewed meanwhile.
const MOST_STEPS: usize = 10;

/// A renewal in progress.
pub(super) struct RenewalTask<'a> {
    session: &'a Sessions,
    request: &'a TokenRequest,
    services: &'a RenewalServices,
    options: Option<&'a SignInOptions<'a>>,
    /// The requested user.
    pub(super) user: Option<String>,
    /// The last known username of the session.
    pub(super) known_username: Option<String>,
    locked: HeldLocks,
    pub(super) record: Option<Record>,
    attempted: CompletedSteps,
    /// The cache was read again after Entra had refused the refresh token.
    has_reread_cache: bool,
    /// The claims challenge of the resource for the next Entra token.
    challenge: Option<Claims>,
    /// The error of Entra's refusal of the current refresh token.
    refused: Option<Error>,
}

impl<'a> RenewalTask<'a> {
    pub(super) fn new(
        session: &'a Sessions,
        request: &'a TokenRequest,
        services: &'a RenewalServices,
        options: Option<&'a SignInOptions<'a>>,
        guard: Guard,
    ) -> Self {
        RenewalTask {
            session,
            request,
            services,
            options,
            user: None,
            known_username: None,
            locked: HeldLocks::new(guard),
            record: None,
            attempted: CompletedSteps::default(),
            has_reread_cache: false,
            challenge: None,
            refused: None,
        }
    }

    /// Reads the session under its lock: another process may have renewed it or signed in.
    pub(super) fn read_again(&mut self) -> Result<()> {
        let sessions = &self.session.store;
        let entry = match self.locked.first().name() {
            LockName::Session(key) => sessions.index()?.entry(key).cloned(),
            LockName::Tenancy(_) => self.session.named_or_active(self.user.as_deref())?,
        };
        let guard = self.locked.guard();
        self.record = match &entry {
            Some(entry) => sessions.load_under(&entry.key(), guard)?,
            None => None,
        };
        if let Some(entry) = entry {
            self.known_username = Some(entry.account.username);
        }
        Ok(())
    }

    /// Takes the steps of the freshness rule until there is a token.
    pub(super) async fn finish(mut self) -> Result<Token> {
        for _ in 0..MOST_STEPS {
            let step = self.next();
            debug!("the freshness rule: {step}{}", self.attempted);
            match step {
                Step::Use { fresh } => return self.use_cached(fresh),
                Step::Exchange => match self.exchange().await {
                    Err(error) if error.kind() == Kind::Unreachable => {
                        return self.fall_back_to_cached(error);
                    }
                    Err(error) if self.is_new_challenge(&error) => {
                        self.discard_revoked_token(&error)
                    }
                    outcome => outcome?,
                },
                Step::Redeem => match self.redeem().await {
                    Err(error) if error.kind() == Kind::Unreachable => {
                        return self.fall_back_to_cached(error);
                    }
                    Err(error) if error.kind() == Kind::SignInNeeded => {
                        self.handle_refusal(error)?
                    }
                    outcome => outcome?,
                },
                Step::SignIn => self.sign_in().await?,
            }
        }
        Err(Error::internal("the freshness rule did not come to an end"))
    }

    fn next(&self) -> Step {
        let now = match &self.record {
            Some(record) => self.session.service_now(record),
            None => self.session.clock.now(),
        };
        match next_step(self.record.as_ref(), self.request, self.attempted, now) {
            // A refresh token that Entra refused is not sent again.
            Step::Redeem if self.refused.is_some() => Step::SignIn,
            step => step,
        }
    }

    fn use_cached(self, fresh: bool) -> Result<Token> {
        let record = self
            .record
            .ok_or_else(|| Error::internal("a token was to be used without a session"))?;
        let now = self.session.service_now(&record);
        Token::from_cache(&record, self.request, fresh, now)
    }

    /// Returns a cached token that is still valid, if the network or a service fails.
    fn fall_back_to_cached(self, error: Error) -> Result<Token> {
        let Some(record) = &self.record else {
            return Err(error);
        };
        let now = self.session.service_now(record);
        let Some(cached) = outage_fallback(record, self.request, now) else {
            return Err(error);
        };
        warn!(
            "{error}: the kept token is handed out, with {} left",
            in_words(cached.expires_on().since(now))
        );
        // The warning above has said what is left.
        Token::from_cache(record, self.request, true, now)
    }

    /// Reads the cache again after Entra refused the refresh token: another process without the lock
    /// may have renewed. If the token is the same, a sign-in is required.
    fn handle_refusal(&mut self, error: Error) -> Result<()> {
        let before = self.record.take();
        let is_second_time = std::mem::replace(&mut self.has_reread_cache, true);
        self.read_again()?;
        let same = match (&before, &self.record) {
            (Some(before), Some(now)) => before.refresh_token == now.refresh_token,
            (_, None) => true,
            (None, Some(_)) => false,
        };
        if same || is_second_time {
            self.save_challenge(&error);
            self.refused = Some(error);
        }
        Ok(())
    }

    /// Saves the claims challenge for the next sign-in, also of a later run. The caller reports the
    /// refusal, so a failed save is only a warning.
    fn save_challenge(&mut self, refusal: &Error) {
        let (Some(record), Some(claims)) = (&mut self.record, refusal.claims()) else {
            return;
        };
        if record.challenge.as_ref() == Some(claims) {
            return;
        }
        record.challenge = Some(claims.clone());
        if let Err(error) = self.save() {
            warn!("{error}: what Entra asks the next sign-in for is not remembered");
        }
    }

    /// Returns whether the resource revoked the Entra token with a claims challenge. For a new token
    /// a challenge is a refusal.
    fn is_new_challenge(&self, error: &Error) -> bool {
        error.claims().is_some() && !self.attempted.redeemed && !self.attempted.signed_in
    }

    /// Removes the Entra token, and sends the challenge with the refresh, or else with the sign-in.
    fn discard_revoked_token(&mut self, error: &Error) {
        info!("{error}: it asks for a new token");
        self.challenge = error.claims().cloned();
        if let Some(record) = &mut self.record {
            let scopes = self.request.scopes();
            record.entra_tokens.retain(|token| token.scopes != *scopes);
        }
        self.save_challenge(error);
    }

    async fn redeem(&mut self) -> Result<()> {
        let record = self
            .record
            .as_mut()
            .ok_or_else(|| Error::internal("a redemption without a session"))?;
        let refresh_token = record
            .refresh_token
            .clone()
            .ok_or_else(|| Error::internal("a redemption without a refresh token"))?;
        let scopes = self.request.scopes();
        let entra = &self.services.entra;
        let refreshed = entra
            .refresh(&refresh_token, scopes, self.challenge.as_ref())
            .await;
        let tokens = match refreshed {
            Ok(tokens) => tokens,
            Err(refused) => {
                self.save_rotated(refused.refresh_token);
                return Err(refused.error);
            }
        };
        if let Some(account) = &tokens.account
            && account.object_id != record.account.object_id
        {
            return Err(Error::new(
                Kind::Refused,
                "Entra renewed the session for another user: nothing was stored",
                "run `acspass logout`, then `acspass login`",
            ));
        }
        self.session.add_tokens(record, tokens, scopes);
        record.challenge = None;
        if let Some(token) = record.entra_token(scopes) {
            let expires_on = token.expires_on;
            note_lifetime(record, self.request, expires_on, self.session);
        }
        self.attempted.redeemed = true;
        self.attempted.exchanged = false;
        self.save()
    }

    /// Saves the refresh token of a failed response. The caller reports the failure, so a failed save
    /// is only a warning.
    fn save_rotated(&mut self, refresh_token: Option<RefreshToken>) {
        let (Some(record), Some(token)) = (&mut self.record, refresh_token) else {
            return;
        };
        record.refresh_token = Some(token);
        if let Err(error) = self.save() {
            warn!("{error}: the new refresh token is lost");
        }
    }

    async fn exchange(&mut self) -> Result<()> {
        let Target::Communication(source) = &self.request.target else {
            return Err(Error::internal("an exchange without a request"));
        };
        let with = self
            .services
            .exchange
            .as_ref()
            .ok_or_else(|| Error::internal("an exchange without a resource"))?;
        let record = self
            .record
            .as_mut()
            .ok_or_else(|| Error::internal("an exchange without a session"))?;
        let entra_token = record
            .entra_token(self.request.scopes())
            .ok_or_else(|| Error::internal("an exchange without an Entra token"))?;
        let now = self.session.service_now(record);
        let issued = exchange(with, source, record, &entra_token.token, now).await?;
        self.session.measure_clock(record, issued.service_time);
        record.keep_communication_token(CachedCommunicationToken {
            token: issued.token,
            source: source.clone(),
            expires_on: issued.expires_on,
        });
        if self.attempted.redeemed {
            let needed = self.request.min_validity;
            let now = self.session.service_now(record);
            if issued.expires_on.since(now) <= needed {
                note_lifetime(record, self.request, issued.expires_on, self.session);
            }
        }
        self.attempted.exchanged = true;
        self.save()
    }

    async fn sign_in(&mut self) -> Result<()> {
        let Some(options) = self.options.filter(|_| !self.attempted.signed_in) else {
            return Err(self.refused.take().unwrap_or_else(|| {
                self.session
                    .no_session_error(self.user.as_deref().or(self.known_username.as_deref()))
            }));
        };
        let scopes = self.request.scopes();
        let required = match self.locked.first().name() {
            LockName::Session(key) => Some(key.home_account_id.clone()),
            LockName::Tenancy(_) => self.user.clone(),
        };
        let expected = ExpectedUser {
            hint: self.known_username.as_deref().or(self.user.as_deref()),
            expected: required.as_deref(),
        };
        let stored = self.record.as_ref();
        let challenge = stored.and_then(|record| record.challenge.clone());
        let record = self
            .session
            .sign_in(
                &self.services.entra,
                options,
                expected,
                scopes,
                challenge.as_ref(),
                &mut self.locked,
            )
            .await?;
        self.record = Some(record);
        self.refused = None;
        self.attempted = CompletedSteps {
            signed_in: true,
            ..CompletedSteps::default()
        };
        Ok(())
    }

    fn save(&self) -> Result<()> {
        match &self.record {
            Some(record) => {
                let guard = self.locked.guard();
                self.session.store.save_renewed(record, guard)
            }
            None => Err(Error::internal("nothing to save")),
        }
    }
}

/// Notes, after a refresh, whether this tenant's tokens are too short for the request.
fn note_lifetime(
    record: &mut Record,
    request: &TokenRequest,
    expires_on: Timestamp,
    session: &Sessions,
) {
    let now = session.service_now(record);
    let life = expires_on.since(now);
    record.short_tokens = (life <= request.min_validity).then(|| ShortTokens {
        redeemed_at_seconds: now.unix_seconds(),
        life_seconds: life.as_secs(),
    });
}

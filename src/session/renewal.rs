//! Renewing a stale session: under its lock, look again, act, save, until the wish is fulfilled.

use tracing::{debug, info, warn};

use crate::account::SessionKey;
use crate::claims::Claims;
use crate::entra::Entra;
use crate::error::{Error, Kind, Result};
use crate::secret::RefreshToken;
use crate::store::{
    Activity, Attempt, CachedCommunicationToken, Guard, LockName, Record, ShortTokens,
};
use crate::time::Timestamp;

use super::exchange::{Exchange, exchange};
use super::freshness::{Attempted, Step, Target, TokenRequest, last_resort, next_step};
use super::sign_in::ExpectedUser;
use super::{Session, SignInOptions, Token, hand_out, lock_wait};

/// More steps than any path through the freshness rule has: sign in, exchange, redeem, exchange,
/// use, and the same once more where another process renewed meanwhile.
const MOST_STEPS: usize = 10;

/// The services that a renewal may need.
#[non_exhaustive]
pub struct Net {
    /// Entra ID, for the session's application.
    pub entra: Entra,
    /// The exchange; `None` where only the Entra token is wanted.
    pub exchange: Option<Exchange>,
}

impl Net {
    /// Entra ID, and the exchange if a Communication token is requested.
    pub fn new(entra: Entra, exchange: Option<Exchange>) -> Self {
        Net { entra, exchange }
    }
}

/// A session that has to be renewed before its token can be handed out.
pub struct Renewal {
    pub(super) session: Session,
    pub(super) user: Option<String>,
    pub(super) key: Option<SessionKey>,
    /// The name by which the session's user was listed. A lost session is listed no more.
    pub(super) username: Option<String>,
    pub(super) request: TokenRequest,
}

/// What a renewal knows while it runs.
struct RenewalTask<'a> {
    session: &'a Session,
    request: &'a TokenRequest,
    net: &'a Net,
    options: Option<&'a SignInOptions<'a>>,
    /// The user that was asked for.
    user: Option<String>,
    /// The name by which the session's user was last known.
    hint: Option<String>,
    guard: Guard,
    /// The session's own lock, where `guard` is the tenancy's.
    own_guard: Option<Guard>,
    record: Option<Record>,
    done: Attempted,
    /// The cache was read once more after Entra had refused the refresh token.
    has_reread_cache: bool,
    /// What the resource asks the next Entra token for.
    challenge: Option<Claims>,
    /// What Entra said when it refused the refresh token that is kept now.
    refused: Option<Error>,
}

impl Renewal {
    /// Renews, and signs in by `options` where nothing else helps. Does nothing where another process
    /// has renewed meanwhile. `net` is made only where it is clear that it is needed.
    ///
    /// # Errors
    /// [`Kind::SignInNeeded`] where a person must sign in and there is no `options`; as
    /// [`Entra::sign_in`], [`Entra::refresh`] and the exchange fail; [`Kind::Store`] where the
    /// session cannot be kept or its lock not be had.
    pub async fn run(
        self,
        net: impl FnOnce() -> Result<Net>,
        options: Option<&SignInOptions<'_>>,
    ) -> Result<Token> {
        let mut name = match &self.key {
            Some(key) => LockName::Session(key.clone()),
            None => LockName::Tenancy(self.session.tenancy.clone()),
        };
        if self.key.is_none() && options.is_none() {
            return Err(self.no_account_error(&name));
        }
        let net = &net()?;
        let sign_in_wait = options.map(|options| options.timeout);
        loop {
            let sessions = &self.session.sessions;
            let guard = lock_wait::lock(sessions, &name, Activity::Renewing, sign_in_wait).await?;
            let mut run = RenewalTask {
                session: &self.session,
                request: &self.request,
                net,
                options,
                user: self.user.clone(),
                hint: self.username.clone(),
                guard,
                own_guard: None,
                record: None,
                done: Attempted::default(),
                has_reread_cache: false,
                challenge: None,
                refused: None,
            };
            run.read_again()?;
            match (&run.record, &name) {
                // Somebody signed in while we waited: from here on it is that session's lock.
                (Some(record), LockName::Tenancy(_)) => name = LockName::Session(record.key()),
                _ => return run.finish().await,
            }
        }
    }
}

impl Renewal {
    /// Nobody is known who could be renewed; perhaps somebody is just signing in.
    fn no_account_error(&self, tenancy: &LockName) -> Error {
        match self.session.sessions.try_lock(tenancy, Activity::Renewing) {
            Ok(Attempt::Held(Some(holder))) if holder.activity == Activity::SigningIn => {
                lock_wait::sign_in_in_progress(Some(holder))
            }
            _ => self.session.no_session_error(self.user.as_deref()),
        }
    }
}

impl RenewalTask<'_> {
    /// Another process may have renewed, or signed in, since we looked.
    fn read_again(&mut self) -> Result<()> {
        let sessions = &self.session.sessions;
        let entry = match self.guard.name() {
            LockName::Session(key) => sessions.index()?.entry(key).cloned(),
            LockName::Tenancy(_) => self.session.entry(self.user.as_deref())?,
        };
        let guard = self.own_guard.as_ref().unwrap_or(&self.guard);
        self.record = match &entry {
            Some(entry) => sessions.load_under(&entry.key(), guard)?,
            None => None,
        };
        if let Some(entry) = entry {
            self.hint = Some(entry.account.username);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Token> {
        for _ in 0..MOST_STEPS {
            let step = self.next();
            debug!("the freshness rule: {step}{}", self.done);
            match step {
                Step::Use { fresh } => return self.use_kept(fresh),
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
        match next_step(self.record.as_ref(), self.request, self.done, now) {
            // A refresh token that Entra refused is not sent again.
            Step::Redeem if self.refused.is_some() => Step::SignIn,
            step => step,
        }
    }

    fn use_kept(self, fresh: bool) -> Result<Token> {
        let record = self
            .record
            .ok_or_else(|| Error::internal("a token was to be used without a session"))?;
        let now = self.session.service_now(&record);
        hand_out(&record, self.request, fresh, now)
    }

    /// The network or a service is down: what still lives is better than nothing.
    fn fall_back_to_cached(self, error: Error) -> Result<Token> {
        let Some(record) = &self.record else {
            return Err(error);
        };
        let now = self.session.service_now(record);
        let Some(kept) = last_resort(record, self.request, now) else {
            return Err(error);
        };
        warn!(
            "{error}: the kept token is handed out, with {} left",
            crate::time::in_words(kept.expires_on().since(now))
        );
        hand_out(record, self.request, true, now)
    }

    /// Entra wants a person. First the cache is read once more, in case another process, one that
    /// does not hold our lock, has renewed.
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
            self.keep_challenge(&error);
            self.refused = Some(error);
        }
        Ok(())
    }

    /// What Entra wants proved is kept until somebody signs in, now or in a later run. The refusal
    /// is what the user is told, so that a failure to keep it is only warned about.
    fn keep_challenge(&mut self, refusal: &Error) {
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

    /// The resource takes an Entra token back before it expires, and names what the next one must
    /// have. Where that is said of a token that is new, it is a refusal.
    fn is_new_challenge(&self, error: &Error) -> bool {
        error.claims().is_some() && !self.done.redeemed && !self.done.signed_in
    }

    /// The Entra token goes, and the challenge goes into the redemption, or else the sign-in.
    fn discard_revoked_token(&mut self, error: &Error) {
        info!("{error}: it asks for a new token");
        self.challenge = error.claims().cloned();
        if let Some(record) = &mut self.record {
            let scopes = self.request.scopes();
            record.entra_tokens.retain(|kept| kept.scopes != *scopes);
        }
        self.keep_challenge(error);
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
        let entra = &self.net.entra;
        let refreshed = entra
            .refresh(&refresh_token, scopes, self.challenge.as_ref())
            .await;
        let tokens = match refreshed {
            Ok(tokens) => tokens,
            Err(refused) => {
                self.keep_rotated(refused.refresh_token);
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
        self.session.keep_tokens(record, tokens, scopes);
        record.challenge = None;
        if let Some(token) = record.entra_token(scopes) {
            let expires_on = token.expires_on;
            note_lifetime(record, self.request, expires_on, self.session);
        }
        self.done.redeemed = true;
        self.done.exchanged = false;
        self.save()
    }

    /// Stores a refresh token that came in an answer that is of no other use. The answer's fault is
    /// what the user sees, so that a failure to store is only warned about.
    fn keep_rotated(&mut self, refresh_token: Option<RefreshToken>) {
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
            return Err(Error::internal("an exchange that nobody wants"));
        };
        let with = self
            .net
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
        if self.done.redeemed {
            let needed = self.request.min_validity;
            let now = self.session.service_now(record);
            if issued.expires_on.since(now) <= needed {
                note_lifetime(record, self.request, issued.expires_on, self.session);
            }
        }
        self.done.exchanged = true;
        self.save()
    }

    async fn sign_in(&mut self) -> Result<()> {
        let Some(options) = self.options.filter(|_| !self.done.signed_in) else {
            return Err(self.refused.take().unwrap_or_else(|| {
                self.session
                    .no_session_error(self.user.as_deref().or(self.hint.as_deref()))
            }));
        };
        let scopes = self.request.scopes();
        let expected = ExpectedUser {
            hint: self.hint.as_deref().or(self.user.as_deref()),
            expected: match self.guard.name() {
                LockName::Session(key) => Some(&key.home_account_id),
                LockName::Tenancy(_) => self.user.as_deref(),
            },
        };
        let kept = self.record.as_ref();
        let challenge = kept.and_then(|record| record.challenge.clone());
        let (record, own_guard) = self
            .session
            .sign_in(
                &self.net.entra,
                options,
                expected,
                scopes,
                challenge.as_ref(),
                &self.guard,
            )
            .await?;
        self.record = Some(record);
        self.own_guard = own_guard;
        self.refused = None;
        self.done = Attempted {
            signed_in: true,
            ..Attempted::default()
        };
        Ok(())
    }

    fn save(&self) -> Result<()> {
        match &self.record {
            Some(record) => {
                let guard = self.own_guard.as_ref().unwrap_or(&self.guard);
                self.session.sessions.save_renewed(record, guard)
            }
            None => Err(Error::internal("nothing to save")),
        }
    }
}

/// Notes, after a redemption, whether this tenant's tokens are too short for the wish.
fn note_lifetime(
    record: &mut Record,
    request: &TokenRequest,
    expires_on: Timestamp,
    session: &Session,
) {
    let now = session.service_now(record);
    let life = expires_on.since(now);
    record.short_tokens = (life <= request.min_validity).then(|| ShortTokens {
        redeemed_at_seconds: now.unix_seconds(),
        life_seconds: life.as_secs(),
    });
}

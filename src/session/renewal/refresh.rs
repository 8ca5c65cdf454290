//! Redeems the refresh token of a session, and handles a refusal by Entra.

use super::services::RenewalServices;
use super::task::{RenewalTask, no_session};
use crate::claims::Claims;
use crate::error::{Error, Kind, Result};
use crate::store::Record;

impl RenewalTask<'_> {
    /// Redeems the refresh token for the requested scopes.
    pub(super) async fn refresh(&mut self, services: &RenewalServices) -> Result<()> {
        let renewal = self.renewal;
        let scopes = renewal.request.scopes();
        let challenge = self.challenge();
        if !self.redeem(services, scopes, challenge).await? {
            return Ok(());
        }
        if let Some(record) = &mut self.record {
            // The token for the exchange service has to meet a challenge too.
            if renewal.request.service_scopes.is_empty() {
                record.challenge = None;
            }
            if let Some(token) = record.entra_token(scopes) {
                record.short_lifetime = renewal.short_lifetime_note(record, token.expires_on);
            }
        }
        self.completed.refreshed = true;
        self.completed.exchanged = false;
        self.save()
    }

    /// Redeems the refresh token once more, because a token is for one service.
    pub(super) async fn refresh_for_service(&mut self, services: &RenewalServices) -> Result<()> {
        let scopes = &self.renewal.request.service_scopes;
        let challenge = self.challenge();
        if !self.redeem(services, scopes, challenge).await? {
            return Ok(());
        }
        if let Some(record) = &mut self.record {
            record.challenge = None;
        }
        self.completed.refreshed_for_service = true;
        self.save()
    }

    /// Returns the claims challenge for a redemption. An exchange service challenges both tokens. So a stored
    /// challenge of an earlier run, which ended before both were redeemed, is sent again with each.
    fn challenge(&self) -> Option<Claims> {
        let needs_both = !self.renewal.request.service_scopes.is_empty();
        let stored = self.record.as_ref().filter(|_| needs_both);
        let stored = stored.and_then(|record| record.challenge.clone());
        self.resource_challenge.clone().or(stored)
    }

    /// Redeems the newest refresh token for these scopes, and adds the tokens to the record. Returns
    /// `false` if Entra refused it.
    async fn redeem(
        &mut self,
        services: &RenewalServices,
        scopes: &[String],
        challenge: Option<Claims>,
    ) -> Result<bool> {
        let sessions = &self.renewal.sessions;
        let record = self.record.as_mut().ok_or_else(no_session)?;
        let refresh_token = record
            .refresh_token
            .clone()
            .ok_or_else(|| Error::internal("a refresh without a refresh token"))?;
        if let Some(exchange) = &services.exchange {
            exchange.open_early();
        }
        let entra = &services.entra;
        let redeemed = entra.refresh(&refresh_token, scopes, challenge.as_ref());
        let tokens = match redeemed.await {
            Ok(tokens) => tokens,
            Err(failure) => {
                if let Some(token) = failure.refresh_token {
                    record.keep_refresh_token(token, sessions.service_now(record));
                    self.save_or_warn("the new refresh token was not saved");
                }
                return match failure.error.kind() {
                    Kind::SignInNeeded => self.handle_refusal(failure.error).map(|()| false),
                    _ => Err(failure.error),
                };
            }
        };
        if let Some(account) = &tokens.account
            && account.object_id != record.account.object_id
        {
            return Err(Error::new(
                Kind::Refused,
                "Entra refreshed the session as another user; nothing was saved",
                "Run `acspass logout`, then `acspass login`.",
            ));
        }
        record.is_refresh_refused = false;
        sessions.add_tokens(record, tokens, scopes);
        Ok(true)
    }

    /// Reads the cache again after Entra refused the refresh token: another process without the lock
    /// may have renewed. If the token is the same, a sign-in is required.
    fn handle_refusal(&mut self, error: Error) -> Result<()> {
        let rejected_token = self.record.take().and_then(|record| record.refresh_token);
        let is_second_time = std::mem::replace(&mut self.has_reread_cache, true);
        self.read_cache()?;
        let is_same = |record: &Record| record.refresh_token == rejected_token;
        if is_second_time || self.record.as_ref().is_none_or(is_same) {
            self.save_challenge(&error);
            if self.record.as_ref().is_some_and(is_same) && !lacks_consent(&error) {
                self.save_refusal();
            }
            self.refresh_refusal = Some(error);
        }
        Ok(())
    }

    /// Saves that Entra refused this refresh token. From then on the index says that a sign-in is required.
    fn save_refusal(&mut self) {
        if let Some(record) = &mut self.record
            && !std::mem::replace(&mut record.is_refresh_refused, true)
        {
            self.save_or_warn("the refusal of the refresh token was not saved");
        }
    }

    /// Saves the claims challenge for the next sign-in, also of a later run.
    pub(super) fn save_challenge(&mut self, refusal: &Error) {
        if let (Some(record), Some(claims)) = (&mut self.record, refusal.claims())
            && record.challenge.as_ref() != Some(claims)
        {
            record.challenge = Some(claims.clone());
            self.save_or_warn("the claims that Entra requires were not saved");
        }
    }
}

/// Returns whether only the requested scopes lack consent: the refresh token is good for other scopes.
fn lacks_consent(refusal: &Error) -> bool {
    matches!(refusal.code(), Some("AADSTS65001" | "AADSTS65004"))
}

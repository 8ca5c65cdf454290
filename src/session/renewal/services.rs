//! The services that a renewal uses, and what their responses change in the record of a session.

use std::time::Duration;

use tracing::{debug, info, warn};

use crate::acs::{DirectExchange, IdentityClient, IssuedToken, teams_token};
use crate::entra::{Entra, Tokens};
use crate::error::{Error, Result};
use crate::exchange::CommunicationTokenSource;
use crate::exchange_client::{ExchangeClient, UserTokens};
use crate::secret::EntraToken;
use crate::session::sessions::Sessions;
use crate::store::{CachedEntraToken, Record};
use crate::time::{MAX_CLOCK_SKEW_SECONDS, ServerTimeSample, Timestamp, in_words};

/// The services that a renewal uses.
#[non_exhaustive]
pub struct RenewalServices {
    /// Entra ID, for the session's application.
    pub entra: Entra,
    /// The exchange; `None` if only the Entra token is requested.
    pub exchange: Option<Exchange>,
}

impl RenewalServices {
    /// Combines Entra ID and the exchange.
    pub fn new(entra: Entra, exchange: Option<Exchange>) -> Self {
        RenewalServices { entra, exchange }
    }
}

/// The exchange of an Entra token for a Communication token.
#[non_exhaustive]
pub enum Exchange {
    /// By the resource's identity API, with its key or role.
    WithResourceCredential(IdentityClient),
    /// With the Entra token alone.
    Direct(DirectExchange),
    /// By an organisation's exchange service, which has the credential.
    Service {
        /// Its client.
        client: ExchangeClient,
        /// The service requests the token for ACS on behalf of the user, so it gets none.
        is_on_behalf_of: bool,
    },
}

impl Exchange {
    /// Opens the connection to the resource, while Entra responds.
    pub(super) fn open_early(&self) {
        match self {
            Exchange::WithResourceCredential(acs) => acs.open_early(),
            Exchange::Direct(direct) => direct.open_early(),
            Exchange::Service { client, .. } => client.open_early(),
        }
    }

    /// Exchanges the session's Entra token. `service_token` is the one for the exchange service, if the
    /// request has scopes of it. `now` is the time by the service's clock.
    pub(super) async fn run(
        &self,
        source: &CommunicationTokenSource,
        record: &Record,
        (token, service_token): (&EntraToken, Option<&EntraToken>),
        now: Timestamp,
    ) -> Result<IssuedToken> {
        let acs = match self {
            Exchange::WithResourceCredential(acs) => acs,
            Exchange::Direct(direct) => {
                let exchanged = direct.exchange(source.exchange, token).await?;
                if let Some(identity) = exchanged.identity {
                    debug!("The exchange returned a token of the identity {identity}.");
                }
                return Ok(exchanged.issued);
            }
            Exchange::Service {
                client,
                is_on_behalf_of,
            } => {
                let tokens = user_tokens(*is_on_behalf_of, token, service_token)?;
                let issued = client.exchange(tokens, now).await?;
                return Ok(IssuedToken {
                    token: issued.token,
                    expires_on: issued.expires_on,
                    // Entra's clock decides expiry.
                    service_time: None,
                });
            }
        };
        // Both are from the validated sign-in, so they belong together.
        let (app_id, user_id) = (&record.application.client_id, &record.account.object_id);
        if let Some(note) = teams_token::check(token.expose(), app_id, user_id, now)? {
            info!("{note}");
        }
        acs.set_service_time(now);
        acs.exchange_teams_user_token(token, app_id, user_id).await
    }
}

/// Returns the tokens for an exchange service. `token` is the one of the request's scopes.
fn user_tokens<'a>(
    is_on_behalf_of: bool,
    token: &'a EntraToken,
    service_token: Option<&'a EntraToken>,
) -> Result<UserTokens<'a>> {
    match (is_on_behalf_of, service_token) {
        (true, None) => Ok(UserTokens::OnBehalfOf(token)),
        (false, Some(service)) => Ok(UserTokens::Both {
            service,
            acs: token,
        }),
        (true, Some(_)) | (false, None) => Err(Error::internal(
            "the tokens of a request are not those of the exchange service's settings",
        )),
    }
}

impl Sessions {
    /// Adds the tokens of a response to the record.
    pub(super) fn add_tokens(&self, record: &mut Record, tokens: Tokens, scopes: &[String]) {
        self.update_clock_sample(record, tokens.service_time);
        let offset = record
            .time_sample
            .as_ref()
            .map_or(0, ServerTimeSample::offset_seconds);
        let expires_on = match tokens.service_time {
            Some(_) => tokens.expires_on,
            // The response has no time, so the expiry is by this machine's clock.
            None => tokens.expires_on.shifted(offset),
        };
        if let Some(granted) = &tokens.granted {
            log_missing_scopes(scopes, granted);
        }
        if let Some(token) = tokens.refresh_token {
            record.keep_refresh_token(token, self.service_now(record));
        }
        record.keep_entra_token(CachedEntraToken {
            token: tokens.entra_token,
            scopes: scopes.to_vec(),
            expires_on,
        });
    }

    /// Records the clocks at a response, by its `Date`, and warns if their difference is new.
    pub(super) fn update_clock_sample(&self, record: &mut Record, service_time: Option<Timestamp>) {
        let clock = self.clock.as_ref();
        let sample = match service_time {
            Some(_) => ServerTimeSample::new(clock, service_time),
            None => ServerTimeSample::with_previous_offset(clock, record.time_sample.as_ref()),
        };
        let offset = sample.offset_seconds();
        let known = record
            .time_sample
            .replace(sample)
            .map(|sample| sample.offset_seconds());
        if offset != 0 && known.unwrap_or_default().abs_diff(offset) > MAX_CLOCK_SKEW_SECONDS {
            let direction = if offset > 0 { "behind" } else { "ahead of" };
            warn!(
                "this machine's clock is {} {direction} the service's, which decides expiry; correct \
                 the clock",
                in_words(Duration::from_secs(offset.unsigned_abs())),
            );
        }
    }
}

/// Reports the requested scopes that were not granted. Granted names may be short or whole.
fn log_missing_scopes(requested: &[String], granted: &[String]) {
    let short = |scope: &str| scope.rsplit('/').next().unwrap_or(scope).to_lowercase();
    let granted: Vec<String> = granted.iter().map(|scope| short(scope)).collect();
    debug!("Entra granted these scopes: {}.", granted.join(", "));
    let missing: Vec<&str> = requested
        .iter()
        .filter(|scope| short(scope) != ".default" && !granted.contains(&short(scope)))
        .map(|scope| scope.rsplit('/').next().unwrap_or(scope))
        .collect();
    if !missing.is_empty() {
        info!(
            "Entra did not grant these scopes: {}. The token covers the others.",
            missing.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_for_acs_is_never_sent_in_place_of_one_for_the_service() {
        let (acs, service) = (EntraToken::new("acs"), EntraToken::new("service"));
        let both = user_tokens(false, &acs, Some(&service)).expect("two tokens");
        assert!(matches!(both, UserTokens::Both { service, acs }
                if service.expose() == "service" && acs.expose() == "acs"));
        let one = user_tokens(true, &service, None).expect("one token");
        assert!(matches!(one, UserTokens::OnBehalfOf(token) if token.expose() == "service"));
        assert!(user_tokens(false, &acs, None).is_err());
        assert!(user_tokens(true, &acs, Some(&service)).is_err());
    }
}

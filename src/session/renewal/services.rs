//! The services that a renewal uses.

use tracing::{debug, info};

use crate::acs::{DirectExchange, IdentityClient, IssuedToken, teams_token};
use crate::entra::Entra;
use crate::error::Result;
use crate::exchange::TokenSource;
use crate::secret::EntraToken;
use crate::store::Record;
use crate::time::Timestamp;

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
}

impl Exchange {
    /// Exchanges the session's Entra token. `now` is the time by the service's clock.
    pub(super) async fn exchange(
        &self,
        source: &TokenSource,
        record: &Record,
        token: &EntraToken,
        now: Timestamp,
    ) -> Result<IssuedToken> {
        let acs = match self {
            Exchange::WithResourceCredential(acs) => acs,
            Exchange::Direct(direct) => {
                let exchanged = direct.exchange(source.exchange, token).await?;
                if let Some(identity) = exchanged.identity {
                    debug!("exchanged as the identity {identity}");
                }
                return Ok(exchanged.issued);
            }
        };
        // Both are from the validated sign-in, so they belong together.
        let (app_id, user_id) = (&record.tenancy.client_id, &record.account.object_id);
        if let Some(note) = teams_token::check(token.expose(), app_id, user_id, now)? {
            info!("{note}");
        }
        acs.set_service_time(now);
        acs.exchange_teams_user_token(token, app_id, user_id).await
    }
}

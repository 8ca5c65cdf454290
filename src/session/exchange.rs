//! The exchange that a session is configured for, whichever of the two ways it goes.

use tracing::{debug, info};

use crate::acs::{DirectExchange, IdentityClient, Issued, teams_token};
use crate::error::Result;
use crate::exchange::TokenSource;
use crate::secret::EntraToken;
use crate::store::Record;
use crate::time::Timestamp;

/// How an Entra token becomes a Communication token.
#[non_exhaustive]
pub enum Exchange {
    /// At the resource's own API, with its key or role.
    AsOwner(IdentityClient),
    /// With the Entra token alone.
    Direct(DirectExchange),
}

/// Exchanges the session's Entra token. `now` is the time by the service's clock.
pub(super) async fn exchange(
    with: &Exchange,
    source: &TokenSource,
    record: &Record,
    token: &EntraToken,
    now: Timestamp,
) -> Result<Issued> {
    let acs = match with {
        Exchange::AsOwner(acs) => acs,
        Exchange::Direct(direct) => {
            let exchanged = direct.exchange(source.exchange, token).await?;
            if let Some(identity) = exchanged.identity {
                debug!("exchanged as the identity {identity}");
            }
            return Ok(exchanged.issued);
        }
    };
    // Both come from the validated sign-in, so that nobody can mix them up.
    let (app_id, user_id) = (&record.tenancy.client_id, &record.account.object_id);
    if let Some(note) = teams_token::check(token.expose(), app_id, user_id, now)? {
        info!("{note}");
    }
    acs.set_service_time(now);
    acs.exchange_teams_user_token(token, app_id, user_id).await
}

//! The services that a renewal uses.

use super::exchange::Exchange;
use crate::entra::Entra;

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

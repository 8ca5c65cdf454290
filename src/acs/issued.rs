//! A Communication token from the service.

use crate::secret::CommunicationToken;
use crate::time::Timestamp;

/// A newly issued Communication token.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuedToken {
    /// The token.
    pub token: CommunicationToken,
    /// The expiry, by the service's clock.
    pub expires_on: Timestamp,
    /// The time of the response by the service's clock, if it has a `Date` header.
    pub service_time: Option<Timestamp>,
}

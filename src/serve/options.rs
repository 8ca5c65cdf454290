//! The input of a service.

use std::sync::Arc;
use std::time::Duration;

use crate::acs::{Endpoint, IdentityClient};
use crate::entra::Entra;
use crate::entra::redirect::RedirectUri;
use crate::error::{Error, Result};
use crate::loopback::WebOrigin;
use crate::session::{Overview, RenewalServices, Sessions, TokenRequest};
use crate::time::Clock;

/// Makes the clients of other services when a request first needs them. Every call may block.
pub trait Clients: Send + Sync {
    /// Returns the clients for a token renewal.
    fn net(&self) -> Result<RenewalServices>;

    /// Returns the client of the ACS resource, for the identity operations.
    fn identity_client(&self) -> Result<IdentityClient>;

    /// Returns the endpoint of the ACS resource if this service has a key or a role there. The
    /// error's hint tells the user how to add one.
    fn resource(&self) -> Result<Endpoint>;

    /// Returns Entra ID, for a sign-in from the dashboard.
    fn entra(&self) -> Result<Entra>;

    /// Returns the stored accounts without secrets.
    fn overview(&self) -> Result<Overview>;
}

/// The configuration of a service.
pub struct Options {
    /// The session that holds the tokens.
    pub session: Sessions,
    /// The token to serve, and the remaining validity that a request asks for by default.
    pub token_request: TokenRequest,
    /// The clients of other services.
    pub clients: Arc<dyn Clients>,
    /// The profile's name, for `GET /status`.
    pub profile: String,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The web origins that may send requests.
    pub origins: Vec<WebOrigin>,
    /// The redirect URI of a sign-in from the dashboard.
    pub redirect_uri: RedirectUri,
    /// The time limit of a sign-in from the dashboard.
    pub sign_in_timeout: Duration,
    /// Called once each time a token becomes unavailable until the user signs in. It must not block.
    pub sign_in_needed: Arc<dyn Fn(&Error) + Send + Sync>,
}

//! The exchanges that need no access key: the Entra token authorizes them.
//!
//! As the newest SDKs' `EntraCommunicationTokenCredential` does it (`@azure/communication-common`
//! 2.5.0). The resource's owner has assigned the user, or their tenant, to the resource.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use super::operation::Operation;
use super::request::{AcsTransport, Call, IssuedToken, RequestAuth};
use super::values::{CommunicationUserId, Endpoint};
use crate::error::{Error, Result};
use crate::exchange::ExchangeKind;
use crate::http::Http;
use crate::secret::EntraToken;
use crate::text::quoted;
use crate::time::Clock;
use crate::wire::acs::IdentityAndToken;

/// The prefix of the scopes for `/access/entra`.
const CLIENTS_SCOPES: [&str; 1] = ["https://communication.azure.com/clients/"];
/// The prefixes of the scopes for `/access/teamsExtension`, in two clouds.
const TEAMS_EXTENSION_SCOPES: [&str; 2] = [
    "https://auth.msft.communication.azure.com/",
    "https://auth.msft.communication.azure.us/",
];

/// Exchanges Entra tokens at one resource, as their users.
pub struct DirectExchange(AcsTransport);

/// The result of a direct exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchanged {
    /// The identity that the user has at this resource; `None` if the service named it in a form
    /// that no identity has.
    pub identity: Option<CommunicationUserId>,
    /// The token.
    pub issued: IssuedToken,
}

impl DirectExchange {
    /// Creates an exchange at this resource. An Entra token is sent to ACS's domains, to loopback, and
    /// to `allowed_hosts`. Nothing is contacted until the first call.
    pub fn new(
        http: Arc<Http>,
        clock: Arc<dyn Clock>,
        endpoint: Endpoint,
        allowed_hosts: Vec<String>,
    ) -> Self {
        DirectExchange(AcsTransport {
            http,
            clock,
            endpoint,
            allowed_hosts,
            clock_offset_seconds: AtomicI64::new(0),
        })
    }

    /// Opens the connection for a request that follows soon. See [`Http::open_early`].
    pub(crate) fn open_early(&self) {
        self.0.open_early();
    }

    /// Exchanges a token.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) if the service refuses;
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if it does not respond;
    /// [`Kind::Usage`](crate::Kind::Usage) if the endpoint may not receive an Entra token.
    pub async fn exchange(&self, kind: ExchangeKind, token: &EntraToken) -> Result<Exchanged> {
        if matches!(kind, ExchangeKind::Key | ExchangeKind::Service) {
            return Err(Error::internal("a direct exchange with the resource's key"));
        }
        let operation = Operation::Exchange(kind);
        let DirectExchange(transport) = self;
        transport.check_may_receive()?;
        let auth = RequestAuth::Bearer(token);
        let body = Some(b"{}".to_vec());
        let response = transport.send(auth, Call::of(operation, body)).await?;
        let response = transport.check(operation, response)?;
        let exchanged: IdentityAndToken = transport.read(&response)?;
        let token = exchanged
            .access_token
            .ok_or_else(|| transport.unusable("an identity without the token"))?;
        Ok(Exchanged {
            identity: CommunicationUserId::parse(&exchanged.identity).ok(),
            issued: transport.issued(token, response.date())?,
        })
    }
}

/// Checks that the scopes are of the one family that this kind of exchange takes.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) naming the scope that is not.
pub fn check_family(kind: ExchangeKind, scopes: &[String]) -> Result<()> {
    let (family, example) = match kind {
        ExchangeKind::Key | ExchangeKind::Service => return Ok(()),
        ExchangeKind::Entra => (
            CLIENTS_SCOPES.as_slice(),
            "https://communication.azure.com/clients/.default",
        ),
        ExchangeKind::TeamsExtension => (
            TEAMS_EXTENSION_SCOPES.as_slice(),
            "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls",
        ),
    };
    let is_of_family = |scope: &str| family.iter().any(|prefix| scope.starts_with(prefix));
    match scopes.iter().find(|scope| !is_of_family(scope)) {
        None => Ok(()),
        Some(other) => Err(Error::usage(
            format!(
                "the scope {} does not match the setting `exchange`",
                quoted(other)
            ),
            format!("Run `acspass config unset scopes`, or `acspass config set scopes {example}`."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_another_family_are_refused() {
        let entra = "https://communication.azure.com/clients/VoIP".to_owned();
        let extension =
            "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls".to_owned();
        let both = [entra.clone(), extension.clone()];
        assert!(check_family(ExchangeKind::Entra, std::slice::from_ref(&entra)).is_ok());
        assert!(check_family(ExchangeKind::TeamsExtension, &[extension]).is_ok());
        assert!(check_family(ExchangeKind::Entra, &both).is_err());
        assert!(check_family(ExchangeKind::TeamsExtension, &both).is_err());
        assert!(check_family(ExchangeKind::Key, &[entra]).is_ok());
    }
}

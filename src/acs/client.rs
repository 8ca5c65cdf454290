//! Every operation of ACS Identity, as the official SDKs have them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

#[cfg(feature = "azure-identity")]
use azure_core::credentials::TokenCredential;
use serde::Serialize;

use super::operation::{self, Operation, created_without_token, not_a_token, orphan_possible};
use super::request::{AcsTransport, Call, IssuedToken, RequestAuth};
#[cfg(feature = "azure-identity")]
use super::resource_credential::EntraPrincipal;
use super::values::{
    CommunicationUserId, ConnectionString, Endpoint, TokenLifetime, TokenScope, is_bounded,
};
use crate::error::{Error, Result};
use crate::exchange::ExchangeKind;
use crate::http::{self, Http, Response};
use crate::secret::{AccessKey, EntraToken, is_b64token};
use crate::text::quoted;
use crate::time::{Clock, SystemClock, Timestamp};
use crate::wire::acs::{CreateIdentity, IdentityAndToken, IssueToken, TeamsUserExchange};

/// The credential for a resource.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ResourceAuth {
    /// Its access key: each request is signed (HMAC-SHA256).
    Key(AccessKey),
    /// An Entra credential of a principal with a role on the resource.
    #[cfg(feature = "azure-identity")]
    Entra(EntraPrincipal),
    /// A user's Entra token, for requests that the user may send without the owner's permission.
    User(EntraToken),
}

/// A client for one ACS resource. It can be shared between tasks, and keeps its connections.
pub struct IdentityClient {
    pub(super) transport: AcsTransport,
    pub(super) auth: ResourceAuth,
}

/// An identity that was just created.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedUser {
    /// Its id.
    pub id: CommunicationUserId,
    /// The token, if scopes were requested.
    pub token: Option<IssuedToken>,
}

impl IdentityClient {
    /// Creates a client for the resource, with a new connection pool and the machine's clock.
    /// Nothing is contacted until the first call.
    pub fn new(endpoint: Endpoint, auth: ResourceAuth) -> Self {
        IdentityClient {
            transport: AcsTransport {
                http: Arc::new(Http::new(http::Options::default())),
                clock: Arc::new(SystemClock),
                endpoint,
                allowed_hosts: Vec::new(),
                clock_offset_seconds: AtomicI64::new(0),
            },
            auth,
        }
    }

    /// A client from `endpoint=https://…/;accesskey=…`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if it is malformed; nothing of it is in the error.
    pub fn from_connection_string(text: &str) -> Result<Self> {
        let read = ConnectionString::parse(text)?;
        Ok(IdentityClient::from_access_key(
            read.endpoint,
            read.access_key,
        ))
    }

    /// A client from an endpoint and its access key.
    pub fn from_access_key(endpoint: Endpoint, access_key: AccessKey) -> Self {
        IdentityClient::new(endpoint, ResourceAuth::Key(access_key))
    }

    #[cfg(feature = "azure-identity")]
    /// A client from an endpoint and the Entra credential of a principal with a role on it.
    pub fn from_credential(endpoint: Endpoint, credential: Arc<dyn TokenCredential>) -> Self {
        IdentityClient::new(endpoint, ResourceAuth::Entra(credential.into()))
    }

    /// Sends through this HTTP client; several clients may share one.
    #[must_use]
    pub fn with_http(mut self, http: Arc<Http>) -> Self {
        self.transport.http = http;
        self
    }

    /// Opens the connection for a request that follows soon. See [`Http::open_early`].
    pub(crate) fn open_early(&self) {
        self.transport.open_early();
    }

    /// Tells the time by this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.transport.clock = clock;
        self
    }

    /// Permits Entra tokens to these hosts too, in addition to ACS's domains and loopback.
    #[must_use]
    pub fn with_allowed_hosts(mut self, hosts: Vec<String>) -> Self {
        self.transport.allowed_hosts = hosts;
        self
    }

    /// Tells what the service's clock shows now, where it is known to differ from ours: requests
    /// are signed with that time.
    pub fn set_service_time(&self, now: Timestamp) {
        let offset = now.seconds_since(self.transport.clock.now());
        self.transport
            .clock_offset_seconds
            .store(offset, Ordering::Relaxed);
    }

    /// Creates an identity (`POST /identities`).
    ///
    /// # Errors
    /// As [`IdentityClient::create_user_with_token`].
    pub async fn create_user(&self) -> Result<CommunicationUserId> {
        self.create(Vec::new()).await.map(|created| created.id)
    }

    /// Creates an identity and issues its first token, in one request. Without a lifetime the
    /// service's own holds, 24 hours.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) if the service refuses;
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if it does not respond.
    /// If a request that brought no usable response may have reached the service, the error or a
    /// warning says that an identity without a known id may exist.
    pub async fn create_user_with_token(
        &self,
        scopes: &[TokenScope],
        lifetime: Option<TokenLifetime>,
    ) -> Result<CreatedUser> {
        check_scopes(scopes)?;
        let created = self.create(to_json(&CreateIdentity {
            create_token_with_scopes: words(scopes),
            expires_in_minutes: lifetime.map(TokenLifetime::minutes),
        })?);
        let created = created.await;
        let created = created.map_err(|error| name_unknown_scope(error, scopes))?;
        if created.token.is_none() {
            let error = self.transport.unusable("an identity without the token");
            return Err(created_without_token(&created.id, error));
        }
        Ok(created)
    }

    /// Issues a token for an identity. Earlier tokens stay good.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) if the service refuses;
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if it does not respond.
    pub async fn issue_token(
        &self,
        user: &CommunicationUserId,
        scopes: &[TokenScope],
        lifetime: Option<TokenLifetime>,
    ) -> Result<IssuedToken> {
        check_scopes(scopes)?;
        let body = IssueToken {
            scopes: words(scopes),
            expires_in_minutes: lifetime.map(TokenLifetime::minutes),
        };
        let issued = self.token(Operation::IssueToken(user), &body).await;
        issued.map_err(|error| name_unknown_scope(error, scopes))
    }

    /// Revokes every token that was issued for an identity so far. The identity stays. The service
    /// takes up to 15 minutes to refuse them everywhere (Microsoft's identity model).
    ///
    /// # Errors
    /// As [`IdentityClient::issue_token`].
    pub async fn revoke_tokens(&self, user: &CommunicationUserId) -> Result<()> {
        let operation = Operation::RevokeTokens(user);
        self.call(operation, None).await.map(drop)
    }

    /// Deletes an identity, its tokens and its data.
    ///
    /// # Errors
    /// As [`IdentityClient::issue_token`].
    pub async fn delete_user(&self, user: &CommunicationUserId) -> Result<()> {
        self.call(Operation::DeleteUser(user), None).await.map(drop)
    }

    /// Exchanges a Teams user's Entra token for a Communication token. `app_id` is the client id
    /// that signed in, `user_id` the user's object id; the token lives as long as the Entra token.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) if the service refuses;
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if it does not respond;
    /// [`Kind::Usage`](crate::Kind::Usage) if the endpoint may not receive an Entra token.
    pub async fn exchange_teams_user_token(
        &self,
        token: &EntraToken,
        app_id: &str,
        user_id: &str,
    ) -> Result<IssuedToken> {
        if !is_b64token(token.expose()) {
            return Err(not_a_token());
        }
        // They may be from a token of another program.
        if let Some(id) = [app_id, user_id].into_iter().find(|id| !is_bounded(id)) {
            return Err(Error::usage(
                format!(
                    "{} is not the id of an application or of a user",
                    quoted(id)
                ),
                "Pass the client id of the token's application, and the object id of its user.",
            ));
        }
        self.transport.check_may_receive()?;
        let body = TeamsUserExchange {
            token: token.expose(),
            app_id,
            user_id,
        };
        let operation = Operation::Exchange(ExchangeKind::Key);
        self.token(operation, &body).await
    }

    async fn create(&self, body: Vec<u8>) -> Result<CreatedUser> {
        let orphan = |may_exist: bool, error: Error| match may_exist {
            true => orphan_possible(error),
            false => error,
        };
        let operation = Operation::CreateUser;
        let response = self.send(Call::of(operation, Some(body))).await;
        let response = response.map_err(|error| orphan(error.may_have_arrived(), error))?;
        let tries = response.tries;
        // A refusal creates nothing; an outage, or any other success, perhaps.
        let may_exist = response.repeated
            || response.status.is_success()
            || (response.is_transient_error() && response.status.as_u16() != 429);
        let orphan = |error| orphan(may_exist, error);
        let response = self.transport.check(operation, response).map_err(orphan)?;
        if response.repeated {
            tracing::warn!(
                "the identity was created after {tries} tries, and another identity with an unknown id \
                 may exist"
            );
        }
        let created: IdentityAndToken = self.transport.read(&response).map_err(orphan)?;
        let id = CommunicationUserId::parse(&created.identity).map_err(|_| {
            let what = "an identity whose id is not one of its own";
            orphan(self.transport.unusable(what))
        })?;
        let token = created
            .access_token
            .map(|token| self.transport.issued(token, response.date()))
            .transpose()
            .map_err(|error| created_without_token(&id, error))?;
        Ok(CreatedUser { id, token })
    }

    /// Calls an operation that returns a token.
    async fn token(&self, operation: Operation<'_>, body: &impl Serialize) -> Result<IssuedToken> {
        let response = self.call(operation, Some(to_json(body)?)).await?;
        let token = self.transport.read(&response)?;
        self.transport.issued(token, response.date())
    }

    /// Calls an operation, and checks the status of its response.
    pub(super) async fn call(
        &self,
        operation: Operation<'_>,
        body: Option<Vec<u8>>,
    ) -> Result<Response> {
        let response = self.send(Call::of(operation, body)).await?;
        self.transport.check(operation, response)
    }

    /// Sends a request with the client's credential.
    pub(super) async fn send(&self, call: Call) -> Result<Response> {
        match &self.auth {
            ResourceAuth::Key(key) => self.transport.send(RequestAuth::Signature(key), call).await,
            #[cfg(feature = "azure-identity")]
            ResourceAuth::Entra(principal) => {
                let token = principal.token(self.transport.clock.as_ref()).await?;
                let auth = RequestAuth::Bearer(&token);
                let response = self.transport.send(auth, call).await?;
                if matches!(response.status.as_u16(), 401 | 403) {
                    principal.reject(&token);
                }
                Ok(response)
            }
            ResourceAuth::User(token) => {
                self.transport.check_may_receive()?;
                self.transport.send(RequestAuth::Bearer(token), call).await
            }
        }
    }
}

fn words(scopes: &[TokenScope]) -> Vec<&str> {
    scopes.iter().map(TokenScope::as_str).collect()
}

/// Names the unknown scopes in the refusal of a request with them.
fn name_unknown_scope(error: Error, scopes: &[TokenScope]) -> Error {
    let unknown = scopes.iter().filter_map(|scope| match scope {
        TokenScope::Other(word) => Some(quoted(word)),
        _ => None,
    });
    let unknown = unknown.collect::<Vec<_>>().join(", ");
    match operation::is_about_scopes(&error) && !unknown.is_empty() {
        true => error.with_message(format!(
            "the ACS resource does not accept the scope {unknown}"
        )),
        false => error,
    }
}

fn check_scopes(scopes: &[TokenScope]) -> Result<()> {
    if scopes.is_empty() {
        return Err(Error::usage(
            "a token needs at least one scope",
            TokenScope::hint(),
        ));
    }
    for scope in scopes {
        if let TokenScope::Other(word) = scope {
            tracing::info!(
                "The scope {} is unknown to acspass, so the service decides. Known scopes: {}.",
                quoted(word),
                TokenScope::known().join(", ")
            );
        }
    }
    Ok(())
}

/// Writes a body as JSON.
pub(super) fn to_json(body: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(body).map_err(|_| Error::internal("a request could not be written as JSON"))
}

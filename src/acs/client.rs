//! Every operation of ACS Identity, as the official SDKs have them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

#[cfg(feature = "azure-identity")]
use azure_core::credentials::TokenCredential;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Serialize;

use super::endpoint::{ConnectionString, Endpoint};
use super::identifier::{CommunicationUserId, is_bounded};
use super::refusal::{self, Operation};
use super::request::{Authorization, Call, IssuedToken, Resource};
#[cfg(feature = "azure-identity")]
use super::resource_credential::EntraPrincipal;
use super::scope::{TokenLifetime, TokenScope};
use crate::error::{Error, Result};
use crate::http::{self, Http, Response};
use crate::secret::{AccessKey, EntraToken, is_b64token};
use crate::text::quoted;
use crate::time::{Clock, SystemClock, Timestamp};
use crate::wire::acs::{CreateIdentity, IdentityAndToken, IssueToken, TeamsUserExchange};

/// The version that the SDKs send (azure-communication-identity 1.5.0 and
/// `@azure/communication-identity` 1.3.1).
const API_VERSION: &str = "2023-10-01";

/// The characters that the SDKs do not escape in an id (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The credential for a resource.
#[derive(Clone)]
#[non_exhaustive]
pub enum ResourceAuth {
    /// Its access key: each request is signed (HMAC-SHA256).
    Key(AccessKey),
    /// An Entra credential of a principal with a role on the resource.
    #[cfg(feature = "azure-identity")]
    Entra(EntraPrincipal),
}

impl fmt::Debug for ResourceAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResourceAuth::Key(_) => "Key([redacted])",
            #[cfg(feature = "azure-identity")]
            ResourceAuth::Entra(_) => "Entra(…)",
        })
    }
}

/// A client for one ACS resource. It can be shared between tasks, and keeps its connections.
pub struct IdentityClient {
    resource: Resource,
    auth: ResourceAuth,
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
            resource: Resource {
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
        self.resource.http = http;
        self
    }

    /// Tells the time by this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.resource.clock = clock;
        self
    }

    /// Permits Entra tokens to these hosts too, in addition to ACS's domains and loopback.
    #[must_use]
    pub fn with_allowed_hosts(mut self, hosts: Vec<String>) -> Self {
        self.resource.allowed_hosts = hosts;
        self
    }

    /// Tells what the service's clock shows now, where it is known to differ from ours: requests
    /// are signed with that time.
    pub fn set_service_time(&self, now: Timestamp) {
        let offset = now.seconds_since(self.resource.clock.now());
        self.resource
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
        let created = created.await?;
        if created.token.is_none() {
            let error = self.resource.unusable("an identity without the token");
            return Err(refusal::created_without_token(&created.id, error));
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
        let target = of(user, "/:issueAccessToken");
        self.token(Operation::Manage, target, &body).await
    }

    /// Revokes every token that was issued for an identity so far. The identity stays. The service
    /// takes up to 15 minutes to refuse them everywhere (Microsoft's identity model).
    ///
    /// # Errors
    /// As [`IdentityClient::issue_token`].
    pub async fn revoke_tokens(&self, user: &CommunicationUserId) -> Result<()> {
        self.carry_out(Method::POST, of(user, "/:revokeAccessTokens"))
            .await
    }

    /// Deletes an identity, its tokens and its data.
    ///
    /// # Errors
    /// As [`IdentityClient::issue_token`].
    pub async fn delete_user(&self, user: &CommunicationUserId) -> Result<()> {
        self.carry_out(Method::DELETE, of(user, "")).await
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
            return Err(refusal::not_a_token());
        }
        // They may be from a token of another program.
        if let Some(id) = [app_id, user_id].into_iter().find(|id| !is_bounded(id)) {
            return Err(Error::usage(
                format!(
                    "{} is not the id of an application or of a user",
                    quoted(id)
                ),
                "pass the client id that the token was issued to, and its user's object id",
            ));
        }
        let resource = &self.resource;
        resource
            .endpoint
            .check_may_receive(&resource.allowed_hosts)?;
        let body = TeamsUserExchange {
            token: token.expose(),
            app_id,
            user_id,
        };
        let target = format!("/teamsUser/:exchangeAccessToken?api-version={API_VERSION}");
        self.token(Operation::TeamsExchange, target, &body).await
    }

    async fn create(&self, body: Vec<u8>) -> Result<CreatedUser> {
        let call = Call {
            operation: Operation::Manage,
            method: Method::POST,
            target: format!("/identities?api-version={API_VERSION}"),
            body: Some(body),
            success: 201,
        };
        let orphan = |may_exist: bool, error: Error| match may_exist {
            true => refusal::orphan_possible(error),
            false => error,
        };
        let answer = self.send(&call).await;
        let answer = answer.map_err(|error| orphan(error.may_have_arrived(), error))?;
        let tries = answer.tries;
        // A refusal creates nothing; an outage, or any other success, perhaps.
        let may_exist = answer.repeated
            || answer.status.is_success()
            || (answer.is_outage() && answer.status.as_u16() != 429);
        let orphan = |error| orphan(may_exist, error);
        let answer = self.resource.check(&call, answer).map_err(orphan)?;
        if answer.repeated {
            tracing::warn!(
                "creating the identity took {tries} tries: one more, that nobody knows, may have \
                 been created"
            );
        }
        let created: IdentityAndToken = self.resource.read(&answer).map_err(orphan)?;
        let id = CommunicationUserId::parse(&created.identity).map_err(|_| {
            let what = "an identity whose id is not one of its own";
            orphan(self.resource.unusable(what))
        })?;
        let token = created
            .access_token
            .map(|token| self.resource.issued(token, answer.date()))
            .transpose()
            .map_err(|error| refusal::created_without_token(&id, error))?;
        Ok(CreatedUser { id, token })
    }

    /// Calls an operation that answers a token.
    async fn token(
        &self,
        operation: Operation,
        target: String,
        body: &impl Serialize,
    ) -> Result<IssuedToken> {
        let call = Call {
            operation,
            method: Method::POST,
            target,
            body: Some(to_json(body)?),
            success: 200,
        };
        let answer = self.resource.check(&call, self.send(&call).await?)?;
        let token = self.resource.read(&answer)?;
        self.resource.issued(token, answer.date())
    }

    /// Calls an operation that takes no body and answers none.
    async fn carry_out(&self, method: Method, target: String) -> Result<()> {
        let call = Call {
            operation: Operation::Manage,
            method,
            target,
            body: None,
            success: 204,
        };
        let answer = self.send(&call).await?;
        self.resource.check(&call, answer).map(drop)
    }

    async fn send(&self, call: &Call) -> Result<Response> {
        match &self.auth {
            ResourceAuth::Key(key) => {
                let by = Authorization::Signature(key);
                self.resource.send(by, call).await
            }
            #[cfg(feature = "azure-identity")]
            ResourceAuth::Entra(principal) => {
                let token = principal.token(self.resource.clock.as_ref()).await?;
                let by = Authorization::Bearer(&token);
                let answer = self.resource.send(by, call).await?;
                if matches!(answer.status.as_u16(), 401 | 403) {
                    principal.reject(&token);
                }
                Ok(answer)
            }
        }
    }
}

/// The target of an operation on an identity. The action's colon stays as it is.
fn of(user: &CommunicationUserId, action: &str) -> String {
    let id = utf8_percent_encode(user.as_str(), ESCAPED);
    format!("/identities/{id}{action}?api-version={API_VERSION}")
}

fn words(scopes: &[TokenScope]) -> Vec<&str> {
    scopes.iter().map(TokenScope::as_str).collect()
}

fn check_scopes(scopes: &[TokenScope]) -> Result<()> {
    if scopes.is_empty() {
        return Err(Error::usage(
            "a token needs at least one scope",
            "name one with --scope: chat, voip, chat.join, chat.join.limited, voip.join",
        ));
    }
    for scope in scopes {
        if let TokenScope::Other(word) = scope {
            tracing::info!(
                "{} is not a scope that acspass knows; the service decides whether it is one",
                quoted(word)
            );
        }
    }
    Ok(())
}

fn to_json(body: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(body).map_err(|_| Error::internal("a request could not be written as JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_escaped_as_the_sdks_escape_it() {
        let user = CommunicationUserId::parse(
            "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101",
        );
        assert_eq!(
            of(&user.expect("an id"), "/:issueAccessToken"),
            "/identities/8%3Aacs%3A1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-\
             5a3a0d000101/:issueAccessToken?api-version=2023-10-01"
        );
    }
}

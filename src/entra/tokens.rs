//! Reads the token endpoint's responses, and redeems refresh tokens.
//!
//! The `oauth2` crate builds the requests, and `adapter.rs` sends them.

use oauth2::basic::{
    BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{AuthUrl, ClientId, EndpointNotSet, EndpointSet, StandardRevocableToken, TokenUrl};

use crate::account::Account;
use crate::claims::Claims;
use crate::error::{Error, Result};
use crate::http::Response;
use crate::secret::{EntraToken, RefreshToken};
use crate::time::Timestamp;
use crate::wire::entra::{Metadata, TokenError, TokenResponse};
use crate::{jwt, wire};

use super::adapter::LastResponse;
use super::client::Entra;
use super::id_token::{self, Expected};
use super::refusal::{self, Grant};

pub(super) type Protocol = oauth2::Client<
    TokenError,
    TokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The lifetime in seconds that MSAL assumes if a response has none (msal 1.39.0, token_cache.py).
const DEFAULT_EXPIRES_IN: i64 = 600;

/// The fault of a sign-in without an account.
pub(super) const NO_ID_TOKEN: &str = "tokens but no id_token, so nobody knows who signed in";

/// A response of the token endpoint.
#[derive(Debug)]
pub struct Tokens {
    /// The access token for the requested scopes.
    pub entra_token: EntraToken,
    /// The access token's expiry: by the service's clock if `service_time` is set, else by this
    /// machine's.
    pub expires_on: Timestamp,
    /// A refresh token that replaces the previous one; `None` if that one stays valid.
    pub refresh_token: Option<RefreshToken>,
    /// The granted scopes, if the response has them.
    pub granted: Option<Vec<String>>,
    /// The account, if the response has an id_token.
    pub account: Option<Account>,
    /// The time of the response by the service's clock, if it has a `Date` header.
    pub service_time: Option<Timestamp>,
}

/// A refresh without an access token.
#[derive(Debug)]
pub struct RefreshError {
    /// The reason.
    pub error: Error,
    /// A refresh token that the failed response contained. The previous one may no longer be
    /// valid: store this one.
    pub refresh_token: Option<RefreshToken>,
}

impl From<Error> for RefreshError {
    fn from(error: Error) -> Self {
        RefreshError {
            error,
            refresh_token: None,
        }
    }
}

impl Entra {
    /// Redeems a refresh token for an access token with these scopes (RFC 6749, section 6).
    /// `challenge` is the claims challenge of a resource that refused the previous token.
    ///
    /// # Errors
    /// [`crate::Kind::SignInNeeded`] if Entra requires a new sign-in, [`crate::Kind::Refused`] if
    /// it refuses permanently, [`crate::Kind::Unreachable`] if it does not respond. An error may
    /// contain a new refresh token.
    pub async fn refresh(
        &self,
        refresh_token: &RefreshToken,
        scopes: &[String],
        challenge: Option<&Claims>,
    ) -> Result<Tokens, RefreshError> {
        let metadata = self.authority.discover(&self.http).await?;
        let protocol = self.protocol(&metadata)?;
        let token = oauth2::RefreshToken::new(refresh_token.expose().to_owned());
        let last = LastResponse::default();
        let requested_at = self.clock.now();
        let mut request = protocol
            .exchange_refresh_token(&token)
            .add_extra_param("scope", scope_text(scopes))
            .add_extra_param("client_info", "1");
        if let Some(claims) = self.claims(challenge) {
            request = request.add_extra_param("claims", claims.as_str().to_owned());
        }
        let response = request
            .request_async(&|request| self.send(request, Grant::Refresh, &last))
            .await
            .map_err(|error| self.token_error(Grant::Refresh, error, &last))?;
        let rotated = response.refresh_token.clone();
        let tokens = self.tokens(
            &metadata,
            response,
            None,
            requested_at,
            last.get().and_then(Response::date),
        );
        tokens.map_err(|error| RefreshError {
            error,
            refresh_token: rotated,
        })
    }

    /// Reads the tokens that a poll for a device code returned (RFC 8628, section 3.5).
    pub(super) fn read_tokens(
        &self,
        metadata: &Metadata,
        response: &Response,
        requested_at: Timestamp,
    ) -> Result<Tokens> {
        // The parser's error may contain the body, which contains tokens.
        let read: TokenResponse = wire::read(&response.body).ok_or_else(|| {
            refusal::not_entra(&self.authority.host(), "JSON that is not a token answer")
        })?;
        self.tokens(metadata, read, None, requested_at, response.date())
    }

    pub(super) fn protocol(&self, metadata: &Metadata) -> Result<Protocol> {
        let unusable =
            |_| refusal::not_entra(&self.authority.host(), "an endpoint that is not a URL");
        Ok(oauth2::Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(AuthUrl::new(metadata.authorization_endpoint.clone()).map_err(unusable)?)
            .set_token_uri(TokenUrl::new(metadata.token_endpoint.clone()).map_err(unusable)?))
    }

    /// Checks a response of the token endpoint. `nonce` is that of a sign-in.
    pub(super) fn tokens(
        &self,
        metadata: &Metadata,
        response: TokenResponse,
        nonce: Option<&str>,
        requested_at: Timestamp,
        service_time: Option<Timestamp>,
    ) -> Result<Tokens> {
        let now = service_time.unwrap_or(requested_at);
        let unusable = |what: &str| Err(refusal::unusable(&self.authority.host(), what));
        if response.access_token.secret().is_empty() {
            return unusable("JSON that is not a token answer: it has no readable access token");
        }
        let expected = Expected {
            client_id: &self.client_id,
            issuer: &metadata.issuer,
            tenant: self.authority.tenant(),
            nonce,
            now,
        };
        let client_info = response.client_info.as_deref();
        let account = match &response.id_token {
            Some(token) => Some(id_token::account(token, client_info, &expected)?),
            None if nonce.is_none() => None,
            None => return unusable(NO_ID_TOKEN),
        };
        // A client must not use a token of an unknown type (RFC 6749, section 7.1).
        if response.token_type != BasicTokenType::Bearer {
            return unusable("a token that is not a bearer token");
        }
        let expires_on = expiry(&response, now);
        if expires_on <= now {
            return unusable("a token answer whose token has expired already");
        }
        Ok(Tokens {
            entra_token: EntraToken::new(response.access_token.into_secret()),
            expires_on,
            refresh_token: response.refresh_token,
            granted: response.scopes,
            account,
            service_time,
        })
    }
}

/// Returns the access token's expiry: the response's, the token's own, or an assumed one.
fn expiry(response: &TokenResponse, now: Timestamp) -> Timestamp {
    if let Some(life) = response.expires_in {
        return now.shifted(life);
    }
    let own = || {
        let claims = jwt::decode(response.access_token.secret())?.claims;
        wire::Members::from(claims).number("exp")
    };
    match response.expires_on.or_else(own) {
        Some(at) => Timestamp::from_unix_seconds(at),
        None => now
            .shifted(DEFAULT_EXPIRES_IN.min(response.ext_expires_in.unwrap_or(DEFAULT_EXPIRES_IN))),
    }
}

/// Returns the resource's scopes with those for an id_token and a refresh token.
pub(super) fn scope_text(scopes: &[String]) -> String {
    format!("{} openid profile offline_access", scopes.join(" "))
}

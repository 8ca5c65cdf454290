//! The token endpoint: redeems refresh tokens, and reads the responses to all grants.
//!
//! The `oauth2` crate builds the requests, and this crate's HTTP client sends them. The former's
//! errors may contain a response body, so they are translated here.

use std::sync::OnceLock;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AuthUrl, ClientId, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, RequestTokenError,
    StandardRevocableToken, TokenUrl,
};
use reqwest::StatusCode;
use tracing::debug;

use super::client::Entra;
use super::refusal::{self, Grant};
use crate::account::Account;
use crate::claims::Claims;
use crate::error::{Error, Kind, Result};
use crate::http::{Request, Response};
use crate::secret::{EntraToken, RefreshToken};
use crate::time::Timestamp;
use crate::wire::entra::{Metadata, TokenError, TokenResponse};
use crate::{jwt, wire};

pub(super) type OAuthClient = oauth2::Client<
    BasicErrorResponse,
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

/// The response to a request of the `oauth2` crate, which returns only its body.
pub(super) type CapturedResponse = OnceLock<Response>;

/// The lifetime in seconds that MSAL assumes if a response has none (msal 1.39.0, token_cache.py).
const DEFAULT_EXPIRES_IN: i64 = 600;

/// The fault of a sign-in without an account.
pub(super) const NO_ID_TOKEN: &str = "tokens but no id_token, so the signed-in user is unknown";

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

/// A failed refresh.
#[derive(Debug)]
pub struct RefreshError {
    /// The reason.
    pub error: Error,
    /// A refresh token that the failed response contained. The previous one may no longer be
    /// valid: store this one.
    pub refresh_token: Option<RefreshToken>,
}

/// The parameters of a refresh.
struct RefreshGrant<'a> {
    refresh_token: &'a RefreshToken,
    scopes: &'a [String],
    challenge: Option<&'a Claims>,
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
        let grant = RefreshGrant {
            refresh_token,
            scopes,
            challenge,
        };
        let captured = CapturedResponse::default();
        let Some(known) = self.cached_metadata() else {
            let metadata = self.discover().await?;
            return self
                .redeem_refresh_token(&metadata, &grant, &captured)
                .await;
        };
        let failure = match self.redeem_refresh_token(&known, &grant, &captured).await {
            Ok(tokens) => return Ok(tokens),
            Err(failure) => failure,
        };
        // The cached metadata can be the cause, unless Entra decided about the token or did not respond.
        let is_final = failure.error.kind() == Kind::SignInNeeded
            || failure.refresh_token.is_some()
            || captured.get().is_none();
        if is_final {
            return Err(failure);
        }
        debug!("Requesting Entra's metadata again: {}.", failure.error);
        match self.discover().await {
            Ok(current) if current != known => {
                self.redeem_refresh_token(&current, &grant, &CapturedResponse::default())
                    .await
            }
            Err(error) if error.kind() != Kind::Unreachable => Err(error.into()),
            _ => Err(failure),
        }
    }

    /// Sends the grant to the token endpoint of this metadata.
    async fn redeem_refresh_token(
        &self,
        metadata: &Metadata,
        grant: &RefreshGrant<'_>,
        captured: &CapturedResponse,
    ) -> Result<Tokens, RefreshError> {
        let protocol = self.oauth_client(metadata)?;
        let token = oauth2::RefreshToken::new(grant.refresh_token.expose().to_owned());
        let requested_at = self.clock.now();
        let mut request = protocol
            .exchange_refresh_token(&token)
            .add_extra_param("scope", scope_text(grant.scopes))
            .add_extra_param("client_info", "1");
        if let Some(claims) = self.claims(grant.challenge) {
            request = request.add_extra_param("claims", claims.as_str().to_owned());
        }
        let response = request
            .request_async(&|request| self.send(request, Grant::Refresh, captured))
            .await
            .map_err(|error| self.token_error(error, captured))?;
        let rotated = response.refresh_token.clone();
        let current = self.metadata_for(metadata, &response, requested_at).await;
        let metadata = current.as_ref().unwrap_or(metadata);
        let tokens = self.tokens(metadata, response, None, requested_at, captured.get());
        tokens.map_err(|error| RefreshError {
            error,
            refresh_token: rotated,
        })
    }

    /// Fetches the metadata if the response has an id_token that does not fit the metadata in use, which
    /// may be old. A failure is that of the check that follows.
    async fn metadata_for(
        &self,
        metadata: &Metadata,
        response: &TokenResponse,
        now: Timestamp,
    ) -> Option<Metadata> {
        let (token, info) = (response.id_token.as_ref()?, response.client_info.as_deref());
        match self.account(token, info, &metadata.issuer, None, now) {
            Ok(_) => None,
            Err(_) => self.discover().await.ok(),
        }
    }

    /// Sends a request of the `oauth2` crate, and translates an error response. A code is valid
    /// once, so its request is sent again only if no byte was sent.
    pub(super) async fn send(
        &self,
        request: HttpRequest,
        grant: Grant,
        captured: &CapturedResponse,
    ) -> Result<HttpResponse> {
        let (parts, body) = request.into_parts();
        let url = url::Url::parse(&parts.uri.to_string())
            .map_err(|_| Error::internal("the protocol requested an address that is not a URL"))?;
        let request = Request {
            method: parts.method,
            url,
            headers: parts.headers,
            body,
        };
        let response = match grant {
            Grant::Refresh => self.http.send(|| Ok(request.clone())).await?,
            Grant::SignIn => self.http.send_single_use(&request).await?,
        };
        let host = self.authority.host_and_port();
        if response.is_transient_error() {
            return Err(match grant {
                Grant::Refresh => refusal::outage(&host, &response),
                Grant::SignIn => refusal::outage_at_once(&host, &response),
            });
        }
        let refused = self.refused(&response);
        // The `oauth2` crate requires UTF-8.
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let _ = captured.set(response);
        if let Some(token_error) = refused? {
            let codes = token_error.error_codes.iter();
            let codes: Vec<String> = codes.map(|code| format!(" AADSTS{code}")).collect();
            debug!(
                "Entra refused the request: {}{}.",
                token_error.error,
                codes.concat()
            );
            return Err(refusal::from_token_error(grant, &token_error));
        }
        Ok(HttpResponse::new(body.into_bytes()))
    }

    /// Returns the error in a response; `None` for one with tokens.
    fn refused(&self, response: &Response) -> Result<Option<TokenError>> {
        refusal::check_format(&self.authority.host_and_port(), response)?;
        match response.status {
            StatusCode::OK => Ok(TokenError::despite_success(&response.body)),
            _ => TokenError::read(&response.body)
                .map(Some)
                .ok_or_else(|| self.not_a_token_response(response)),
        }
    }

    pub(super) fn token_error(
        &self,
        error: RequestTokenError<Error, BasicErrorResponse>,
        captured: &CapturedResponse,
    ) -> Error {
        match (error, captured.get()) {
            (RequestTokenError::Request(ours), _) => ours,
            // The others may contain the body, and a body may contain a token.
            (_, Some(response)) => self.not_a_token_response(response),
            (_, None) => Error::internal("a token request failed before it was sent"),
        }
    }

    fn not_a_token_response(&self, response: &Response) -> Error {
        let status = response.status.as_u16();
        let what = format!("HTTP status {status} and JSON that is not a token response");
        refusal::unreadable(&self.authority.host_and_port(), response, &what)
    }

    pub(super) fn oauth_client(&self, metadata: &Metadata) -> Result<OAuthClient> {
        let unusable = |_| {
            refusal::not_entra(
                &self.authority.host_and_port(),
                "an endpoint that is not a URL",
            )
        };
        Ok(oauth2::Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(AuthUrl::new(metadata.authorization_endpoint.clone()).map_err(unusable)?)
            .set_token_uri(TokenUrl::new(metadata.token_endpoint.clone()).map_err(unusable)?))
    }

    /// Checks the tokens of a response. `nonce` is that of a sign-in.
    pub(super) fn tokens(
        &self,
        metadata: &Metadata,
        response: TokenResponse,
        nonce: Option<&str>,
        requested_at: Timestamp,
        received: Option<&Response>,
    ) -> Result<Tokens> {
        let service_time = received.and_then(Response::date);
        let now = service_time.unwrap_or(requested_at);
        let unusable = |what: &str| Err(refusal::unusable(&self.authority.host_and_port(), what));
        if response.access_token.secret().is_empty() {
            return unusable("a token response without a readable access token");
        }
        let client_info = response.client_info.as_deref();
        let account = match &response.id_token {
            Some(token) => Some(self.account(token, client_info, &metadata.issuer, nonce, now)?),
            None if nonce.is_none() => None,
            None => return unusable(NO_ID_TOKEN),
        };
        // A client must not use a token of an unknown type (RFC 6749, section 7.1).
        if response.token_type != BasicTokenType::Bearer {
            return unusable("a token that is not a bearer token");
        }
        let expires_on = expiry(&response, now);
        if expires_on <= now {
            return unusable("a token that has already expired");
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
        None => now.shifted(
            response
                .ext_expires_in
                .unwrap_or(i64::MAX)
                .min(DEFAULT_EXPIRES_IN),
        ),
    }
}

/// Returns the resource's scopes with those for an id_token and a refresh token.
pub(super) fn scope_text(scopes: &[String]) -> String {
    format!("{} openid profile offline_access", scopes.join(" "))
}

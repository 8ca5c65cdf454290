//! The token endpoint: a code or a refresh token in, tokens out.
//!
//! The protocol is the `oauth2` crate's, the connection is ours (`adapter.rs`).

use std::sync::Arc;

use oauth2::basic::{
    BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, EndpointNotSet, EndpointSet, PkceCodeVerifier,
    RedirectUrl, StandardRevocableToken, TokenUrl,
};

use crate::account::Account;
use crate::claims::Claims;
use crate::error::{Error, Result};
use crate::http::{Http, Response};
use crate::secret::{self, EntraToken, IdToken, RefreshToken};
use crate::time::{Clock, Timestamp};
use crate::wire::entra::{Metadata, TokenError, TokenResponse};
use crate::{jwt, wire};

use super::adapter::{LastResponse, Sending};
use super::authority::Authority;
use super::id_token::{self, Expected};
use super::refusal::{self, Grant};
use super::sign_in::SignInRequest;

type Protocol = oauth2::Client<
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

/// The lifetime in seconds that MSAL assumes if an answer names none (msal 1.39.0, token_cache.py).
const ASSUMED_LIFE: i64 = 600;

/// One application at one authority.
pub struct Entra {
    pub(super) http: Arc<Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) authority: Authority,
    pub(super) client_id: String,
    own_claims: Option<Claims>,
}

/// What the token endpoint gave.
#[derive(Debug)]
pub struct Tokens {
    /// The access token for the scopes that were asked for.
    pub entra_token: EntraToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// A refresh token in place of the one before; `None` leaves that one good.
    pub refresh_token: Option<RefreshToken>,
    /// The scopes that were granted, where the answer says.
    pub granted: Option<Vec<String>>,
    /// Who the tokens belong to, where an id_token came with them.
    pub account: Option<Account>,
    /// The service's clock at the moment of the answer, where it sent one.
    pub service_time: Option<Timestamp>,
}

/// A refresh that brought no access token.
#[derive(Debug)]
pub struct RefreshError {
    /// Why.
    pub error: Error,
    /// A refresh token that came all the same, in place of the one before. The one before may no
    /// longer be good: store this one.
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
    /// An application at an authority. Nothing is contacted until the first call.
    pub fn new(
        http: Arc<Http>,
        clock: Arc<dyn Clock>,
        authority: Authority,
        client_id: String,
    ) -> Self {
        Entra {
            http,
            clock,
            authority,
            client_id,
            own_claims: None,
        }
    }

    /// Declares in every request that this client understands Continuous Access Evaluation: its
    /// tokens may be taken back before they expire, and a claims challenge then has to be met.
    #[must_use]
    pub fn with_continuous_access(mut self) -> Self {
        self.own_claims = Some(Claims::continuous_access());
        self
    }

    /// What a request asks for: our own claims, merged with what a challenge asks.
    pub(super) fn claims(&self, challenge: Option<&Claims>) -> Option<Claims> {
        match (&self.own_claims, challenge) {
            (Some(own), Some(challenge)) => Some(own.merged(challenge)),
            (own, challenge) => own.as_ref().or(challenge).cloned(),
        }
    }

    /// Redeems a refresh token for an access token with these scopes (RFC 6749, section 6).
    /// `challenge` is what a resource asks the token for, where it refused the one before.
    ///
    /// # Errors
    /// [`crate::Kind::SignInNeeded`] where Entra wants a person to sign in again,
    /// [`crate::Kind::Refused`] where it says no for good, [`crate::Kind::Unreachable`] where it
    /// does not answer. A new refresh token may come with an error.
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
        let asked_at = self.clock.now();
        let mut request = protocol
            .exchange_refresh_token(&token)
            .add_extra_param("scope", scope_text(scopes))
            .add_extra_param("client_info", "1");
        if let Some(claims) = self.claims(challenge) {
            request = request.add_extra_param("claims", claims.as_str().to_owned());
        }
        let answer = request
            .request_async(&|request| self.send(request, Sending::Repeatedly, &last))
            .await
            .map_err(|error| self.token_error(Grant::Refresh, error, &last))?;
        let rotated = renewing(&answer);
        let tokens = self.tokens(&metadata, answer, None, asked_at, last.date());
        tokens.map_err(|error| RefreshError {
            error,
            refresh_token: rotated,
        })
    }

    /// Redeems a code (RFC 6749, section 4.1.3) with its verifier (RFC 7636, section 4.5). A code is
    /// sent once: the second time Entra refuses it, and may revoke what the first one brought
    /// (section 4.1.2).
    pub(super) async fn redeem_code(
        &self,
        metadata: &Metadata,
        code: &secret::AuthorizationCode,
        verifier: PkceCodeVerifier,
        redirect_uri: &str,
        asked: &SignInRequest<'_>,
        nonce: &str,
    ) -> Result<Tokens> {
        let protocol = self
            .protocol(metadata)?
            .set_redirect_uri(redirect_url(redirect_uri)?);
        let last = LastResponse::default();
        let asked_at = self.clock.now();
        let mut request = protocol
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(verifier)
            .add_extra_param("scope", scope_text(asked.scopes))
            .add_extra_param("client_info", "1");
        if let Some(claims) = self.claims(asked.challenge) {
            request = request.add_extra_param("claims", claims.as_str().to_owned());
        }
        let answer = request
            .request_async(&|request| self.send(request, Sending::Once, &last))
            .await
            .map_err(|error| self.token_error(Grant::SignIn, error, &last))
            .map_err(refusal::code_not_redeemed)?;
        self.tokens(metadata, answer, Some(nonce), asked_at, last.date())
    }

    /// Reads what a poll for a device code brought (RFC 8628, section 3.5).
    pub(super) fn read_tokens(
        &self,
        metadata: &Metadata,
        answer: &Response,
        asked_at: Timestamp,
    ) -> Result<Tokens> {
        // The parser's words may hold the body, and the body holds tokens.
        let read: TokenResponse = wire::read(&answer.body).ok_or_else(|| {
            refusal::not_entra(&self.authority.host(), "JSON that is not a token answer")
        })?;
        self.tokens(metadata, read, None, asked_at, answer.date())
    }

    pub(super) fn protocol(&self, metadata: &Metadata) -> Result<Protocol> {
        let unusable =
            |_| refusal::not_entra(&self.authority.host(), "an endpoint that is not a URL");
        Ok(oauth2::Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(AuthUrl::new(metadata.authorization_endpoint.clone()).map_err(unusable)?)
            .set_token_uri(TokenUrl::new(metadata.token_endpoint.clone()).map_err(unusable)?))
    }

    fn tokens(
        &self,
        metadata: &Metadata,
        answer: TokenResponse,
        nonce: Option<&str>,
        asked_at: Timestamp,
        service_time: Option<Timestamp>,
    ) -> Result<Tokens> {
        let now = service_time.unwrap_or(asked_at);
        let unusable = |what: &str| Err(refusal::unusable(&self.authority.host(), what));
        if answer.access_token.secret().is_empty() {
            return unusable("JSON that is not a token answer: it has no readable access token");
        }
        let account = match (&answer.id_token, nonce) {
            (Some(token), _) => Some(self.account(metadata, token, &answer, nonce, now)?),
            (None, None) => None,
            (None, Some(_)) => {
                return unusable("tokens but no id_token, so nobody knows who signed in");
            }
        };
        // A type that is not understood must not be used (RFC 6749, section 7.1).
        if answer.token_type != BasicTokenType::Bearer {
            return unusable("a token that is not a bearer token");
        }
        let expires_on = expiry(&answer, now);
        if expires_on <= now {
            return unusable("a token answer whose token has expired already");
        }
        Ok(Tokens {
            entra_token: EntraToken::new(answer.access_token.secret().clone()),
            expires_on,
            refresh_token: renewing(&answer),
            granted: answer
                .scopes
                .map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
            account,
            service_time,
        })
    }

    fn account(
        &self,
        metadata: &Metadata,
        token: &IdToken,
        answer: &TokenResponse,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<Account> {
        let expected = Expected {
            client_id: &self.client_id,
            issuer: &metadata.issuer,
            tenant: self.authority.tenant(),
            nonce,
            now,
        };
        id_token::account(token, answer.client_info.as_deref(), &expected)
    }
}

/// The refresh token of an answer.
fn renewing(answer: &TokenResponse) -> Option<RefreshToken> {
    let token = answer.refresh_token.as_ref();
    token.map(|token| RefreshToken::new(token.secret().clone()))
}

/// When the access token expires: as the answer says it, as the token itself says it, or soon.
fn expiry(answer: &TokenResponse, now: Timestamp) -> Timestamp {
    if let Some(life) = answer.expires_in {
        return now.shifted(life);
    }
    let own = || {
        let claims = jwt::decode(answer.access_token.secret())?.claims;
        wire::Members::from(claims).number("exp")
    };
    match answer.expires_on.or_else(own) {
        Some(at) => Timestamp::from_unix_seconds(at),
        None => now.shifted(ASSUMED_LIFE.min(answer.ext_expires_in.unwrap_or(ASSUMED_LIFE))),
    }
}

pub(super) fn redirect_url(uri: &str) -> Result<RedirectUrl> {
    RedirectUrl::new(uri.to_owned())
        .map_err(|_| Error::internal("the redirect URI is not a URL after it was checked"))
}

/// The resource's scopes with those that bring an id_token and a refresh token.
pub(super) fn scope_text(scopes: &[String]) -> String {
    format!("{} openid profile offline_access", scopes.join(" "))
}

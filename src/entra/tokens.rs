//! The token endpoint: a code or a refresh token in, tokens out.
//!
//! The protocol is the `oauth2` crate's, the connection is ours. Whatever that crate's errors may
//! carry of a body ends here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oauth2::basic::{
    BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardRevocableToken,
    StandardTokenResponse, TokenResponse, TokenUrl,
};

use crate::account::Account;
use crate::claims::Claims;
use crate::error::{Error, Result};
use crate::http::{Answer, Http, Request};
use crate::secret::{self, EntraToken, IdToken, RefreshToken};
use crate::time::{Clock, Timestamp};
use crate::wire::entra::{Metadata, TokenError, TokenFields};

use super::authority::Authority;
use super::id_token::{self, Expected};
use super::refusal::{self, Leg};
use super::sign_in::Asked;

type TokenAnswer = StandardTokenResponse<TokenFields, BasicTokenType>;
type Protocol = oauth2::Client<
    TokenError,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// What MSAL assumes where an answer names no lifetime (msal 1.39.0, token_cache.py).
const ASSUMED_LIFE: Duration = Duration::from_secs(600);

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
    /// does not answer.
    pub async fn refresh(
        &self,
        refresh_token: &RefreshToken,
        scopes: &[String],
        challenge: Option<&Claims>,
    ) -> Result<Tokens> {
        let metadata = self.authority.discover(&self.http).await?;
        let protocol = self.protocol(&metadata)?;
        let token = oauth2::RefreshToken::new(refresh_token.expose().to_owned());
        let last = LastAnswer::default();
        let asked_at = self.clock.now();
        let mut request = protocol
            .exchange_refresh_token(&token)
            .add_extra_param("scope", scope_text(scopes))
            .add_extra_param("client_info", "1");
        if let Some(claims) = self.claims(challenge) {
            request = request.add_extra_param("claims", claims.as_str().to_owned());
        }
        let answer = request
            .request_async(&|request| self.send(request, &last))
            .await
            .map_err(|error| self.token_error(Leg::Refresh, error, &last))?;
        self.tokens(&metadata, answer, None, asked_at, last.date())
    }

    /// Redeems a code (RFC 6749, section 4.1.3) with its verifier (RFC 7636, section 4.5).
    pub(super) async fn redeem_code(
        &self,
        metadata: &Metadata,
        code: &secret::AuthorizationCode,
        verifier: PkceCodeVerifier,
        redirect_uri: &str,
        asked: &Asked<'_>,
        nonce: &str,
    ) -> Result<Tokens> {
        let protocol = self
            .protocol(metadata)?
            .set_redirect_uri(redirect_url(redirect_uri)?);
        let last = LastAnswer::default();
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
            .request_async(&|request| self.send(request, &last))
            .await
            .map_err(|error| self.token_error(Leg::SignIn, error, &last))?;
        self.tokens(metadata, answer, Some(nonce), asked_at, last.date())
    }

    /// Reads what a poll for a device code brought (RFC 8628, section 3.5).
    pub(super) fn read_tokens(
        &self,
        metadata: &Metadata,
        answer: &Answer,
        asked_at: Timestamp,
    ) -> Result<Tokens> {
        // The parser's words may hold the body, and the body holds tokens.
        let read: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| {
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
        answer: TokenAnswer,
        nonce: Option<&str>,
        asked_at: Timestamp,
        service_time: Option<Timestamp>,
    ) -> Result<Tokens> {
        let now = service_time.unwrap_or(asked_at);
        let fields = answer.extra_fields();
        let account = match (&fields.id_token, nonce) {
            (Some(token), _) => Some(self.account(metadata, token, fields, nonce, now)?),
            (None, None) => None,
            (None, Some(_)) => {
                return Err(refusal::not_entra(
                    &self.authority.host(),
                    "tokens but no id_token, so nobody knows who signed in",
                ));
            }
        };
        // A type that is not understood must not be used (RFC 6749, section 7.1).
        if !matches!(answer.token_type(), BasicTokenType::Bearer) {
            return Err(refusal::not_entra(
                &self.authority.host(),
                "a token that is not a bearer token",
            ));
        }
        if answer.access_token().secret().is_empty() {
            return Err(refusal::not_entra(
                &self.authority.host(),
                "an empty access token",
            ));
        }
        let life = answer.expires_in().unwrap_or(ASSUMED_LIFE);
        if life.is_zero() {
            return Err(refusal::not_entra(
                &self.authority.host(),
                "a token that has expired already",
            ));
        }
        Ok(Tokens {
            entra_token: EntraToken::new(answer.access_token().secret().clone()),
            expires_on: now.plus(life),
            refresh_token: answer
                .refresh_token()
                .filter(|token| !token.secret().is_empty())
                .map(|token| RefreshToken::new(token.secret().clone())),
            granted: answer
                .scopes()
                .map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
            account,
            service_time,
        })
    }

    fn account(
        &self,
        metadata: &Metadata,
        token: &IdToken,
        fields: &TokenFields,
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
        id_token::account(token, fields.client_info.as_deref(), &expected)
    }

    /// Carries a request of the protocol over our own client.
    async fn send(&self, request: HttpRequest, last: &LastAnswer) -> Result<HttpResponse> {
        let (parts, body) = request.into_parts();
        let url = url::Url::parse(&parts.uri.to_string())
            .map_err(|_| Error::internal("the protocol asked for an address that is not a URL"))?;
        let request = Request {
            method: parts.method,
            url,
            headers: parts.headers,
            body,
        };
        let answer = self.http.send(|| Ok(request.clone())).await?;
        last.keep(&answer);
        if answer.is_outage() {
            return Err(refusal::outage(
                &self.authority.host(),
                answer.status.as_u16(),
            ));
        }
        if !answer.is_json() || answer.status.is_server_error() {
            return Err(refusal::foreign(
                &self.authority.host(),
                &answer,
                &format!("{}, and not as Entra does", answer.status.as_u16()),
            ));
        }
        let mut response = HttpResponse::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }

    fn token_error(
        &self,
        leg: Leg,
        error: RequestTokenError<Error, TokenError>,
        last: &LastAnswer,
    ) -> Error {
        match error {
            RequestTokenError::ServerResponse(said) => {
                tracing::debug!(error = %said.error, codes = ?said.error_codes, "Entra refused");
                refusal::from_token_error(leg, &said)
            }
            RequestTokenError::Request(ours) => ours,
            // Both may hold the body, and a body may hold a token: only the status goes on.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => refusal::not_entra(
                &self.authority.host(),
                &format!("{} and JSON that is not a token answer", last.status()),
            ),
        }
    }
}

/// What the protocol crate does not hand through of an answer.
#[derive(Default)]
struct LastAnswer(Mutex<(u16, Option<Timestamp>)>);

impl LastAnswer {
    fn keep(&self, answer: &Answer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            (answer.status.as_u16(), answer.date());
    }

    fn status(&self) -> u16 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn date(&self) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
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

//! Sends the request for a token (RFC 8693, section 2.1), and the one of `doctor`.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::refusal;
use super::response::{Exchanged, Readiness};
use super::url::ServiceUrl;
use crate::error::{Error, Result};
use crate::http::{self, Http, Request, Response};
use crate::loopback::is_loopback_host;
use crate::secret::{CommunicationToken, EntraToken};
use crate::time::Timestamp;
use crate::wire;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A client of one exchange service.
pub struct ExchangeClient {
    http: Arc<Http>,
    url: ServiceUrl,
    /// Hosts that may get an Entra token, in addition to loopback.
    allowed_hosts: Vec<String>,
}

/// The user's Entra tokens that the service gets. The settings decide, never the tokens that exist: a
/// token for ACS must not be sent in place of one for the service.
#[derive(Debug, Clone, Copy)]
pub enum UserTokens<'a> {
    /// The token for the service itself, and the one for ACS.
    Both {
        /// For the service.
        service: &'a EntraToken,
        /// For ACS.
        acs: &'a EntraToken,
    },
    /// The token for the service, which requests the one for ACS on behalf of the user.
    OnBehalfOf(&'a EntraToken),
}

/// A Communication token from the service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceToken {
    /// The token.
    pub token: CommunicationToken,
    /// The expiry. The lifetime counts from the request. The response's `Date` is ignored: its clock is that
    /// of a company's server or proxy, and a wrong one would make expired tokens look fresh.
    pub expires_on: Timestamp,
}

impl ExchangeClient {
    /// Creates a client. Sends no request.
    pub fn new(http: Arc<Http>, url: ServiceUrl, allowed_hosts: Vec<String>) -> Self {
        ExchangeClient {
            http,
            url,
            allowed_hosts,
        }
    }

    /// Returns the address.
    pub fn url(&self) -> &ServiceUrl {
        &self.url
    }

    /// Returns the issuer of the certificate that the service showed, if it is known.
    pub(crate) fn certificate_issuer(&self) -> Option<String> {
        let url = self.url.at("/").ok()?;
        self.http.issuer(&url)
    }

    /// Opens the connection for a request that follows soon. See [`Http::open_early`].
    pub(crate) fn open_early(&self) {
        if let Ok(url) = self.url.at("/") {
            self.http.open_early(&url);
        }
    }

    /// Exchanges the user's tokens. `now` is the time by Entra's clock.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) if the service refuses, with the claims of a challenge;
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if it does not respond;
    /// [`Kind::Usage`](crate::Kind::Usage) if it may not receive an Entra token.
    pub async fn exchange(&self, tokens: UserTokens<'_>, now: Timestamp) -> Result<ServiceToken> {
        let (caller, subject) = match tokens {
            UserTokens::Both { service, acs } => (service, Some(acs)),
            UserTokens::OnBehalfOf(service) => (service, None),
        };
        self.url.check_may_receive(&self.allowed_hosts)?;
        let url = self.url.at("/v1/token")?;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer(caller)?),
            (CONTENT_TYPE, form),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let body = form_body(subject);
        let make = || {
            Ok(Request {
                method: Method::POST,
                url: url.clone(),
                headers: headers.clone(),
                body: body.as_bytes().to_vec(),
            })
        };
        let response = self
            .http
            .send(make)
            .await
            .map_err(|error| self.explain(error))?;
        if response.status.as_u16() != 200 {
            return Err(refusal::refusal(&self.url.host_and_port(), &response));
        }
        self.token(&response, now)
    }

    /// Replaces the general hint for an address of this machine at which nothing listens: it would start
    /// the emulator.
    fn explain(&self, error: Error) -> Error {
        let is_local = is_loopback_host(self.url.host());
        match is_local && http::is_refused_connection(&error) {
            true => error.with_hint(
                "Start acspass-exchange, or check `exchange-service` in `acspass config list`.",
            ),
            false => error,
        }
    }

    fn token(&self, response: &Response, now: Timestamp) -> Result<ServiceToken> {
        let exchanged: Option<Exchanged> = wire::read(&response.body);
        let exchanged = exchanged.ok_or_else(|| {
            let what = "a response that is not a token response";
            refusal::foreign(&self.url.host_and_port(), response, what)
        })?;
        Ok(ServiceToken {
            token: exchanged.token,
            expires_on: now.plus(exchanged.life),
        })
    }

    /// Asks the service whether it is ready. Sends no token.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if it does not respond, is not ready, or is
    /// another server.
    pub async fn check_ready(&self) -> Result<()> {
        let request = Request::get(self.url.at("/readyz")?);
        let response = self.http.send(|| Ok(request.clone())).await;
        let response = response.map_err(|error| self.explain(error))?;
        let host = self.url.host_and_port();
        let status = response.status.as_u16();
        match (status, wire::read::<Readiness>(&response.body)) {
            (200, Some(_)) => Ok(()),
            (503, Some(readiness)) => Err(refusal::not_ready(&host, &readiness)),
            _ => {
                let what = format!("HTTP status {status} in another format than the service's");
                Err(refusal::foreign(&host, &response, &what))
            }
        }
    }
}

/// Returns the body of a request with this subject token.
fn form_body(subject: Option<&EntraToken>) -> Zeroizing<String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", GRANT);
    form.append_pair("requested_token_type", ACCESS_TOKEN);
    if let Some(subject) = subject {
        form.append_pair("subject_token", subject.expose());
        form.append_pair("subject_token_type", ACCESS_TOKEN);
    }
    Zeroizing::new(form.finish())
}

fn bearer(token: &EntraToken) -> Result<HeaderValue> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::internal("an Entra token that cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

//! One request to the resource: authenticates and sends it, and checks the response.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use reqwest::Method;
#[cfg(feature = "azure-identity")]
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;

use super::endpoint::Endpoint;
use super::issued::IssuedToken;
use super::refusal;
use super::refusal::Operation;
#[cfg(feature = "azure-identity")]
use super::resource_credential::EntraPrincipal;
use super::sign::{Unsigned, sign};
use crate::error::{Error, Result};
use crate::http::{Http, Request, Response};
use crate::secret::{AccessKey, EntraToken, is_b64token};
use crate::time::{Clock, Timestamp};
use crate::wire;
use crate::wire::acs::AccessToken;

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

/// The caller of a request.
pub(super) enum RequestAuth<'a> {
    /// The resource's owner.
    Owner(&'a ResourceAuth),
    /// The Teams user, with an Entra token.
    User(&'a EntraToken),
}

/// Sends requests to one resource.
pub(super) struct RequestSender {
    pub(super) http: Arc<Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) endpoint: Endpoint,
    pub(super) allowed_hosts: Vec<String>,
    /// The service's clock minus this machine's, in seconds, if they are known to differ.
    pub(super) clock_offset_seconds: AtomicI64,
}

impl RequestSender {
    /// Sends a request; returns the response, and the number of tries.
    pub(super) async fn send(
        &self,
        auth: RequestAuth<'_>,
        method: Method,
        target: &str,
        body: &[u8],
        content_type: bool,
    ) -> (Result<Response>, u32) {
        let tries = AtomicU32::new(0);
        let outcome = self
            .send_counted(auth, method, target, body, content_type, &tries)
            .await;
        (outcome, tries.load(Ordering::Relaxed))
    }

    async fn send_counted(
        &self,
        auth: RequestAuth<'_>,
        method: Method,
        target: &str,
        body: &[u8],
        content_type: bool,
        tries: &AtomicU32,
    ) -> Result<Response> {
        let url = self.endpoint.at(target)?;
        let request_id = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string())
            .map_err(|_| Error::internal("a GUID is not a header value"))?;
        let bearer = match auth {
            RequestAuth::Owner(ResourceAuth::Key(_)) => None,
            #[cfg(feature = "azure-identity")]
            RequestAuth::Owner(ResourceAuth::Entra(principal)) => {
                Some(principal.token(self.clock.as_ref()).await?)
            }
            RequestAuth::User(token) => {
                self.endpoint.check_may_receive(&self.allowed_hosts)?;
                Some(token.clone())
            }
        };
        let make = || {
            tries.fetch_add(1, Ordering::Relaxed);
            let mut headers = match (&auth, &bearer) {
                (RequestAuth::Owner(ResourceAuth::Key(key)), _) => {
                    self.signed(&method, target, body, key)?
                }
                (_, Some(token)) => HeaderMap::from_iter([(AUTHORIZATION, bearer_header(token)?)]),
                (_, None) => return Err(Error::internal("a request without a right to it")),
            };
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            if content_type {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            headers.insert(
                HeaderName::from_static("x-ms-client-request-id"),
                request_id.clone(),
            );
            Ok(Request {
                method: method.clone(),
                url: url.clone(),
                headers,
                body: body.to_vec(),
            })
        };
        let response = self.http.send(make).await?;
        #[cfg(feature = "azure-identity")]
        if matches!(
            response.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) && let (RequestAuth::Owner(ResourceAuth::Entra(principal)), Some(token)) =
            (&auth, &bearer)
        {
            principal.reject(token);
        }
        Ok(response)
    }

    fn signed(
        &self,
        method: &Method,
        target: &str,
        body: &[u8],
        key: &AccessKey,
    ) -> Result<HeaderMap> {
        sign(
            &Unsigned {
                method: method.as_str(),
                target,
                host: &self.endpoint.host_header(),
                body,
                date: self.service_now(),
            },
            key,
        )
    }

    /// Returns the response if it has the operation's success status. Any other status, also 2xx, is
    /// an error, as in the SDKs.
    pub(super) fn check(
        &self,
        asked: Operation,
        response: Response,
        success: u16,
    ) -> Result<Response> {
        match response.status.as_u16() == success {
            true => Ok(response),
            false => Err(refusal::refusal(
                asked,
                &self.endpoint.host_header(),
                &response,
                self.clock.now(),
            )),
        }
    }

    /// Parses the body of a checked response.
    pub(super) fn read<T: DeserializeOwned>(&self, response: &Response) -> Result<T> {
        if !response.is_json() {
            let host = self.endpoint.host_header();
            return Err(refusal::foreign(
                &host,
                response,
                "something that is not JSON",
            ));
        }
        wire::read(&response.body).ok_or_else(|| {
            let what = "JSON that is not an answer of its own";
            match response.is_object() {
                true => self.unusable(what),
                false => refusal::not_its_own(&self.endpoint.host_header(), what),
            }
        })
    }

    /// Checks the token in a response.
    pub(super) fn issued(
        &self,
        token: AccessToken,
        service_time: Option<Timestamp>,
    ) -> Result<IssuedToken> {
        let expires_on = Timestamp::parse_rfc3339(&token.expires_on)
            .ok_or_else(|| self.unusable("an expiry that is not a time"))?;
        if token.token.expose().is_empty() {
            return Err(self.unusable("an empty token"));
        }
        if expires_on <= service_time.unwrap_or_else(|| self.service_now()) {
            return Err(self.unusable("a token that has expired already"));
        }
        Ok(IssuedToken {
            token: token.token,
            expires_on,
            service_time,
        })
    }

    /// Returns the time by the service's clock.
    fn service_now(&self) -> Timestamp {
        let offset = self.clock_offset_seconds.load(Ordering::Relaxed);
        self.clock.now().shifted(offset)
    }

    /// Returns the error for JSON of the service that lacks a required member.
    pub(super) fn unusable(&self, what: &str) -> Error {
        refusal::unusable(&self.endpoint.host_header(), what)
    }
}

fn bearer_header(token: &EntraToken) -> Result<HeaderValue> {
    if !is_b64token(token.expose()) {
        return Err(refusal::not_a_token());
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| refusal::not_a_token())?;
    value.set_sensitive(true);
    Ok(value)
}

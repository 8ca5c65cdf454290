//! The client of ACS Identity.
//!
//! It takes a resource and what proves the right to it, and turns each operation of the service
//! into one call. It keeps nothing, and knows neither Entra nor who is signed in.

mod connection_string;
mod sign;
pub mod teams_token;

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;

pub use connection_string::{ConnectionString, Endpoint, check_access_key};
pub use sign::{Unsigned, sign};

use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Http, Request};
use crate::secret::{AccessKey, CommunicationToken, EntraToken};
use crate::time::{Clock, Timestamp};
use crate::wire::acs::{AccessToken, ErrorBody, TeamsUserExchange};

/// The version that the SDKs send (azure-communication-identity 1.5.0 and
/// `@azure/communication-identity` 1.3.1).
const API_VERSION: &str = "2023-10-01";

/// A Communication token, fresh from the service.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// The token.
    pub token: CommunicationToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// The service's clock at the moment of the answer, where it sent one.
    pub service_time: Option<Timestamp>,
}

/// A client for one ACS resource, signing with its access key.
pub struct IdentityClient {
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    endpoint: Endpoint,
    access_key: AccessKey,
    allowed_hosts: Vec<String>,
}

impl IdentityClient {
    /// A client for the resource. Nothing is contacted until the first call. An Entra token is
    /// sent to ACS's own domains, to loopback, and to `allowed_hosts`.
    pub fn new(
        http: Arc<Http>,
        clock: Arc<dyn Clock>,
        resource: ConnectionString,
        allowed_hosts: Vec<String>,
    ) -> Self {
        IdentityClient {
            http,
            clock,
            endpoint: resource.endpoint,
            access_key: resource.access_key,
            allowed_hosts,
        }
    }

    /// Exchanges a Teams user's Entra token for a Communication token. `app_id` is the client id
    /// that signed in, `user_id` the user's object id. `clock_offset_seconds` is what is already
    /// known of the service's clock.
    ///
    /// # Errors
    /// [`Kind::Refused`] where the service says no; [`Kind::Unreachable`] where it does not answer;
    /// [`Kind::Usage`] where the endpoint may not receive an Entra token.
    pub async fn exchange_teams_user_token(
        &self,
        token: &EntraToken,
        app_id: &str,
        user_id: &str,
        clock_offset_seconds: i64,
    ) -> Result<Issued> {
        self.endpoint.check_may_receive(&self.allowed_hosts)?;
        let body = serde_json::to_vec(&TeamsUserExchange {
            token: token.expose(),
            app_id,
            user_id,
        })
        .map_err(|_| Error::internal("an exchange could not be written as JSON"))?;
        let target = format!("/teamsUser/:exchangeAccessToken?api-version={API_VERSION}");
        let answer = self
            .send(Method::POST, &target, &body, clock_offset_seconds)
            .await?;
        let service_time = answer.date();
        let issued: AccessToken = self.read(answer, 200)?;
        let expires_on = Timestamp::parse_rfc3339(&issued.expires_on)
            .ok_or_else(|| self.not_its_own("an expiry that is not a time"))?;
        if issued.token.expose().is_empty() {
            return Err(self.not_its_own("an empty token"));
        }
        let now = service_time.unwrap_or_else(|| self.clock.now());
        if expires_on <= now {
            return Err(self.not_its_own("a token that has expired already"));
        }
        Ok(Issued {
            token: issued.token,
            expires_on,
            service_time,
        })
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        body: &[u8],
        clock_offset_seconds: i64,
    ) -> Result<Answer> {
        let url = self.endpoint.at(target)?;
        let host = self.endpoint.host_header();
        let request_id = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string())
            .map_err(|_| Error::internal("a GUID is not a header value"))?;
        let make = || {
            let mut headers: HeaderMap = sign(
                &Unsigned {
                    method: method.as_str(),
                    target,
                    host: &host,
                    body,
                    date: self.clock.now().shifted(clock_offset_seconds),
                },
                &self.access_key,
            )?;
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            if !body.is_empty() {
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
        self.http.send(make).await
    }

    /// The answer's body where it has the one status that the operation knows for success.
    fn read<T: DeserializeOwned>(&self, answer: Answer, success: u16) -> Result<T> {
        if answer.status.as_u16() != success {
            return Err(self.refusal(&answer));
        }
        if !answer.is_json() {
            return Err(self.not_its_own("something that is not JSON"));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|_| self.not_its_own("JSON that is not an answer of its own"))
    }

    fn refusal(&self, answer: &Answer) -> Error {
        let status = answer.status.as_u16();
        let host = self.endpoint.host_header();
        let request_id = ["x-ms-request-id", "ms-cv", "x-azure-ref"]
            .iter()
            .find_map(|name| answer.headers.get(*name)?.to_str().ok())
            .map(str::to_owned);
        let said = serde_json::from_slice::<ErrorBody>(&answer.body)
            .ok()
            .map(|body| body.error);
        let is_its_own = said.is_some() || answer.body.is_empty();
        let kind = match answer.status.is_client_error() && !answer.is_outage() && is_its_own {
            true => Kind::Refused,
            false => Kind::Unreachable,
        };
        let said = said.unwrap_or_default();
        let mut error = match kind {
            Kind::Refused => {
                let (message, hint) = explain(status, &said.code, said.target.as_deref());
                Error::new(kind, message, hint)
            }
            _ if answer.is_outage() => Error::new(
                kind,
                format!("the ACS resource at {host} keeps answering {status}"),
                "wait a little, then try again; the portal shows the service's health",
            ),
            _ => Error::new(
                kind,
                format!("{host} answered {status}, and not as an ACS resource does"),
                "check the endpoint, and for a proxy or captive portal on the way",
            ),
        };
        if !said.code.is_empty() {
            error = error.with_code(said.code);
        }
        if !said.message.is_empty() {
            error = error.caused_by(format!("the service says: {}", short(&said.message)));
        }
        match request_id {
            Some(id) => error.with_correlation_id(id),
            None => error,
        }
    }

    fn not_its_own(&self, what: &str) -> Error {
        let host = self.endpoint.host_header();
        Error::new(
            Kind::Unreachable,
            format!("{host} answered with {what}"),
            "check the endpoint, and for a proxy or captive portal on the way",
        )
    }
}

/// A refusal in the user's words: cause and next step.
fn explain(status: u16, code: &str, target: Option<&str>) -> (String, &'static str) {
    match (status, code) {
        (401, "Denied") => (
            "the ACS resource refused the access key".to_owned(),
            "check that the connection string is this resource's, that its key was not \
             regenerated, and that this machine's clock is right",
        ),
        (401, "InvalidAccessToken") => (
            "the ACS resource does not accept the Entra token".to_owned(),
            "run `acspass get --force-refresh`; if it stays, check the application's permissions \
             Teams.ManageCalls and Teams.ManageChats and their consent",
        ),
        (400, "ValidationError") => (
            match target {
                Some(target) => format!("the ACS resource does not accept the field `{target}`"),
                None => "the ACS resource does not accept the request".to_owned(),
            },
            "the client id must be the one that signed in, and the user id that user's object id",
        ),
        (403, _) => (
            "the ACS resource forbids the exchange for this user".to_owned(),
            "check that the user has a Teams licence, and that the tenant allows Teams \
             interoperability",
        ),
        (401, _) => (
            "the ACS resource refused the request".to_owned(),
            "check the connection string, and that the token belongs to this resource",
        ),
        (404, _) => (
            "the ACS resource does not know this".to_owned(),
            "check the endpoint and the id",
        ),
        _ => (
            format!("the ACS resource refused the request with {status}"),
            "see the service's words above",
        ),
    }
}

/// The service's own words: bounded, without control characters.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

//! Sends the requests of the `oauth2` crate with the crate's HTTP client.
//!
//! That crate's errors may contain a response body, so they are translated here.

use std::sync::{Mutex, PoisonError};

use oauth2::{HttpRequest, HttpResponse, RequestTokenError};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::client::Entra;
use super::refusal::{self, Grant};
use crate::error::{Error, Result};
use crate::http::{Request, Response};
use crate::time::Timestamp;
use crate::wire::entra::TokenError;

/// The retry policy of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryPolicy {
    /// With retries.
    Repeatedly,
    /// Its credential is valid once: sent again only if no byte was sent.
    Once,
}

impl Entra {
    /// Sends a request of the `oauth2` crate.
    pub(super) async fn send(
        &self,
        request: HttpRequest,
        sending: RetryPolicy,
        last: &LastResponse,
    ) -> Result<HttpResponse> {
        let (parts, body) = request.into_parts();
        let url = url::Url::parse(&parts.uri.to_string())
            .map_err(|_| Error::internal("the protocol asked for an address that is not a URL"))?;
        let request = Request {
            method: parts.method,
            url,
            headers: parts.headers,
            body,
        };
        let answer = match sending {
            RetryPolicy::Repeatedly => self.http.send(|| Ok(request.clone())).await?,
            RetryPolicy::Once => self.http.send_single_use(&request).await?,
        };
        last.keep(&answer);
        let (host, status) = (self.authority.host(), answer.status);
        if answer.is_outage() {
            return Err(match sending {
                RetryPolicy::Repeatedly => refusal::outage(&host, status.as_u16()),
                RetryPolicy::Once => refusal::outage_at_once(&host, status.as_u16()),
            });
        }
        if !answer.is_json() || status.is_server_error() {
            let what = format!("{}, and not as Entra does", status.as_u16());
            return Err(refusal::foreign(&host, &answer, &what));
        }
        let is_error =
            status != StatusCode::OK || TokenError::despite_success(&answer.body).is_some();
        // The `oauth2` crate requires UTF-8, an error status and this media type.
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let mut response = HttpResponse::new(body.into_bytes());
        *response.status_mut() = match (is_error, status) {
            (true, StatusCode::OK) => StatusCode::BAD_REQUEST,
            _ => status,
        };
        *response.headers_mut() = answer.headers;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        Ok(response)
    }

    pub(super) fn token_error(
        &self,
        grant: Grant,
        error: RequestTokenError<Error, TokenError>,
        last: &LastResponse,
    ) -> Error {
        match error {
            RequestTokenError::ServerResponse(response) => {
                let codes = response.error_codes.iter();
                let codes: Vec<String> = codes.map(|code| format!(" AADSTS{code}")).collect();
                tracing::debug!("Entra refused: {}{}", response.error, codes.concat());
                refusal::from_token_error(grant, &response)
            }
            RequestTokenError::Request(ours) => ours,
            // Both may contain the body, and a body may contain a token: only the status is kept.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                let what = format!("{} and JSON that is not a token answer", last.status());
                match last.is_object() {
                    true => refusal::unusable(&self.authority.host(), &what),
                    false => refusal::not_entra(&self.authority.host(), &what),
                }
            }
        }
    }
}

/// The parts of a response that the `oauth2` crate does not return.
#[derive(Default)]
pub(super) struct LastResponse(Mutex<ResponseInfo>);

#[derive(Default, Clone, Copy)]
struct ResponseInfo {
    status: u16,
    date: Option<Timestamp>,
    is_object: bool,
}

impl LastResponse {
    fn keep(&self, answer: &Response) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ResponseInfo {
            status: answer.status.as_u16(),
            date: answer.date(),
            is_object: answer.is_object(),
        };
    }

    fn kept(&self) -> ResponseInfo {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> u16 {
        self.kept().status
    }

    pub(super) fn date(&self) -> Option<Timestamp> {
        self.kept().date
    }

    fn is_object(&self) -> bool {
        self.kept().is_object
    }
}

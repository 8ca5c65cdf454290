//! Sends the requests of the `oauth2` crate with the crate's HTTP client.
//!
//! That crate's errors may contain a response body, so they are translated here.

use std::sync::OnceLock;

use oauth2::{HttpRequest, HttpResponse, RequestTokenError};
use reqwest::StatusCode;

use super::client::Entra;
use super::refusal::{self, Grant};
use crate::error::{Error, Result};
use crate::http::{Request, Response};
use crate::wire::entra::TokenError;

/// The response to a request of the `oauth2` crate, which returns only its body.
pub(super) type LastResponse = OnceLock<Response>;

impl Entra {
    /// Sends a request of the `oauth2` crate. A code is valid once, so its request is sent again only
    /// if no byte was sent.
    pub(super) async fn send(
        &self,
        request: HttpRequest,
        grant: Grant,
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
        let answer = match grant {
            Grant::Refresh => self.http.send(|| Ok(request.clone())).await?,
            Grant::SignIn => self.http.send_single_use(&request).await?,
        };
        let (host, status) = (self.authority.host(), answer.status);
        if answer.is_outage() {
            return Err(match grant {
                Grant::Refresh => refusal::outage(&host, status.as_u16()),
                Grant::SignIn => refusal::outage_at_once(&host, status.as_u16()),
            });
        }
        refusal::check_format(&host, &answer)?;
        let hides_error =
            status == StatusCode::OK && TokenError::despite_success(&answer.body).is_some();
        // The `oauth2` crate requires UTF-8 and an error status.
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let mut response = HttpResponse::new(body.into_bytes());
        *response.status_mut() = match hides_error {
            true => StatusCode::BAD_REQUEST,
            false => status,
        };
        let _ = last.set(answer);
        Ok(response)
    }

    pub(super) fn token_error(
        &self,
        grant: Grant,
        error: RequestTokenError<Error, TokenError>,
        last: &LastResponse,
    ) -> Error {
        match (error, last.get()) {
            (RequestTokenError::ServerResponse(response), _) => {
                let codes = response.error_codes.iter();
                let codes: Vec<String> = codes.map(|code| format!(" AADSTS{code}")).collect();
                tracing::debug!("Entra refused: {}{}", response.error, codes.concat());
                refusal::from_token_error(grant, &response)
            }
            (RequestTokenError::Request(ours), _) => ours,
            // Both may contain the body, and a body may contain a token: only the status is kept.
            (RequestTokenError::Parse(..) | RequestTokenError::Other(_), Some(answer)) => {
                let status = answer.status.as_u16();
                let what = format!("{status} and JSON that is not a token answer");
                refusal::unreadable(&self.authority.host(), answer, &what)
            }
            (RequestTokenError::Parse(..) | RequestTokenError::Other(_), None) => {
                Error::internal("a token request failed before it was sent")
            }
        }
    }
}

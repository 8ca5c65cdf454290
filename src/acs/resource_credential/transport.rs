//! Adapts this crate's HTTP client to the `azure_core` crate.

use std::fmt;
use std::sync::Arc;

use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request as AzureRequest};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, ServiceResponse};
use crate::http::{self, Http, Request, Response};

const WAIT: &str =
    "Check AZURE_AUTHORITY_HOST. If it is correct, wait a minute, then run the command again.";

/// Sends that crate's requests with this crate's client.
pub(super) struct ReqwestTransport(pub(super) Arc<Http>);

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestTransport")
    }
}

#[async_trait::async_trait]
impl HttpClient for ReqwestTransport {
    async fn execute_request(
        &self,
        request: &AzureRequest,
    ) -> azure_core::Result<AsyncRawResponse> {
        let request = translate(request)?;
        let response = self.0.send(|| Ok(request.clone())).await.map_err(wrapped)?;
        check(&http::host_of(&request.url), &response).map_err(wrapped)?;
        let mut headers = Headers::new();
        for (name, value) in &response.headers {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(AsyncRawResponse::from_bytes(
            response.status.as_u16().into(),
            headers,
            response.body,
        ))
    }
}

/// Returns an error for a response that is none of a token service: the other crate would report it as
/// one without a code, or as invalid JSON.
fn check(host: &str, response: &Response) -> Result<(), Error> {
    let status = response.status.as_u16();
    if response.is_transient_error() {
        let message = format!("{host} keeps returning HTTP status {status}");
        let outage = response.add_retry_after(Error::unreachable(message, WAIT));
        return Err(outage.with_service_response(ServiceResponse {
            status,
            ..ServiceResponse::default()
        }));
    }
    match http::is_web_page(response) {
        true => Err(http::foreign(host, response, "a web page", WAIT)),
        false => Ok(()),
    }
}

/// Puts an error of this crate into one of that crate, which keeps it as a source.
fn wrapped(error: Error) -> AzureError {
    let message = error.to_string();
    AzureError::with_error(ErrorKind::Other, error, message)
}

fn translate(request: &AzureRequest) -> azure_core::Result<Request> {
    let unusable = |what: &str| {
        AzureError::with_message(ErrorKind::DataConversion, format!("{what} cannot be sent"))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers().iter() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes())
            .map_err(|_| unusable("a header's name"))?;
        let mut value =
            HeaderValue::from_str(value.as_str()).map_err(|_| unusable("a header's value"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let body = match request.body() {
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::SeekableStream(_) => return Err(unusable("a stream")),
    };
    Ok(Request {
        method: Method::from_bytes(request.method().as_str().as_bytes())
            .map_err(|_| unusable("a method"))?,
        url: request.url().clone(),
        headers,
        body,
    })
}

//! Adapts this crate's HTTP client to the `azure_core` crate.

use std::fmt;
use std::sync::Arc;

use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request as AzureRequest};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::http::{Http, Request};

/// The start of an error of this crate within that crate's errors.
pub(super) const NOT_REACHED: &str = "not reached: ";

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
        let response = self.0.send(|| Ok(request.clone())).await.map_err(|error| {
            AzureError::with_message(ErrorKind::Other, format!("{NOT_REACHED}{error}"))
        })?;
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

//! One request to the resource: authorizes and sends it, and reads the response.
//!
//! A request with the access key is signed by HMAC-SHA256, as the official SDKs do it. The scheme is
//! described in the reference of ACS authentication and pinned by the vectors below.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::operation::{self, Operation, Permission};
use super::values::{Endpoint, not_base64};
use crate::error::{Error, Result};
use crate::http::{self, Http, Request, Response};
use crate::secret::{AccessKey, CommunicationToken, EntraToken, is_b64token};
use crate::time::{Clock, Timestamp};
use crate::wire;
use crate::wire::acs::AccessToken;

/// A newly issued Communication token.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuedToken {
    /// The token.
    pub token: CommunicationToken,
    /// The expiry, by the service's clock.
    pub expires_on: Timestamp,
    /// The time of the response by the service's clock, if it has a `Date` header.
    pub service_time: Option<Timestamp>,
}

/// What authorizes a request.
#[derive(Clone, Copy)]
pub(super) enum RequestAuth<'a> {
    /// A signature with the resource's access key.
    Signature(&'a AccessKey),
    Bearer(&'a EntraToken),
}

/// The media type of the service's bodies.
pub(super) const JSON: &str = "application/json";

/// A request before it is authorized.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query, percent-encoded.
    pub(super) target: String,
    /// An operation that takes no body has none.
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Vec<u8>,
}

impl Call {
    /// Creates the request for an operation. One that takes no body has no `Content-Type`.
    pub(super) fn of(operation: Operation<'_>, body: Option<Vec<u8>>) -> Call {
        Call {
            method: operation.spec().0,
            target: operation.path_and_query(),
            content_type: body.is_some().then_some(JSON),
            body: body.unwrap_or_default(),
        }
    }
}

/// Sends requests to one resource, and reads its responses.
pub(super) struct AcsTransport {
    pub(super) http: Arc<Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) endpoint: Endpoint,
    /// Hosts that may get an Entra token, in addition to ACS's domains and loopback.
    pub(super) allowed_hosts: Vec<String>,
    /// The service's clock minus this machine's, in seconds, if they are known to differ.
    pub(super) clock_offset_seconds: AtomicI64,
}

impl AcsTransport {
    /// Checks that an Entra token may be sent to this resource.
    pub(super) fn check_may_receive(&self) -> Result<()> {
        self.endpoint.check_may_receive(&self.allowed_hosts)
    }

    /// Opens the connection for a request that follows soon.
    pub(super) fn open_early(&self) {
        if let Ok(url) = self.endpoint.at("/") {
            self.http.open_early(&url);
        }
    }

    /// Sends a request, authorized anew for each try.
    pub(super) async fn send(&self, auth: RequestAuth<'_>, call: Call) -> Result<Response> {
        let Call {
            method,
            target,
            content_type,
            body,
        } = call;
        let url = self.endpoint.at(&target)?;
        let request_id = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string())
            .map_err(|_| Error::internal("a GUID is not a header value"))?;
        let make = || {
            let mut headers = match auth {
                RequestAuth::Bearer(token) => {
                    HeaderMap::from_iter([(AUTHORIZATION, bearer_header(token)?)])
                }
                RequestAuth::Signature(key) => {
                    let request = RequestToSign {
                        method: method.as_str(),
                        target: &target,
                        host: &self.endpoint.host_header(),
                        body: &body,
                        date: self.service_now(),
                    };
                    sign(&request, key)?
                }
            };
            headers.insert(ACCEPT, HeaderValue::from_static(JSON));
            if let Some(content_type) = content_type {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            let request_id_header = HeaderName::from_static("x-ms-client-request-id");
            headers.insert(request_id_header, request_id.clone());
            Ok(Request {
                method: method.clone(),
                url: url.clone(),
                headers,
                body: body.clone(),
            })
        };
        let response = self.http.send(make).await;
        response.map_err(|error| match http::is_unresolved_host(&error) {
            true => error.with_hint(operation::CORRECT_THE_HOST),
            false => error,
        })
    }

    /// Returns the response if it has the operation's success status. Any other status, also 2xx, is
    /// an error, as in the SDKs.
    pub(super) fn check(&self, operation: Operation<'_>, response: Response) -> Result<Response> {
        let (_, success, _) = operation.spec();
        if success.contains(&response.status.as_u16()) {
            return Ok(response);
        }
        Err(self.refusal(operation.permission(), &response))
    }

    /// Returns the error for a response that is no success.
    pub(super) fn refusal(&self, permission: Permission, response: &Response) -> Error {
        let host = self.endpoint.host_header();
        operation::refusal(permission, &host, response, self.service_now())
    }

    /// Returns the error for a web page in place of the service's response.
    pub(super) fn foreign(&self, response: &Response) -> Error {
        let host = self.endpoint.host_header();
        operation::foreign(&host, response, "a web page")
    }

    /// Parses the body of a checked response.
    pub(super) fn read<T: DeserializeOwned>(&self, response: &Response) -> Result<T> {
        let host = &self.endpoint.host_header();
        if !response.is_json() {
            let what = "a response that is not JSON";
            return Err(operation::foreign(host, response, what));
        }
        wire::read(&response.body).ok_or_else(|| {
            let what = "JSON in another format than the service's";
            match response.is_object() {
                true => operation::unusable(host, what),
                false => operation::foreign(host, response, what),
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
        if expires_on <= service_time.unwrap_or_else(|| self.service_now()) {
            return Err(self.unusable("a token that has already expired"));
        }
        Ok(IssuedToken {
            token: token.token,
            expires_on,
            service_time,
        })
    }

    /// Returns the error for JSON of the service that lacks a required member.
    pub(super) fn unusable(&self, what: &str) -> Error {
        operation::unusable(&self.endpoint.host_header(), what)
    }

    /// Returns the time by the service's clock.
    fn service_now(&self) -> Timestamp {
        let offset = self.clock_offset_seconds.load(Ordering::Relaxed);
        self.clock.now().shifted(offset)
    }
}

fn bearer_header(token: &EntraToken) -> Result<HeaderValue> {
    if !is_b64token(token.expose()) {
        return Err(operation::not_a_token());
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| operation::not_a_token())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A request as it is signed.
pub struct RequestToSign<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// Path and query exactly as they go over the wire.
    pub target: &'a str,
    /// The `Host` header.
    pub host: &'a str,
    /// The body's bytes, empty for none.
    pub body: &'a [u8],
    /// The time by the service's clock. The service refuses a request with a wrong time.
    pub date: Timestamp,
}

/// The headers `x-ms-date`, `x-ms-content-sha256` and `Authorization` for the request.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if the key is not Base64.
pub fn sign(request: &RequestToSign<'_>, key: &AccessKey) -> Result<HeaderMap> {
    let key = STANDARD.decode(key.expose());
    let key = Zeroizing::new(key.map_err(|_| not_base64())?);
    let RequestToSign {
        method,
        target,
        host,
        ..
    } = request;
    let date = request.date.to_http_date();
    let hash = STANDARD.encode(Sha256::digest(request.body));
    let mut mac = Hmac::<Sha256>::new_from_slice(&key)
        .map_err(|_| Error::internal("HMAC-SHA256 refused a key"))?;
    mac.update(format!("{method}\n{target}\n{date};{host};{hash}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let header = |text: &str| {
        HeaderValue::from_str(text).map_err(|_| Error::internal("a signed header is not ASCII"))
    };
    let mut authorization = header(&format!(
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    ))?;
    authorization.set_sensitive(true);
    Ok(HeaderMap::from_iter([
        (HeaderName::from_static("x-ms-date"), header(&date)?),
        (
            HeaderName::from_static("x-ms-content-sha256"),
            header(&hash)?,
        ),
        (AUTHORIZATION, authorization),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "YWNzLWlkZW50aXR5LXRlc3Qta2V5LTAxMjM0NTY3ODlhYmNkZWYtMDEyMzQ1Njc4OWFiY2RlZi0wMTIzNDU2IQ==";
    const DATE: &str = "Mon, 02 Jun 2025 13:45:09 GMT";
    const HOST: &str = "contoso-acs.communication.azure.com";
    const EMPTY: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const ID: &str =
        "8%3Aacs%3A1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101";
    const RAW_ID: &str =
        "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101";
    const TEAMS: &str = "/teamsUser/:exchangeAccessToken?api-version=2023-10-01";

    /// name, method, target, host, body, hash, signature: computed with the Python and JavaScript
    /// SDKs' own policies (azure-communication-identity 1.5.0, @azure/communication-identity 1.3.1).
    #[rustfmt::skip]
    const VECTORS: &[(&str, &str, &str, &str, &str, &str, &str)] = &[
        ("V1", "POST", "/identities?api-version=2023-10-01", HOST, "", EMPTY, "pub6W9eWQJQZdnntkJxRY60lhinqjQpZ34cn0yesPXk="),
        ("V2", "POST", "/identities?api-version=2023-10-01", HOST, r#"{"createTokenWithScopes": ["chat", "voip"], "expiresInMinutes": 60}"#, "wvygNN5WpIfLXWP9MkgLzBwgE8R//ITGxsX6PuaRBUU=", "UYQeoC9jwmgxgZszydZbT78tfAc7gS2LCULb1MQJWvM="),
        ("V2b", "POST", "/identities?api-version=2023-10-01", HOST, r#"{"createTokenWithScopes": ["chat", "voip"]}"#, "V8+u8Ex0JoTgTgmpir8t4JxsTqBhz791KhW/8639K2A=", "6vTrM+5aSR/klZI0MVe5hIqT9iT8h3Og4dOehLxv7Co="),
        ("V2c", "POST", "/identities?api-version=2023-10-01", HOST, r#"{"createTokenWithScopes":["chat","voip"]}"#, "fYTayOkxDFdoXd25BoJTvoTLLr5+QVfLFXvdJep6oNs=", "3VvOCe13K6fbCn61pET9P/AYCJqLMM9sU0MzCpbbIgk="),
        ("V3", "DELETE", "/identities/{ID}?api-version=2023-10-01", HOST, "", EMPTY, "X0HJuo5S+Y0mh47Yl8JvH3R/6NL8vqi8c91euCqpNEQ="),
        ("V3b", "DELETE", "/identities/{RAW_ID}?api-version=2023-10-01", HOST, "", EMPTY, "ayXtQfMlBRpBuFJ5gCyqWo/OOPboIrxWizGRhr/Bpqk="),
        ("V4", "POST", "/identities/{ID}/:revokeAccessTokens?api-version=2023-10-01", HOST, "", EMPTY, "EYNXByN10X3fZClilii2OIMlxu/D3Now7QPB4RhXN8A="),
        ("V5", "POST", "/identities/{ID}/:issueAccessToken?api-version=2023-10-01", HOST, r#"{"scopes": ["voip.join"], "expiresInMinutes": 60}"#, "g10WpkcmwZkvrk2oXHmHTdbN0iyqfddIEGfysNqrLTI=", "j7bco3lueuqNY5e0vNri1Kmzw3Wee1ohOUWRutDP08Y="),
        ("V5b", "POST", "/identities/{ID}/:issueAccessToken?api-version=2023-10-01", HOST, r#"{"scopes":["voip.join"],"expiresInMinutes":60}"#, "sp+jT+1sSXEeBiXODrsHMZCdJpgzhYvmdqIa5nRdnVM=", "idH6c7PDPdPpfFIRivsHySF8Vc7nurpYWadUsMZJWn4="),
        ("V6", "POST", TEAMS, "127.0.0.1:8443", r#"{"token": "aad.tok.en", "appId": "11111111-2222-3333-4444-555555555555", "userId": "66666666-7777-8888-9999-000000000000"}"#, "nHrQ0mEJDLdqUi/LBeh18MXsU7g1wtDIJ3LR4zW+lqI=", "lKmC1+IyESRhIf1vpRIToEmEQvvKkMa/c/XxbLkrDQc="),
        ("V6b", "POST", TEAMS, "127.0.0.1:8443", r#"{"token":"aad.tok.en","appId":"11111111-2222-3333-4444-555555555555","userId":"66666666-7777-8888-9999-000000000000"}"#, "FJ5VR4jKLmiKEv2J23SirY6Edl6xbntRt+vL7m0pNR0=", "D1Ty+G/yoMwLlczxg4F8xE5jpen64bl/fKdV7SF2uf4="),
        ("V7", "POST", "/identities/{ID}/:issueAccessToken?api-version=2022-10-01", "localhost:7071", r#"{"scopes": ["chat"]}"#, "sZHRO4JkAmw3HcI1PyxrC5twHvkHIWjyMLVIkauXKRA=", "7XUQk5p+36msk5sEvP1Sigii3j1l1NvCcjyo3uhoJUA="),
        ("V8", "GET", "/access/entra/assignments?api-version=2025-03-02-preview&maxpagesize=5", HOST, "", EMPTY, "RMzdgty81uAiDGAvq+2WDoxNY2E8AYB0pxpQSqip/ZU="),
        ("V9", "POST", "/identities?api-version=2025-03-02-preview", HOST, r#"{"customId":"žluťoučký-kůň"}"#, "n7l79b2z/Mokk+kOowfWWCENVgdgoNxIXOl4KAzTtrk=", "lXwTtNHqkwhh3Op9b9bfvsslyP9NPQyz7LF2OOC7tlw="),
        ("host with :443", "DELETE", "/identities/{ID}?api-version=2023-10-01", "contoso-acs.communication.azure.com:443", "", EMPTY, "zQwcQfLmHnPmB86t5MUxoHC1lzJWbQWYzzVbsnkHCr0="),
        ("host with a slash", "DELETE", "/identities/{ID}?api-version=2023-10-01", "contoso-acs.communication.azure.com/", "", EMPTY, "jBZ9lImrnWZAwzCYXXVzYd/d/Ou7k0lWXHx9vl3K+sY="),
    ];

    #[test]
    fn every_vector_of_the_sdks_is_reproduced() {
        let key = AccessKey::new(KEY);
        let date = Timestamp::parse_http_date(DATE).expect("an HTTP date");
        for (name, method, target, host, body, hash, signature) in VECTORS {
            let target = target.replace("{ID}", ID).replace("{RAW_ID}", RAW_ID);
            let body = body.as_bytes();
            let request = RequestToSign {
                method,
                target: &target,
                host,
                body,
                date,
            };
            let headers = sign(&request, &key).expect(name);
            assert_eq!(headers["x-ms-date"], DATE, "{name}");
            assert_eq!(headers["x-ms-content-sha256"], hash, "{name}");
            assert_eq!(
                headers[AUTHORIZATION],
                format!(
                    "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
                ),
                "{name}"
            );
        }
    }

    #[test]
    fn debug_shows_no_signature() {
        let request = RequestToSign {
            method: "POST",
            target: "/",
            host: HOST,
            body: b"",
            date: Timestamp::from_unix_seconds(0),
        };
        let headers = sign(&request, &AccessKey::new(KEY)).expect("a key");
        assert!(!format!("{headers:?}").contains("Signature="));
    }
}

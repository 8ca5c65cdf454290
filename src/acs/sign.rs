//! HMAC-SHA256 request signing, as the official SDKs do it.
//!
//! Inputs are the parts of a request exactly as they are sent. Output is its three headers. The
//! scheme is described in the reference of ACS authentication and pinned by the vectors below.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::secret::AccessKey;
use crate::time::Timestamp;

/// A request as it is signed.
pub struct Unsigned<'a> {
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
/// [`Kind::Usage`] if the key is not Base64.
pub fn sign(request: &Unsigned<'_>, key: &AccessKey) -> Result<HeaderMap> {
    let date = request.date.to_http_date();
    let hash = STANDARD.encode(Sha256::digest(request.body));
    let signature = signature(request, &date, &hash, key)?;
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

fn signature(request: &Unsigned<'_>, date: &str, hash: &str, key: &AccessKey) -> Result<String> {
    let key = STANDARD
        .decode(key.expose())
        .map(Zeroizing::new)
        .map_err(|_| {
            Error::new(
                Kind::Usage,
                "the access key of the ACS resource is not Base64",
                "copy it whole from the portal, under Keys",
            )
        })?;
    let Unsigned {
        method,
        target,
        host,
        ..
    } = request;
    let text = format!("{method}\n{target}\n{date};{host};{hash}");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key)
        .map_err(|_| Error::internal("HMAC-SHA256 refused a key"))?;
    mac.update(text.as_bytes());
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}

fn header(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| Error::internal("a signed header is not ASCII"))
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
            let request = Unsigned {
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
        let request = Unsigned {
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

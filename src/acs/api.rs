//! Requests that the caller writes: a method, a path of the resource, and fields or a body.
//!
//! The credential, the retries and the errors are those of the client's operations. The host is always
//! the client's endpoint.

use reqwest::Method;
use serde_json::{Map, Value};

use super::api_versions;
use super::client::{IdentityClient, ResourceAuth};
use super::operation::Permission;
use super::request::{Call, JSON};
use super::values::RequestTarget;
use crate::error::{Error, Kind, Result};
use crate::http::{self, Response};
use crate::text::{after_noun, one_line};

/// The methods that a request can have.
pub const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// The media type of a change to an object (RFC 7396), which the service's `PATCH` takes.
const MERGE_PATCH: &str = "application/merge-patch+json";
const API_VERSION: &str = "api-version";

/// The content of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Members of the JSON body, or parameters of the query for `GET` and `HEAD`. A name that ends with
    /// `[]` adds an element to an array.
    Fields(Vec<(String, Value)>),
    /// The bytes of the body.
    Body(Vec<u8>),
}

/// A request to the resource.
#[derive(Clone)]
pub struct ApiRequest {
    method: Method,
    target: RequestTarget,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl ApiRequest {
    /// Creates a request with one of the [`METHODS`]. Without `api_version` and without that parameter in
    /// the query, the version of the operation is used.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the path is not one of [`RequestTarget::parse`], if the
    /// method has no body, if a field or the version is given twice, or if the operation is not one of
    /// ACS Identity and no version is given.
    pub fn new(
        method: &str,
        path: &str,
        content: Content,
        api_version: Option<&str>,
    ) -> Result<ApiRequest> {
        let name = METHODS
            .iter()
            .find(|name| name.eq_ignore_ascii_case(method));
        let method = name.and_then(|name| name.parse().ok()).ok_or_else(|| {
            Error::usage(
                format!("unknown method {}", after_noun(method)),
                format!("Use one of {}.", METHODS.join(", ")),
            )
        })?;
        let mut target = RequestTarget::parse(path)?;
        let has_query = method == Method::GET || method == Method::HEAD;
        let mut body = Vec::new();
        match content {
            Content::Fields(fields) if has_query => {
                for (name, value) in fields {
                    target = target.with_parameter(&name, &parameter(value));
                }
            }
            Content::Fields(fields) if fields.is_empty() => {}
            Content::Fields(fields) => body = Value::Object(object(fields)?).to_string().into(),
            Content::Body(_) if has_query => {
                return Err(Error::usage(
                    format!("a {method} request has no body"),
                    "Remove `--input`, or use another method.",
                ));
            }
            Content::Body(bytes) => body = bytes,
        }
        let content_type = match method {
            _ if has_query => None,
            Method::DELETE if body.is_empty() => None,
            Method::PATCH => Some(MERGE_PATCH),
            _ => Some(JSON),
        };
        Ok(ApiRequest {
            target: with_version(target, &method, api_version)?,
            method,
            content_type,
            body,
        })
    }

    /// Whether a second processing of the request has no further effect (RFC 9110, section 9.2.2).
    fn is_idempotent(&self) -> bool {
        self.method != Method::POST && self.method != Method::PATCH
    }
}

impl IdentityClient {
    /// Sends a request that the caller wrote, and returns the response if its status is one of success.
    ///
    /// # Errors
    /// [`Kind::Refused`] if the service refuses;
    /// [`Kind::Unreachable`] if it does not respond;
    /// [`Kind::Usage`] if the endpoint may not receive a user's token.
    /// A refused signature names its possible causes. If a `POST` or `PATCH` may have been processed
    /// without a response, or more than once, the error or a warning says so.
    pub async fn request(&self, request: &ApiRequest) -> Result<Response> {
        let call = Call {
            method: request.method.clone(),
            target: request.target.as_str().to_owned(),
            content_type: request.content_type,
            body: request.body.clone(),
        };
        let may_repeat = request.is_idempotent();
        let response = self.send(call).await.map_err(|error| {
            match !may_repeat && error.may_have_arrived() {
                true => with_note(error, MAY_BE_PROCESSED),
                false => error,
            }
        })?;
        let is_repeated = response.repeated && !may_repeat;
        if response.status.is_success() {
            if http::is_web_page(&response) {
                return Err(self.transport.foreign(&response));
            }
            if is_repeated {
                let tries = response.tries;
                tracing::warn!(
                    "the request succeeded after {tries} tries, and the service may have processed \
                     it more than once"
                );
            }
            return Ok(response);
        }
        let permission = match &self.auth {
            ResourceAuth::Key(_) => Permission::Signature,
            #[cfg(feature = "azure-identity")]
            ResourceAuth::Entra(_) => Permission::Owner,
            ResourceAuth::User(_) => Permission::User,
        };
        let error = self.transport.refusal(permission, &response);
        let error = about_request(error, request, &response);
        Err(match is_repeated {
            true => with_note(error, MAY_BE_PROCESSED),
            false => error,
        })
    }
}

const MAY_BE_PROCESSED: &str = "The service may have processed the request. Check the result before \
     you send it again.";

fn with_note(error: Error, note: &str) -> Error {
    let hint = format!("{} {note}", error.hint());
    error.with_hint(hint)
}

/// Replaces advice on acspass's own requests by advice on a request that the caller wrote.
fn about_request(error: Error, request: &ApiRequest, response: &Response) -> Error {
    // The response of another server is not about the request.
    if error.kind() != Kind::Refused {
        return error;
    }
    let details = error.service_response();
    let code = details.and_then(|details| details.code.as_deref());
    let field = details.and_then(|details| details.target.as_deref());
    match (response.status.as_u16(), code) {
        (400, Some("ApiVersionUnspecified" | "UnsupportedApiVersion")) => {
            let supported = response.headers.get("api-supported-versions");
            let supported = supported.and_then(|versions| versions.to_str().ok());
            let hint = match supported {
                Some(versions) => format!(
                    "Add `--api-version VERSION` with one of: {}.",
                    one_line(versions, 300)
                ),
                None => "Add `--api-version VERSION` with a version that the operation has.".into(),
            };
            error
                .with_message("the ACS resource does not support the api-version of the request")
                .with_hint(hint)
        }
        (400, Some("ValidationError")) => {
            let hint = match field {
                Some(field) => format!("Correct the field `{field}` of the request."),
                None => "Correct the fields of the request.".to_owned(),
            };
            error.with_hint(hint)
        }
        // A code of its own names what is missing.
        (404, None | Some("NotFound" | "ResourceNotFound")) => {
            let path = after_noun(request.target.path());
            error
                .with_message(format!("the ACS resource has no path {path}"))
                .with_hint("Check PATH and the api-version.")
        }
        (405, _) => error
            .with_message(format!(
                "the ACS resource does not accept {} for the path {}",
                request.method,
                after_noun(request.target.path())
            ))
            .with_hint("Use another method."),
        _ => error,
    }
}

fn with_version(
    target: RequestTarget,
    method: &Method,
    api_version: Option<&str>,
) -> Result<RequestTarget> {
    let given = target.count_parameters(API_VERSION);
    if given + usize::from(api_version.is_some()) > 1 {
        return Err(Error::usage(
            "the api-version is given more than once",
            "Give it once: by --api-version or in the query.",
        ));
    }
    match (api_version, given > 0) {
        (Some(""), _) => Err(Error::usage(
            "the api-version is empty",
            "Give a version, as in `--api-version 2025-06-30`, or leave out --api-version.",
        )),
        (_, true) => Ok(target),
        (Some(version), false) => Ok(target.with_parameter(API_VERSION, version)),
        (None, false) => match api_versions::of(method, target.path()) {
            Some(version) => Ok(target.with_parameter(API_VERSION, version)),
            None => Err(Error::usage(
                format!(
                    "no default api-version is known for the path {}",
                    after_noun(target.path())
                ),
                "Add `--api-version VERSION`.",
            )),
        },
    }
}

/// Returns the text of a parameter: a string without quotes.
fn parameter(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn object(fields: Vec<(String, Value)>) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for (name, value) in fields {
        let twice = || {
            Error::usage(
                format!("the field {} is given twice", after_noun(&name)),
                "Give each field once. For an array, add `[]` to its name, as in `scopes[]=chat`.",
            )
        };
        match name.strip_suffix("[]") {
            Some(array) => match object.entry(array).or_insert_with(|| Value::Array(vec![])) {
                Value::Array(elements) => elements.push(value),
                _ => return Err(twice()),
            },
            None if object.contains_key(&name) => return Err(twice()),
            None => {
                object.insert(name, value);
            }
        }
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(pairs: &[(&str, Value)]) -> Content {
        let pairs = pairs.iter();
        Content::Fields(
            pairs
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    }

    fn request(method: &str, path: &str, content: Content) -> ApiRequest {
        ApiRequest::new(method, path, content, None).expect(path)
    }

    #[test]
    fn fields_are_members_of_the_body_or_parameters_of_the_query() {
        let values = [
            ("scopes[]", json!("chat")),
            ("scopes[]", json!("voip")),
            ("expiresInMinutes", json!(60)),
        ];
        let sent = request("post", "/identities/x/:issueAccessToken", fields(&values));
        assert_eq!(
            sent.body,
            br#"{"expiresInMinutes":60,"scopes":["chat","voip"]}"#
        );
        assert_eq!(sent.content_type, Some(JSON));
        let sent = request("GET", "/access/entra/assignments", fields(&values));
        assert_eq!(
            sent.target.as_str(),
            "/access/entra/assignments?scopes%5B%5D=chat&scopes%5B%5D=voip&expiresInMinutes=60\
             &api-version=2025-03-02-preview"
        );
        assert!(sent.body.is_empty() && sent.content_type.is_none());
    }

    #[test]
    fn a_field_is_given_once() {
        for pairs in [
            &[("a", json!(1)), ("a", json!(2))][..],
            &[("a", json!(1)), ("a[]", json!(2))],
            &[("a[]", json!(1)), ("a", json!(2))],
        ] {
            let made = ApiRequest::new("POST", "/identities", fields(pairs), None);
            assert!(made.is_err(), "{pairs:?}");
        }
    }

    #[test]
    fn the_version_is_given_once_or_known() {
        let none = || Content::Fields(Vec::new());
        let target = |path: &str, version: Option<&str>| {
            let made = ApiRequest::new("GET", path, none(), version);
            made.map(|request| request.target.as_str().to_owned())
        };
        let own = target("/x?api-version=1", None).expect("a version");
        assert_eq!(own, "/x?api-version=1");
        let given = target("/x?a=b", Some("2")).expect("a version");
        assert_eq!(given, "/x?a=b&api-version=2");
        assert!(target("/x?API-Version=1", Some("2")).is_err());
        assert!(target("/phoneNumbers", None).is_err());
        let patch = request(
            "PATCH",
            "/access/entra/assignments",
            fields(&[("o", json!(null))]),
        );
        assert_eq!(patch.content_type, Some(MERGE_PATCH));
        assert_eq!(patch.body, br#"{"o":null}"#);
    }

    #[test]
    fn only_methods_with_a_body_take_one() {
        let body = || Content::Body(b"{}".to_vec());
        for method in METHODS {
            let made = ApiRequest::new(method, "/identities", body(), None);
            let takes = !["GET", "HEAD"].contains(&method);
            assert_eq!(made.is_ok(), takes, "{method}");
        }
        assert!(ApiRequest::new("TRACE", "/identities", body(), None).is_err());
    }
}

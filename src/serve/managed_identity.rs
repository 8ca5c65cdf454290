//! A managed identity for one command: the token endpoint of App Service, version 2019-08-01.
//!
//! Any `ManagedIdentityCredential` finds it by `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`. It returns the
//! Entra token of the configured scopes' resource, and no other one. The header has a secret of its
//! own, which opens no other route: a program that can be made to send requests cannot set a header.
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>

use axum::Json;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::form_urlencoded;

use crate::error::{Error, Result};
use crate::loopback::serve::Caller;
use crate::secret::ServiceSecret;
use crate::text::quoted;

use super::access::single;
use super::instance::{is_secret, new_secret};

/// The path of the endpoint, as in App Service.
pub(super) const PATH: &str = "/msi/token";
/// The header with the secret.
const HEADER: &str = "x-identity-header";
const API_VERSION: &str = "2019-08-01";
/// The parameters that select one of several identities, in all versions of the SDKs.
const SELECTORS: [&str; 6] = [
    "client_id",
    "clientid",
    "principal_id",
    "object_id",
    "mi_res_id",
    "msi_res_id",
];

/// The managed identity of a service.
pub struct ManagedIdentity {
    pub(super) scopes: Vec<String>,
    /// The scopes' resource, without a slash at its end.
    pub(super) resource: String,
    secret: ServiceSecret,
}

impl ManagedIdentity {
    /// An identity that gets Entra tokens for these scopes, with a new secret.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the scopes are not those of one resource;
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub fn new(scopes: &[String]) -> Result<ManagedIdentity> {
        let mut resources: Vec<&str> = scopes.iter().map(|scope| resource(scope)).collect();
        resources.dedup();
        let [resource] = resources[..] else {
            return Err(Error::usage(
                "a managed identity needs scopes of one resource",
                "Run `acspass config set scopes SCOPE` with scopes of one resource.",
            ));
        };
        Ok(ManagedIdentity {
            scopes: scopes.to_owned(),
            resource: resource.to_owned(),
            secret: new_secret()?,
        })
    }

    /// Returns the value of `IDENTITY_HEADER`.
    pub(super) fn secret(&self) -> &ServiceSecret {
        &self.secret
    }

    /// Checks the method and the secret of a request. Returns the response if the request is refused.
    pub(super) fn check(&self, request: &Parts) -> Option<Response> {
        let sent = single(&request.headers, HEADER);
        if !sent.is_some_and(|sent| is_secret(&self.secret, sent.as_bytes())) {
            let message = "the header X-IDENTITY-HEADER is missing or wrong";
            return Some(failure(StatusCode::UNAUTHORIZED, message));
        }
        Caller::trust(&request.extensions);
        let is_get = request.method == Method::GET;
        (!is_get).then(|| failure(StatusCode::METHOD_NOT_ALLOWED, "use GET"))
    }

    /// Checks the parameters. Returns the reason for a refusal.
    pub(super) fn check_query(&self, query: &str) -> std::result::Result<(), String> {
        let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let values = |name: &str| {
            let named = parameters.iter().filter(|(sent, _)| sent == name);
            let values: Vec<&str> = named.map(|(_, value)| value.as_ref()).collect();
            values
        };
        if values("api-version") != [API_VERSION] {
            return Err(format!("the parameter api-version must be {API_VERSION}"));
        }
        if SELECTORS.iter().any(|name| !values(name).is_empty()) {
            return Err(
                "No User Assigned or Delegated Managed Identity found for specified \
                 ClientId/ResourceId/PrincipalId. The only identity here is the user of acspass."
                    .to_owned(),
            );
        }
        match values("resource")[..] {
            [asked] if self.serves(asked) => Ok(()),
            [asked] => Err(format!(
                "the resource {} is not the one that acspass is configured for: {}",
                quoted(asked),
                self.resource
            )),
            _ => Err("the parameter resource is missing or repeated".to_owned()),
        }
    }

    /// Whether the text names the resource. An SDK sends a scope that is not `.default` as it is.
    fn serves(&self, asked: &str) -> bool {
        asked.strip_suffix('/').unwrap_or(asked) == self.resource
            || self.scopes.iter().any(|scope| scope == asked)
    }
}

/// Returns the resource of a scope: all but its last part.
fn resource(scope: &str) -> &str {
    scope
        .rsplit_once('/')
        .map_or(scope, |(resource, _)| resource)
}

/// Returns an error of the protocol.
pub(super) fn failure(status: StatusCode, message: &str) -> Response {
    let body = json!({"statusCode": status.as_u16(), "message": message});
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAMS: &str = "https://auth.msft.communication.azure.com";

    fn identity(scopes: &[&str]) -> Result<ManagedIdentity> {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        ManagedIdentity::new(&scopes)
    }

    #[test]
    fn only_the_configured_resource_is_served() {
        let calls = format!("{TEAMS}/Teams.ManageCalls");
        let chats = format!("{TEAMS}/Teams.ManageChats");
        let teams = identity(&[&calls, &chats]).expect("one resource");
        let clients = identity(&["https://communication.azure.com/clients/.default"]);
        let clients = clients.expect("one resource");
        for (identity, asked, is_served) in [
            (&teams, TEAMS, true),
            (&teams, "https://auth.msft.communication.azure.com/", true),
            (&teams, calls.as_str(), true),
            (&teams, "https://auth.msft.communication.azure.com//", false),
            (
                &teams,
                "https://auth.msft.communication.azure.com.evil.test",
                false,
            ),
            (
                &teams,
                "https://auth.msft.communication.azure.com/Other",
                false,
            ),
            (&teams, "https://AUTH.msft.communication.azure.com", false),
            (&teams, "https://graph.microsoft.com", false),
            (&teams, "https://communication.azure.com", false),
            (&teams, "", false),
            (&clients, "https://communication.azure.com/clients", true),
            (&clients, "https://communication.azure.com", false),
        ] {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("api-version", API_VERSION)
                .append_pair("resource", asked)
                .finish();
            assert_eq!(identity.check_query(&query).is_ok(), is_served, "{asked}");
        }
    }

    #[test]
    fn version_and_identity_are_checked_and_each_parameter_is_read_once() {
        let identity = identity(&[&format!("{TEAMS}/.default")]).expect("one resource");
        let right = format!("api-version={API_VERSION}&resource={TEAMS}");
        assert_eq!(identity.check_query(&right), Ok(()));
        assert_eq!(
            identity.check_query(&format!("{right}&bypass_cache=true")),
            Ok(())
        );
        for (more, reason) in [
            ("&client_id=x", "No User Assigned"),
            ("&principal_id=x", "No User Assigned"),
            ("&object_id=x", "No User Assigned"),
            ("&mi_res_id=x", "No User Assigned"),
            ("&resource=https://graph.microsoft.com", "repeated"),
            ("&api-version=2017-09-01", API_VERSION),
        ] {
            let refused = identity.check_query(&format!("{right}{more}"));
            assert!(refused.is_err_and(|text| text.contains(reason)), "{more}");
        }
        for query in ["", "api-version=2017-09-01&resource=x", "resource=x"] {
            let refused = identity.check_query(query);
            assert!(
                refused.is_err_and(|text| text.contains(API_VERSION)),
                "{query}"
            );
        }
    }

    #[test]
    fn scopes_of_two_resources_are_refused() {
        assert!(identity(&[&format!("{TEAMS}/a"), "https://graph.microsoft.com/b"]).is_err());
        assert!(identity(&[]).is_err());
    }
}

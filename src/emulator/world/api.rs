//! The APIs with their scopes: Microsoft's, and those that applications of the seed expose.

use std::sync::{Arc, LazyLock};

use super::application::Application;

/// An API with one of its identifiers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Api {
    /// The text before a scope's short name.
    pub(crate) prefix: String,
    /// The `aud` of its tokens.
    pub(crate) audience: String,
    pub(crate) scopes: Vec<String>,
    /// Whether its access tokens have version 2 (`requestedAccessTokenVersion`).
    pub(crate) has_v2_tokens: bool,
    /// The client id of its application. All identifiers of an API share it.
    pub(crate) application: String,
    /// The client ids and names of applications whose users need no consent to it.
    pub(crate) pre_authorized: Vec<String>,
}

/// The application id of Microsoft Graph.
const GRAPH_API: &str = "00000003-0000-0000-c000-000000000000";

/// The application id of the API "Azure Communication Services".
pub(crate) const TEAMS_API: &str = "1fd5118e-2576-4263-8130-9503064c837a";
/// The application id of the API "Azure Communication Services Clients".
pub(crate) const CLIENTS_API: &str = "2a04943b-b6a7-4f65-8786-2bb6131b59f6";

const TEAMS_URI: &str = "https://auth.msft.communication.azure.com";
const CLIENTS_URI: &str = "https://communication.azure.com/clients";
const RESOURCE_URI: &str = "https://communication.azure.com/";
const RESOURCE_URI_WITHOUT_SLASH: &str = "https://communication.azure.com";
/// The audiences of the Teams exchange's tokens.
pub(crate) const TEAMS_AUDIENCES: [&str; 2] = [TEAMS_URI, TEAMS_API];
/// The audiences of the clients' tokens.
pub(crate) const CLIENTS_AUDIENCES: [&str; 2] = [CLIENTS_URI, CLIENTS_API];
/// The audiences of tokens for the management of the resource.
pub(crate) const RESOURCE_AUDIENCES: [&str; 3] =
    [RESOURCE_URI, RESOURCE_URI_WITHOUT_SLASH, TEAMS_API];

const GRAPH_SCOPES: &[&str] = &["User.Read", "User.ReadBasic.All"];
const IMPERSONATION: &[&str] = &["user_impersonation"];
const CLIENTS_SCOPES: &[&str] = &[
    "VoIP",
    "VoIP.Join",
    "Chat",
    "Chat.Join",
    "Chat.Join.Limited",
];
const TEAMS_SCOPES: &[&str] = TEAMS_API_SCOPES.split_at(3).0;
const TEAMS_API_SCOPES: &[&str] = &[
    "Teams.ManageCalls",
    "Teams.ManageChats",
    "TeamsExtension.ManageCalls",
    "user_impersonation",
];

/// Prefix, audience, application and scopes of each of Microsoft's APIs, once for each of its
/// identifiers, because a token's audience is the requested one. Microsoft Graph is the first.
#[rustfmt::skip]
const MICROSOFT: [(&str, &str, &str, &[&str]); 9] = [
    ("https://graph.microsoft.com/", "https://graph.microsoft.com", GRAPH_API, GRAPH_SCOPES),
    ("https://graph.microsoft.com//", "https://graph.microsoft.com/", GRAPH_API, GRAPH_SCOPES),
    ("00000003-0000-0000-c000-000000000000/", GRAPH_API, GRAPH_API, GRAPH_SCOPES),
    ("https://auth.msft.communication.azure.com/", TEAMS_URI, TEAMS_API, TEAMS_SCOPES),
    ("https://communication.azure.com/clients/", CLIENTS_URI, CLIENTS_API, CLIENTS_SCOPES),
    // The service's identifier ends with a slash, hence two.
    ("https://communication.azure.com//", RESOURCE_URI, TEAMS_API, IMPERSONATION),
    ("https://communication.azure.com/", RESOURCE_URI_WITHOUT_SLASH, TEAMS_API, IMPERSONATION),
    ("1fd5118e-2576-4263-8130-9503064c837a/", TEAMS_API, TEAMS_API, TEAMS_API_SCOPES),
    ("2a04943b-b6a7-4f65-8786-2bb6131b59f6/", CLIENTS_API, CLIENTS_API, CLIENTS_SCOPES),
];

/// Microsoft's APIs, Microsoft Graph first.
pub(crate) static MICROSOFT_APIS: LazyLock<Vec<Arc<Api>>> = LazyLock::new(|| {
    let apis = MICROSOFT.into_iter();
    let apis = apis.map(|(prefix, audience, id, scopes)| Api::new(prefix, audience, id, scopes));
    apis.map(Arc::new).collect()
});

impl Api {
    fn new(prefix: &str, audience: &str, application: &str, scopes: &[&str]) -> Api {
        Api {
            prefix: prefix.to_owned(),
            audience: audience.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            has_v2_tokens: false,
            application: application.to_owned(),
            pre_authorized: Vec::new(),
        }
    }

    /// Returns whether the users of this application need no consent to the API.
    pub(crate) fn pre_authorizes(&self, application: &Application) -> bool {
        self.pre_authorized.iter().any(|name| {
            name.eq_ignore_ascii_case(&application.client_id) || *name == application.name
        })
    }

    /// Returns the identifier before the slash of a scope.
    pub(crate) fn identifier(&self) -> &str {
        self.prefix.strip_suffix('/').unwrap_or(&self.prefix)
    }
}

//! The address of Microsoft Graph.

use url::Url;

/// The permission that a look-up needs.
const PERMISSION: &str = "User.ReadBasic.All";

/// The address of Microsoft Graph in one cloud, and the name of its API there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphAddress {
    url: Url,
    api: &'static str,
}

impl GraphAddress {
    /// Returns Graph at this URL, whose path is ignored. `api` is the beginning of its scopes, such as
    /// `https://graph.microsoft.com`.
    pub fn new(url: Url, api: &'static str) -> Self {
        GraphAddress { url, api }
    }

    /// Returns the URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the beginning of the scopes.
    pub fn api(&self) -> &'static str {
        self.api
    }

    /// Returns the Entra scope of a look-up.
    pub fn scope(&self) -> String {
        format!("{}/{PERMISSION}", self.api)
    }
}

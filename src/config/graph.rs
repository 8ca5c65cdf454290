//! The address of Microsoft Graph that belongs to the authority.

use super::cloud::Cloud;
use super::resolve::Config;
use crate::error::{Error, Result};
use crate::graph::GraphAddress;

impl Config {
    /// Returns Microsoft Graph of the authority's cloud. An authority that is not one of Microsoft's,
    /// such as an emulator, has Graph at its own host: it has issued the token that is sent there.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) for a cloud without Graph.
    pub fn graph(&self) -> Result<GraphAddress> {
        let api = match self.cloud {
            None => Cloud::Public.graph(),
            Some(cloud) => cloud.graph(),
        };
        let api = api.ok_or_else(|| {
            Error::usage(
                "the German cloud was closed in October 2021",
                "Run `acspass config unset authority-host`. Its tenants are in the public cloud now.",
            )
        })?;
        let url = match self.cloud {
            None => self.authority.url().clone(),
            Some(_) => api
                .parse()
                .map_err(|_| Error::internal("the address of Graph is not a URL"))?,
        };
        Ok(GraphAddress::new(url, api))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::config::{Config, Profile, Sources};

    #[test]
    fn graph_is_at_the_host_of_the_cloud_or_of_the_authority_itself() {
        let permission = "User.ReadBasic.All";
        for (authority, url, api) in [
            (
                "https://login.microsoftonline.com",
                "https://graph.microsoft.com/",
                "https://graph.microsoft.com",
            ),
            (
                "https://login.microsoftonline.us",
                "https://graph.microsoft.us/",
                "https://graph.microsoft.us",
            ),
            (
                "http://localhost:8485",
                "http://localhost:8485/",
                "https://graph.microsoft.com",
            ),
            (
                "https://login.microsoftonline.com.evil.test",
                "https://login.microsoftonline.com.evil.test/",
                "https://graph.microsoft.com",
            ),
        ] {
            let variables =
                BTreeMap::from([("AZURE_AUTHORITY_HOST".to_owned(), authority.to_owned())]);
            let profile = Profile::default();
            let sources = Sources::new(&variables, &profile);
            let config = Config::resolve("default".to_owned(), &sources).expect("a configuration");
            let address = config.graph().expect("an address");
            assert_eq!(address.url().as_str(), url);
            assert_eq!(
                address.scope(),
                format!("{api}/{permission}"),
                "{authority}"
            );
        }
    }
}

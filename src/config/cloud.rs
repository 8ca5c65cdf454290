//! Microsoft's clouds, which have nothing to do with each other: a tenant, an application and an
//! ACS resource are in one of them.
//!
//! Hosts as in Microsoft's list of national clouds, with the aliases that MSAL knows (msal-common
//! 16.16.1, AuthorityMetadata.ts). ACS's hosts are those that its SDKs name.

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cloud {
    /// The public one.
    Public,
    /// Azure Government.
    UsGovernment,
    /// Operated by 21Vianet.
    China,
    /// Closed since 29 October 2021.
    Germany,
}

impl Cloud {
    /// Returns the cloud of this Entra host; `None` if it is not one of Microsoft's.
    pub fn of_authority(host: &str) -> Option<Cloud> {
        Some(match host.to_ascii_lowercase().as_str() {
            "login.microsoftonline.com"
            | "login.windows.net"
            | "login.microsoft.com"
            | "sts.windows.net" => Cloud::Public,
            "login.microsoftonline.us"
            | "login.usgovcloudapi.net"
            | "login-us.microsoftonline.com" => Cloud::UsGovernment,
            "login.partner.microsoftonline.cn" | "login.chinacloudapi.cn" => Cloud::China,
            "login.microsoftonline.de" => Cloud::Germany,
            _ => return None,
        })
    }

    /// Returns the cloud of this ACS host; `None` if it is not one of ACS's.
    pub(super) fn of_service(host: &str) -> Option<Cloud> {
        let is_below = |domain: &str| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if is_below("communication.azure.com") {
            Some(Cloud::Public)
        } else if is_below("communication.azure.us") {
            Some(Cloud::UsGovernment)
        } else {
            None
        }
    }

    /// Returns its common name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Cloud::Public => "public cloud",
            Cloud::UsGovernment => "US Government cloud",
            Cloud::China => "China cloud",
            Cloud::Germany => "German cloud",
        }
    }

    /// Its authority, as it is written in a setting.
    pub(super) fn authority(self) -> &'static str {
        match self {
            Cloud::Public => "https://login.microsoftonline.com",
            Cloud::UsGovernment => "https://login.microsoftonline.us",
            Cloud::China => "https://login.partner.microsoftonline.cn",
            Cloud::Germany => "https://login.microsoftonline.de",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_belong_to_their_cloud_and_look_alikes_to_none() {
        for cloud in [
            Cloud::Public,
            Cloud::UsGovernment,
            Cloud::China,
            Cloud::Germany,
        ] {
            let host = cloud.authority().trim_start_matches("https://");
            assert_eq!(Cloud::of_authority(host), Some(cloud));
        }
        assert_eq!(Cloud::of_authority("localhost"), None);
        assert_eq!(
            Cloud::of_authority("login.microsoftonline.us.evil.test"),
            None
        );
        for (host, cloud) in [
            ("contoso.communication.azure.com", Some(Cloud::Public)),
            ("communication.azure.com", Some(Cloud::Public)),
            (
                "auth.msft.communication.azure.us",
                Some(Cloud::UsGovernment),
            ),
            ("evilcommunication.azure.com", None),
            ("communication.azure.com.evil.test", None),
            ("localhost", None),
        ] {
            assert_eq!(Cloud::of_service(host), cloud, "{host}");
        }
    }
}

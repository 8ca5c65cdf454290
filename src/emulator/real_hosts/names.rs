//! The hosts of Entra ID, Microsoft Graph and ACS resources, by cloud.

/// The hosts of one cloud.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cloud {
    /// The authority host, and then its aliases.
    pub(crate) entra: &'static [&'static str],
    /// The host in whose cache MSAL keeps the tokens of all of these.
    pub(crate) cache: &'static str,
    /// The name of the cloud in metadata.
    pub(crate) name: &'static str,
    /// Scheme and host of the issuer of version 1, if it is not the authority.
    pub(crate) v1_issuer: Option<&'static str>,
    /// The host of Microsoft Graph.
    pub(crate) graph: &'static str,
    /// The domain below which each resource has its host.
    pub(crate) resources: &'static str,
}

/// The public cloud and that of the US Government.
pub(crate) static CLOUDS: [Cloud; 2] = [
    Cloud {
        entra: &[
            "login.microsoftonline.com",
            "login.windows.net",
            "login.microsoft.com",
            "sts.windows.net",
        ],
        cache: "login.windows.net",
        name: "microsoftonline.com",
        v1_issuer: Some("https://sts.windows.net"),
        graph: "graph.microsoft.com",
        resources: "communication.azure.com",
    },
    Cloud {
        entra: &["login.microsoftonline.us", "login.usgovcloudapi.net"],
        cache: "login.microsoftonline.us",
        name: "microsoftonline.us",
        v1_issuer: None,
        graph: "graph.microsoft.us",
        resources: "communication.azure.us",
    },
];

/// The data locations that are part of a resource's host, as in
/// `NAME.europe.communication.azure.com`. A certificate needs one wildcard for each.
const LOCATIONS: [&str; 17] = [
    "africa",
    "asiapacific",
    "australia",
    "brazil",
    "canada",
    "europe",
    "france",
    "germany",
    "india",
    "japan",
    "korea",
    "norway",
    "switzerland",
    "uae",
    "uk",
    "unitedstates",
    "usgov",
];

/// The service that a host belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site<'h> {
    /// Entra ID of a cloud.
    Entra(&'static Cloud),
    /// Microsoft Graph.
    Graph,
    /// The ACS resource of this name.
    Resource(&'h str),
}

impl Site<'_> {
    /// Returns the service of a host name without port. The name may end with the root's dot.
    pub(crate) fn of(host: &str) -> Option<Site<'_>> {
        let host = host.strip_suffix('.').unwrap_or(host);
        CLOUDS.iter().find_map(|cloud| {
            if cloud.entra.iter().any(|own| own.eq_ignore_ascii_case(host)) {
                return Some(Site::Entra(cloud));
            }
            if cloud.graph.eq_ignore_ascii_case(host) {
                return Some(Site::Graph);
            }
            let labels = below(host, cloud.resources)?;
            Some(Site::Resource(labels.split('.').next().unwrap_or(labels)))
        })
    }
}

/// Returns the labels of a host below this domain, if it is one with all labels non-empty.
pub(crate) fn below<'h>(host: &'h str, domain: &str) -> Option<&'h str> {
    let length = host.len().checked_sub(domain.len())?;
    let (labels, end) = (host.get(..length)?, host.get(length..)?);
    let labels = labels.strip_suffix('.')?;
    let is_below = end.eq_ignore_ascii_case(domain) && labels.split('.').all(|l| !l.is_empty());
    is_below.then_some(labels)
}

/// Returns all of these hosts as names of the emulator; `*.` at the start stands for any labels.
pub(crate) fn host_names() -> impl Iterator<Item = String> {
    let domains = CLOUDS.iter().map(|cloud| format!("*.{}", cloud.resources));
    named_hosts().map(str::to_owned).chain(domains)
}

/// Returns the hosts with one name.
pub(crate) fn named_hosts() -> impl Iterator<Item = &'static str> {
    let named = CLOUDS.iter();
    named.flat_map(|cloud| cloud.entra.iter().copied().chain([cloud.graph]))
}

/// Returns the names in a certificate for this name of the emulator: a wildcard stands for one label
/// there (RFC 6125, section 6.4.3).
pub(crate) fn certified(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    if let Some(domain) = name.strip_prefix("*.") {
        names.extend(LOCATIONS.map(|location| format!("*.{location}.{domain}")));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_belongs_to_its_service() {
        for host in [
            "login.microsoftonline.com",
            "STS.windows.net",
            "login.windows.net.",
        ] {
            assert_eq!(Site::of(host), Some(Site::Entra(&CLOUDS[0])), "{host}");
        }
        let government = Site::of("login.microsoftonline.us");
        assert_eq!(government, Some(Site::Entra(&CLOUDS[1])));
        for host in [
            "contoso.communication.azure.com",
            "contoso.europe.communication.azure.com",
            "contoso.Communication.Azure.US",
            "contoso.communication.azure.com.",
        ] {
            assert_eq!(Site::of(host), Some(Site::Resource("contoso")), "{host}");
        }
        for host in ["graph.microsoft.com", "Graph.Microsoft.US."] {
            assert_eq!(Site::of(host), Some(Site::Graph), "{host}");
        }
        for other in [
            "",
            ".",
            "communication.azure.com",
            ".communication.azure.com",
            "a..communication.azure.com",
            "xcommunication.azure.com",
            "a.communication.azure.com.evil.test",
            "login.microsoftonline.com.evil.test",
            "x.login.microsoftonline.com",
            "x.graph.microsoft.com",
            "graph.microsoft.com.evil.test",
            "localhost",
            "ö.communication.azure.co",
        ] {
            assert_eq!(Site::of(other), None, "{other}");
        }
    }
}

//! Text that can be published: the names of tenant, application, resource and user are shortened.

use crate::config::Config;
use crate::loopback;

/// The private names, each with its replacement.
#[derive(Debug, Default)]
pub struct Public(Vec<(String, String)>);

impl Public {
    /// Hides the names of the configuration, and the user's home folder, which contains the user name.
    pub fn new(config: Option<&Config>, home: Option<&str>) -> Public {
        let mut hidden = Vec::new();
        if let Some(config) = config {
            let tenant = config.authority.tenant();
            if !["organizations", "common", "consumers"].contains(&tenant) {
                hidden.push((tenant.to_owned(), short(tenant)));
            }
            if let Some(client_id) = &config.client_id {
                hidden.push((client_id.clone(), short(client_id)));
            }
            let host = config.resource_unchecked().ok();
            let host = host.map(|resource| resource.endpoint.host_header());
            if let Some(host) = host.filter(|host| is_somewhere(host))
                && let Some((name, rest)) = host.split_once('.')
            {
                hidden.push((host.clone(), format!("{}.{rest}", short(name))));
            }
        }
        if let Some(home) = home.map(|home| home.trim_end_matches('/')) {
            hidden.extend((home.len() > 1).then(|| (home.to_owned(), "~".to_owned())));
        }
        // Longer names first: they may contain shorter ones.
        hidden.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Public(hidden)
    }

    /// Returns the text with the replacements.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, instead) in &self.0 {
            text = text.replace(name, instead);
        }
        text
    }
}

fn short(name: &str) -> String {
    let most = (name.chars().count() / 2).min(4);
    let start: String = name.chars().take(most).collect();
    format!("{start}…")
}

fn is_somewhere(host: &str) -> bool {
    !loopback::is_loopback_host(host.rsplit_once(':').map_or(host, |(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_folder_names_nobody() {
        let public = Public::new(None, Some("/home/ada/"));
        assert_eq!(
            public.text("/home/ada/.config/acspass"),
            "~/.config/acspass"
        );
        assert_eq!(Public::new(None, Some("/")).text("/etc"), "/etc");
    }

    #[test]
    fn a_name_is_never_shown_whole() {
        for name in [
            "a",
            "ab.c",
            "contoso.com",
            "11111111-2222-3333-4444-555555555555",
        ] {
            assert!(short(name).chars().count() <= 5, "{}", short(name));
            assert!(!short(name).contains(name));
        }
    }
}

//! The result of one check, and its text without private names.

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::loopback;

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Correct.
    Ok,
    /// It works, with a possible surprise.
    Warn,
    /// It does not work; the kind is that of a command's error.
    Fail(Kind),
    /// Not checked.
    Skipped,
}

impl Outcome {
    /// The name in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Warn => "warn",
            Outcome::Fail(_) => "fail",
            Outcome::Skipped => "skipped",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The subject.
    pub name: &'static str,
    /// The outcome.
    pub outcome: Outcome,
    /// The finding.
    pub finding: String,
    /// The advice, if an action is possible.
    pub advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, finding: impl Into<String>) -> Check {
        Check {
            name,
            outcome: Outcome::Ok,
            finding: finding.into(),
            advice: None,
        }
    }

    /// A check that was not made, with the reason.
    pub fn skipped(name: &'static str, why: impl Into<String>) -> Check {
        Check {
            outcome: Outcome::Skipped,
            ..Check::ok(name, why)
        }
    }

    pub(super) fn warn(
        name: &'static str,
        finding: impl Into<String>,
        advice: impl Into<String>,
    ) -> Check {
        Check {
            outcome: Outcome::Warn,
            advice: Some(advice.into()),
            ..Check::ok(name, finding)
        }
    }

    /// A check that failed with this error.
    pub fn failed(name: &'static str, error: &Error) -> Check {
        // Other characters stay, so that the home folder is still recognised and hidden.
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        let finding = format!("{error}{}", cause.unwrap_or_default());
        Check {
            outcome: Outcome::Fail(error.kind()),
            ..Check::warn(name, one_line(&finding), one_line(error.hint()))
        }
    }

    /// The kind of the failure, if it failed.
    pub fn failure(&self) -> Option<Kind> {
        match self.outcome {
            Outcome::Fail(kind) => Some(kind),
            Outcome::Ok | Outcome::Warn | Outcome::Skipped => None,
        }
    }
}

/// Returns the first check that failed: each depends on those before.
pub fn explanation(checks: &[Check]) -> Option<(&Check, Kind)> {
    checks
        .iter()
        .find_map(|check| Some((check, check.failure()?)))
}

/// Text that can be published: the names of tenant, application, resource and user are shortened.
#[derive(Debug, Default)]
pub struct Public(
    /// The private names, each with its replacement.
    Vec<(String, String)>,
);

impl Public {
    /// Hides the names of the configuration, and the user's home folder, which contains the user name.
    pub fn new(config: Option<&Config>, home: Option<&str>) -> Public {
        let mut hidden = Vec::new();
        if let Some(config) = config {
            let tenant = config.authority.tenant();
            if !["organizations", "common", "consumers"].contains(&tenant) {
                hidden.push((tenant.to_owned(), short(tenant)));
            }
            let client_id = config.client_id.iter();
            hidden.extend(client_id.map(|id| (id.clone(), short(id))));
            let host = config.resource_unchecked();
            let host = host.map(|resource| resource.endpoint.host_header());
            let service = config.exchange_service_unchecked();
            let service = service.map(|service| service.url.host_and_port());
            for host in [host, service].into_iter().flatten() {
                if is_somewhere(&host)
                    && let Some((name, rest)) = host.split_once('.')
                {
                    hidden.push((host.clone(), format!("{}.{rest}", short(name))));
                }
            }
        }
        if let Some(home) = home.map(|home| home.trim_end_matches('/'))
            && home.len() > 1
        {
            hidden.push((home.to_owned(), "~".to_owned()));
        }
        // Longer names first: they may contain shorter ones.
        hidden.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Public(hidden)
    }

    /// Returns the text with the replacements.
    pub fn text(&self, text: &str) -> String {
        let hidden = self.0.iter();
        hidden.fold(text.to_owned(), |text, (name, instead)| {
            text.replace(name, instead)
        })
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
    fn home_folder_is_replaced_in_findings() {
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

//! Checks a change of one profile before it is written.
//!
//! A value is right or wrong only within its profile: a redirect URI that no listener can serve is
//! right with `sign-in = "paste"`, and a scope must be of the authority's cloud. So the settings are
//! checked in groups that depend on each other. A change is refused if it causes a problem; a problem
//! that was there before is reported, and keeps no other change from being made.

use std::collections::BTreeMap;

use super::cloud::parse_scopes;
use super::hint::at_source;
use super::profile::Profile;
use super::resolve::Config;
use super::setting::Setting;
use super::sources::Sources;
use crate::acs::Endpoint;
use crate::entra::Authority;
use crate::entra::redirect::PasteUri;
use crate::error::{Error, Result};
use crate::exchange_client::ServiceUrl;
use crate::text::as_sentence;

/// A change of one setting of a profile.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// The setting gets this value.
    Set(Setting, &'a str),
    /// The setting is removed.
    Unset(Setting),
}

/// Settings that are checked together.
type Group = &'static [Setting];

/// The settings that depend on each other.
const REDIRECT: Group = &[Setting::SignIn, Setting::RedirectUri];
const SCOPES: Group = &[
    Setting::AuthorityHost,
    Setting::Exchange,
    Setting::ExchangeServiceScope,
    Setting::OnBehalfOf,
    Setting::Scopes,
];

/// Checks a change of `profile`. The change may fit the profile alone, or the profile with this
/// environment. Returns warnings about the remaining faults.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if the value is wrong, or the change contradicts another
/// setting. The hint then names the first step.
pub fn check_change(
    profile: &Profile,
    change: Change<'_>,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<String>> {
    let mut environment = environment.clone();
    // The variable of the setting itself hides the value that is under check.
    let own = change.setting().variables();
    environment.retain(|name, _| !own.contains(&name.as_str()));
    let (alone, _) = change.problems(profile, &BTreeMap::new());
    let (here, remaining) = change.problems(profile, &environment);
    let warning =
        |place: &str, error: &Error| format!("{place}: {error}. {}", as_sentence(error.hint()));
    Ok(match (alone, here) {
        (Some(error), Some(_)) => return Err(error),
        (Some(error), None) => vec![warning(
            "the profile is valid only with the environment variables of this shell",
            &error,
        )],
        (None, Some(error)) => {
            let place = "the profile conflicts with the environment variables of this shell";
            let sources = Sources::new(&environment, profile);
            vec![at_source(&warning(place, &error), &sources)]
        }
        (None, None) => {
            let place = "the profile has another problem";
            let warnings = remaining.iter().map(|error| warning(place, error));
            warnings.collect()
        }
    })
}

impl Change<'_> {
    fn setting(self) -> Setting {
        match self {
            Change::Set(setting, _) | Change::Unset(setting) => setting,
        }
    }

    /// The problem that forbids the change, and those that were there before.
    fn problems(
        self,
        profile: &Profile,
        environment: &BTreeMap<String, String>,
    ) -> (Option<Error>, Vec<Error>) {
        let setting = self.setting();
        let sources = Sources::new(environment, profile);
        let before: Vec<Group> = problems(sources).map(|(group, _)| group).collect();
        let argument = match self {
            Change::Set(setting, text) => Some((setting, text)),
            Change::Unset(_) => None,
        };
        let after = Sources {
            argument,
            profile: &profile.without(setting),
            ..sources
        };
        let (own, others): (Vec<_>, Vec<_>) = problems(after).partition(|(group, _)| {
            argument.is_some_and(|(set, _)| group.contains(&set)) || !before.contains(group)
        });
        let own = own.into_iter().next();
        let others = others.into_iter().map(|(_, error)| error).collect();
        (
            own.map(|(group, error)| self.explained(group, error)),
            others,
        )
    }

    /// Returns the error, with the first command if two settings contradict each other.
    fn explained(self, group: Group, error: Error) -> Error {
        let hint = match self.setting() {
            _ if group != REDIRECT => return error,
            Setting::RedirectUri => {
                "Use an address like http://localhost:8080/redirect, exactly as it is registered. \
                 For any other address, run `acspass config set sign-in paste` first."
            }
            _ => "Run `acspass config unset redirect-uri` first.",
        };
        let message = "this `redirect-uri` requires `sign-in = \"paste\"`";
        Error::usage(message, hint).caused_by(error)
    }
}

/// Returns one problem for each group: first each setting alone, then those that depend on each
/// other. A group with a problem in one of its parts is not checked.
fn problems(sources: Sources<'_>) -> impl Iterator<Item = (Group, Error)> {
    let mut found: Vec<(Group, Error)> = Vec::new();
    for group in Setting::ALL.chunks(1).chain([SCOPES, REDIRECT]) {
        let is_explained = |(part, _): &(Group, Error)| part.iter().all(|one| group.contains(one));
        if found.iter().any(is_explained) {
            continue;
        }
        let sources = Sources {
            restricted_to: Some(group),
            ..sources
        };
        if let Err(error) = check(group, &sources) {
            found.push((group, error));
        }
    }
    found.into_iter()
}

/// Checks these settings as if no others were set.
fn check(group: Group, sources: &Sources<'_>) -> Result<()> {
    match group {
        // Whether these are right depends on their groups; alone, only their form counts.
        [host @ Setting::AuthorityHost] => {
            let authority = |host: &str| Authority::new(host, "organizations");
            sources.parse(*host, authority).map(drop)
        }
        [scopes @ Setting::Scopes] => sources.parse(*scopes, parse_scopes).map(drop),
        [uri @ Setting::RedirectUri] => sources.parse(*uri, PasteUri::parse).map(drop),
        [url @ Setting::ExchangeService] => sources.parse(*url, ServiceUrl::parse).map(drop),
        // It is parsed when the resource is used.
        [endpoint @ Setting::Endpoint] => sources.parse(*endpoint, Endpoint::parse).map(drop),
        _ => Config::resolve(String::new(), sources).map(drop),
    }
}

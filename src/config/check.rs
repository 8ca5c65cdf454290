//! Checks a change of one profile before it is written.
//!
//! A value is right or wrong only within its profile: a redirect URI that no listener can serve is
//! right with `sign-in = "paste"`, and a scope must be of the authority's cloud. So the settings are
//! checked in groups that depend on each other. A change is refused if it causes a problem; a problem
//! that was there before is reported, and keeps no other change from being made.

use std::collections::BTreeMap;

use super::profile::Profile;
use super::resolve::Config;
use super::scopes::parse_scopes;
use super::setting::Setting;
use super::sources::{Sources, with_origin};
use crate::acs::Endpoint;
use crate::entra::Authority;
use crate::entra::redirect::PasteUri;
use crate::error::{Error, Kind, Result};

/// A change of one setting of a profile.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// The setting gets this value.
    Set(Setting, &'a str),
    /// The setting is removed.
    Unset(Setting),
}

/// The settings that are checked together, each group after the groups that it contains.
const GROUPS: [&[Setting]; 16] = [
    &[Setting::Tenant],
    &[Setting::ClientId],
    &[Setting::AuthorityHost],
    &[Setting::Exchange],
    &[Setting::Endpoint],
    &[Setting::AllowEndpoint],
    &[Setting::AllowOrigin],
    &[Setting::Store],
    &[Setting::MinValidity],
    &[Setting::SignIn],
    &[Setting::Port],
    &[Setting::Cae],
    &[Setting::Scopes],
    &[Setting::RedirectUri],
    &[Setting::AuthorityHost, Setting::Exchange, Setting::Scopes],
    &[Setting::SignIn, Setting::RedirectUri],
];

/// The fault of a group of settings.
struct Problem {
    group: &'static [Setting],
    error: Error,
}

/// Settings under check: typed ones before those of the profile, and the environment between them.
struct Settings<'a> {
    typed: BTreeMap<Setting, String>,
    environment: &'a BTreeMap<String, String>,
    profile: Profile,
}

/// Checks a change of `profile`. The change may fit the profile alone, or the profile with this
/// environment. Returns warnings about the remaining faults.
///
/// # Errors
/// [`Kind::Usage`] if the value is wrong, or the change contradicts another setting. The hint then
/// names the first step.
pub fn check_change(
    profile: &Profile,
    change: Change<'_>,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<String>> {
    let setting = change.setting();
    // The variable of the setting itself hides the value that is under check.
    let others = |name: &String| !setting.variables().contains(&name.as_str());
    let environment = environment
        .iter()
        .filter(|(name, _)| others(name))
        .map(|(name, text)| (name.clone(), text.clone()))
        .collect();
    let nothing = BTreeMap::new();
    let (alone, _) = change.problems(profile, &nothing);
    let (here, remaining) = change.problems(profile, &environment);
    let warning =
        |place: &str, error: &Error| format!("{place}: {error}. {}", sentence(error.hint()));
    match (alone, here) {
        (Some(error), Some(_)) => Err(error),
        (Some(error), None) => Ok(vec![warning(
            "the profile fits only the variables that are set here",
            &error,
        )]),
        (None, Some(error)) => Ok(vec![warning(
            "the profile does not fit the variables that are set here",
            &error,
        )]),
        (None, None) => Ok(remaining
            .iter()
            .map(|error| warning("the profile has another problem", error))
            .collect()),
    }
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
        let before = Settings {
            typed: BTreeMap::new(),
            environment,
            profile: profile.clone(),
        };
        let after = Settings {
            typed: match self {
                Change::Set(setting, text) => BTreeMap::from([(setting, text.to_owned())]),
                Change::Unset(_) => BTreeMap::new(),
            },
            environment,
            profile: profile.keeping(|known| known != setting),
        };
        let before: Vec<&[Setting]> = before
            .problems()
            .iter()
            .map(|problem| problem.group)
            .collect();
        let is_set = matches!(self, Change::Set(..));
        let (own, others): (Vec<Problem>, Vec<Problem>) =
            after.problems().into_iter().partition(|problem| {
                let concerns_value = is_set && problem.group.contains(&setting);
                concerns_value || !before.contains(&problem.group)
            });
        (
            own.into_iter()
                .next()
                .map(|problem| self.explained(problem)),
            others.into_iter().map(|problem| problem.error).collect(),
        )
    }

    /// Returns the error, with the first command if two settings contradict each other.
    fn explained(self, problem: Problem) -> Error {
        let is_about_redirect = problem.group == [Setting::SignIn, Setting::RedirectUri];
        let hint = match self.setting() {
            _ if !is_about_redirect => return problem.error,
            Setting::RedirectUri => {
                "run `acspass config set sign-in paste` first if the user pastes the address; else \
                 write it like http://localhost:8080/redirect, exactly as it is registered"
            }
            _ => "run `acspass config unset redirect-uri` first",
        };
        Error::new(
            Kind::Usage,
            "the redirect address needs `sign-in = \"paste\"`",
            hint,
        )
        .caused_by(problem.error)
    }
}

impl Settings<'_> {
    /// Returns one problem for each group. A group with a problem in one of its parts is not checked.
    fn problems(&self) -> Vec<Problem> {
        let mut found: Vec<Problem> = Vec::new();
        for group in GROUPS {
            let is_explained = found
                .iter()
                .any(|problem| problem.group.iter().all(|part| group.contains(part)));
            if is_explained {
                continue;
            }
            if let Err(error) = self.check(group) {
                found.push(Problem { group, error });
            }
        }
        found
    }

    /// Checks these settings as if no others were set.
    fn check(&self, group: &[Setting]) -> Result<()> {
        let typed = self.typed.clone().into_iter();
        let typed = typed
            .filter(|(setting, _)| group.contains(setting))
            .collect();
        let is_of_group = |name: &String| {
            group
                .iter()
                .any(|of| of.variables().contains(&name.as_str()))
        };
        let environment = self.environment.clone().into_iter();
        let environment = environment.filter(|(name, _)| is_of_group(name)).collect();
        let sources = Sources {
            flags: &typed,
            emulator: &BTreeMap::new(),
            variables: &environment,
            profile: &self.profile.keeping(|setting| group.contains(&setting)),
        };
        let read = |setting, check: fn(&str) -> Result<()>| match sources.find(setting) {
            Some(found) => check(&found.text).map_err(|error| with_origin(error, &[&found])),
            None => Ok(()),
        };
        match group {
            // Whether these are right depends on their groups; alone, only their form counts.
            [Setting::AuthorityHost] => read(Setting::AuthorityHost, |text| {
                Authority::new(text, "organizations").map(drop)
            }),
            [Setting::Scopes] => read(Setting::Scopes, |text| parse_scopes(text).map(drop)),
            [Setting::RedirectUri] => {
                read(Setting::RedirectUri, |text| PasteUri::parse(text).map(drop))
            }
            // It is parsed when the resource is used.
            [Setting::Endpoint] => read(Setting::Endpoint, |text| Endpoint::parse(text).map(drop)),
            _ => Config::resolve(String::new(), &sources).map(drop),
        }
    }
}

/// Returns a hint as a sentence.
fn sentence(hint: &str) -> String {
    let mut chars = hint.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

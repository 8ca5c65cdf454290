//! The sources of the settings, in order of precedence.

use std::collections::BTreeMap;
use std::fmt;

use super::profile::Profile;
use super::setting::Setting;
use crate::error::Error;
use crate::input;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A command-line flag.
    Flag,
    /// This environment variable.
    Environment(&'static str),
    /// The profile's table in `config.toml`.
    Profile,
    /// The embedded emulator.
    Emulator,
    /// The default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Profile => f.write_str("profile"),
            Origin::Emulator => f.write_str("emulator"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value as text, and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The value; lists are joined by spaces.
    pub text: String,
    /// Its source.
    pub origin: Origin,
}

/// The sources of the settings, in order of precedence.
pub struct Sources<'a> {
    /// The flags.
    pub flags: &'a BTreeMap<Setting, String>,
    /// The settings of the embedded emulator.
    pub emulator: &'a BTreeMap<Setting, String>,
    /// The environment.
    pub variables: &'a BTreeMap<String, String>,
    /// The profile.
    pub profile: &'a Profile,
}

impl Sources<'_> {
    /// Returns the value of a setting, from the first source that has one.
    pub fn find(&self, setting: Setting) -> Option<Found> {
        let found = |text: &str, origin| Found {
            text: text.to_owned(),
            origin,
        };
        if let Some(text) = self.flags.get(&setting) {
            return Some(found(text, Origin::Flag));
        }
        if let Some(text) = self.emulator.get(&setting) {
            return Some(found(text, Origin::Emulator));
        }
        for name in setting.variables() {
            if let Some(text) = self.variable(name) {
                return Some(found(text, Origin::Environment(name)));
            }
        }
        if let Some(text) = self.profile.value(setting) {
            return Some(found(&text, Origin::Profile));
        }
        setting
            .default_text()
            .map(|text| found(text, Origin::Default))
    }

    /// Returns an environment variable, without white space and quotes around it (`docker --env-file` and
    /// cmd's `set` keep quotes). An empty one counts as unset.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(|text| input::bare(text))
            .filter(|text| !text.is_empty())
    }
}

/// Adds the sources of a wrong value as the error's cause.
pub(super) fn with_origin(error: Error, found: &[&Found]) -> Error {
    let set: Vec<String> = found
        .iter()
        .filter(|found| found.origin != Origin::Default)
        .map(|found| match &found.origin {
            Origin::Flag => "the command line".to_owned(),
            origin => origin.to_string(),
        })
        .collect();
    match set.is_empty() {
        true => error,
        false => error.caused_by(format!("the value comes from: {}", set.join(", "))),
    }
}

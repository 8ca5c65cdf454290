//! The sources of the settings, in order of precedence.

use std::collections::BTreeMap;
use std::fmt;

use super::profile::Profile;
use super::setting::Setting;
use crate::error::{Error, Result};
use crate::input;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A command-line flag.
    Flag,
    /// The argument of `config set`.
    Argument,
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
            Origin::Argument => f.write_str("argument"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Profile => f.write_str("profile"),
            Origin::Emulator => f.write_str("emulator"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value as text, and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingValue {
    /// The value; lists are joined by spaces.
    pub text: String,
    /// Its source.
    pub origin: Origin,
    /// The flag, the variable or the setting that has the value, for an error.
    place: Option<String>,
}

impl SettingValue {
    /// Creates a value.
    pub fn new(text: impl Into<String>, origin: Origin) -> SettingValue {
        SettingValue {
            text: text.into(),
            origin,
            place: None,
        }
    }

    /// Parses the value. An error names its source.
    pub(super) fn parse<T>(&self, parse: impl Fn(&str) -> Result<T>) -> Result<T> {
        parse(&self.text).map_err(|error| self.explain(error))
    }

    /// Adds the source of a wrong value to the error's message.
    pub(super) fn explain(&self, error: Error) -> Error {
        let Some(place) = &self.place else {
            return error;
        };
        // The message "invalid port" of `config set port` names the setting already.
        let spaced = |text: &str| text.replace('-', " ");
        let names_setting = spaced(error.message()).contains(&spaced(place.trim_matches('`')));
        match self.origin == Origin::Argument && names_setting {
            true => error,
            false => with_source(error, place),
        }
    }
}

/// Adds the source of a wrong value to the error's message: the flag, the variable or the setting.
pub(crate) fn with_source(error: Error, place: &str) -> Error {
    let message = error.message();
    let names_value = message.starts_with("invalid ") || message.starts_with("unknown ");
    let message = match names_value && !message.contains(": ") {
        true => format!("{message} for {place}"),
        false => format!("{message} ({place})"),
    };
    error.with_message(message)
}

/// The sources of the settings, in order of precedence.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The setting that `config set` is about to write, for a check.
    pub argument: Option<(Setting, &'a str)>,
    /// The flags.
    pub flags: &'a BTreeMap<Setting, String>,
    /// The settings of the embedded emulator.
    pub emulator: &'a BTreeMap<Setting, String>,
    /// The environment.
    pub variables: &'a BTreeMap<String, String>,
    /// The profile.
    pub profile: &'a Profile,
    /// If it is set, every other setting has its default: for a check of some settings alone.
    pub restricted_to: Option<&'a [Setting]>,
}

static NONE: BTreeMap<Setting, String> = BTreeMap::new();

impl<'a> Sources<'a> {
    /// Returns these sources, without flags and emulator.
    pub fn new(variables: &'a BTreeMap<String, String>, profile: &'a Profile) -> Sources<'a> {
        Sources {
            argument: None,
            flags: &NONE,
            emulator: &NONE,
            variables,
            profile,
            restricted_to: None,
        }
    }

    /// Returns the value of a setting, from the first source that has one.
    pub fn find(&self, setting: Setting) -> Option<SettingValue> {
        let (text, origin) = match self.restricted_to {
            Some(only) if !only.contains(&setting) => None,
            _ => self.explicit_value(setting),
        }
        .or_else(|| Some((setting.default_text()?.to_owned(), Origin::Default)))?;
        let place = self.place(setting, &origin);
        Some(SettingValue {
            text,
            origin,
            place,
        })
    }

    /// Returns the name of a value's source, for an error.
    fn place(&self, setting: Setting, origin: &Origin) -> Option<String> {
        let key = setting.key();
        match origin {
            Origin::Flag => Some(setting.flag().unwrap_or(key).to_owned()),
            Origin::Argument => Some(format!("`{key}`")),
            Origin::Environment(name) => Some((*name).to_owned()),
            Origin::Profile => Some(format!("`{key}` in {}", self.profile.place())),
            Origin::Emulator | Origin::Default => None,
        }
    }

    fn explicit_value(&self, setting: Setting) -> Option<(String, Origin)> {
        if let Some((own, text)) = self.argument
            && own == setting
        {
            return Some((text.to_owned(), Origin::Argument));
        }
        let flag = self.flags.get(&setting).map(|text| (text, Origin::Flag));
        let given = flag.or_else(|| Some((self.emulator.get(&setting)?, Origin::Emulator)));
        given
            .map(|(text, origin)| (text.clone(), origin))
            .or_else(|| {
                setting.variables().iter().find_map(|name| {
                    let text = self.variable(name)?.to_owned();
                    Some((text, Origin::Environment(name)))
                })
            })
            .or_else(|| Some((self.profile.value(setting)?, Origin::Profile)))
    }

    /// Parses the value of a setting, if it has one.
    pub(super) fn parse<T>(
        &self,
        setting: Setting,
        parse: impl Fn(&str) -> Result<T>,
    ) -> Result<Option<T>> {
        self.find(setting)
            .map(|found| found.parse(parse))
            .transpose()
    }

    /// Returns the value of a setting that has a default.
    pub(super) fn required(&self, setting: Setting) -> Result<SettingValue> {
        self.find(setting)
            .ok_or_else(|| Error::internal(format!("`{}` has lost its default", setting.key())))
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

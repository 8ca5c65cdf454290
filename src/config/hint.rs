//! Changes the commands of a hint to the source that a setting has: `acspass config set` has no effect
//! on a value of an environment variable or of a flag.

use super::setting::{ACCESS_KEY_VARIABLE, Setting};
use super::sources::{Origin, Sources};
use crate::input;
use crate::text::with_commands;

/// Returns the hint with each `acspass config set` and `acspass config unset` changed to the source of
/// the value.
pub fn at_source(hint: &str, sources: &Sources<'_>) -> String {
    with_commands(hint, |command| {
        let (verb, rest) = command.strip_prefix("acspass config ")?.split_once(' ')?;
        let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let setting = Setting::from_key(key).ok()?;
        let origin = match setting {
            Setting::ConnectionString => Origin::Environment(resource_variable(sources)?),
            _ => sources.find(setting)?.origin,
        };
        match (verb, origin) {
            // A secret is not written into a shell's history.
            ("set", Origin::Environment(name)) if value.is_empty() => {
                Some(format!("{}` and `{command}", unset_command(name)))
            }
            ("set", Origin::Environment(name)) => Some(set_command(name, value)),
            ("unset", Origin::Environment(name)) => Some(unset_command(name)),
            ("set", Origin::Flag) => Some(format!(
                "{} {} {value}",
                command_with_flag(setting),
                setting.flag()?
            )),
            ("unset", Origin::Flag) => Some(format!(
                "{}` without `{}",
                command_with_flag(setting),
                setting.flag()?
            )),
            _ => None,
        }
    })
}

/// Returns the command that removes a variable from the shell.
pub fn unset_command(variable: &str) -> String {
    unset_variables(&[variable])
}

/// Returns the command that removes several variables from the shell.
pub fn unset_variables(variables: &[&str]) -> String {
    match cfg!(windows) {
        true => format!("Remove-Item Env:{}", variables.join(", Env:")),
        false => format!("unset {}", variables.join(" ")),
    }
}

fn set_command(variable: &str, value: &str) -> String {
    match cfg!(windows) {
        true => format!("$env:{variable} = \"{}\"", value.trim_matches('"')),
        false => format!("export {variable}={value}"),
    }
}

/// Returns the variable that has precedence over the resource of the profile.
fn resource_variable(sources: &Sources<'_>) -> Option<&'static str> {
    let [endpoint] = Setting::Endpoint.variables() else {
        return None;
    };
    let [first, second] = input::CONNECTION_STRING_VARIABLES;
    let is_set = |name: &&str| sources.variable(name).is_some();
    [first, second, endpoint, ACCESS_KEY_VARIABLE]
        .into_iter()
        .find(is_set)
}

/// Returns the command that has the flag of a setting.
fn command_with_flag(setting: Setting) -> &'static str {
    match setting {
        Setting::AllowOrigin => "acspass serve",
        Setting::MinValidity => "acspass get",
        _ => "acspass login",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Profile;

    #[test]
    #[cfg(not(windows))]
    fn command_changes_the_value_at_its_source() {
        let variables = [
            ("ACSPASS_TENANT_ID", "common"),
            ("COMMUNICATION_SERVICES_CONNECTION_STRING", "x"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (variables, profile) = (BTreeMap::from(variables), Profile::default());
        let flags = BTreeMap::from([
            (Setting::Scopes, "x".to_owned()),
            (Setting::Port, "1".to_owned()),
        ]);
        let sources = Sources {
            flags: &flags,
            ..Sources::new(&variables, &profile)
        };
        for (hint, expected) in [
            (
                "Run `acspass config set tenant organizations`.",
                "Run `export ACSPASS_TENANT_ID=organizations`.",
            ),
            (
                "Run `acspass config unset tenant` first.",
                "Run `unset ACSPASS_TENANT_ID` first.",
            ),
            (
                "Run `acspass config unset scopes`, or `acspass config set store file`.",
                "Run `acspass login` without `--scope`, or `acspass config set store file`.",
            ),
            (
                "Run `acspass config set port 0` to use a free port.",
                "Run `acspass login --port 0` to use a free port.",
            ),
            (
                "Run `acspass config set connection-string`, or `acspass config list`.",
                "Run `unset COMMUNICATION_SERVICES_CONNECTION_STRING` and `acspass config set \
                 connection-string`, or `acspass config list`.",
            ),
            (
                "Run `acspass config unset colour`.",
                "Run `acspass config unset colour`.",
            ),
        ] {
            assert_eq!(at_source(hint, &sources), expected);
        }
    }
}

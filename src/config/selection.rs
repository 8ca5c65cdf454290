//! Selects the profile of a command.

use std::collections::BTreeMap;

use super::file::ConfigFile;
use super::hint::unset_command;
use super::profile::{DEFAULT_PROFILE, Profile};
use super::sources::{Origin, with_source};
use crate::error::{Error, Result};
use crate::text::{quoted, shell_word, shown};

/// Returns the profile of the flag, else of the environment, else of the file.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if it is named and does not exist.
pub fn choose_profile(
    flag: Option<&str>,
    environment: &BTreeMap<String, String>,
    file: &ConfigFile,
) -> Result<(String, Profile)> {
    let (name, source) = selected_profile(flag, environment, file);
    match file.profile(name) {
        Some(profile) => Ok((name.to_owned(), profile)),
        None if name == DEFAULT_PROFILE => Ok((name.to_owned(), Profile::default())),
        None => Err(match source {
            Origin::Environment(variable) => {
                let error = unknown_profile(name, file);
                let hint = format!(
                    "Run `{}` to use another profile. {}",
                    unset_command(variable),
                    error.hint()
                );
                with_source(error, variable).with_hint(hint)
            }
            Origin::Profile => unknown_profile(name, file).with_hint(format!(
                "Run `acspass config unset profile` to use the profile {DEFAULT_PROFILE}, or \
                 `acspass profile use NAME`. {}",
                existing_profiles(file)
            )),
            _ => unknown(name, file, |similar| format!("Use `--profile {similar}`")),
        }),
    }
}

/// Returns the name of the profile in use, and its source. The profile need not exist.
pub fn selected_profile<'a>(
    flag: Option<&'a str>,
    environment: &'a BTreeMap<String, String>,
    file: &'a ConfigFile,
) -> (&'a str, Origin) {
    const VARIABLE: &str = "ACSPASS_PROFILE";
    let is_set = |name: &&str| !name.trim().is_empty();
    let variable = environment.get(VARIABLE).map(String::as_str);
    if let Some(name) = flag.filter(is_set) {
        (name, Origin::Flag)
    } else if let Some(name) = variable.filter(is_set) {
        (name, Origin::Environment(VARIABLE))
    } else if let Some(name) = file.default_profile() {
        (name, Origin::Profile)
    } else {
        (DEFAULT_PROFILE, Origin::Default)
    }
}

/// Returns the error for a missing profile that was to be the default. It lists the existing ones.
pub fn unknown_profile(name: &str, file: &ConfigFile) -> Error {
    unknown(name, file, |similar| {
        format!("Run `acspass profile use {similar}`")
    })
}

/// Returns the error for a missing profile. `instead` is the step that selects a similar one.
fn unknown(name: &str, file: &ConfigFile, instead: impl Fn(&str) -> String) -> Error {
    let word = shell_word(name, "NAME");
    let create = format!("`acspass --profile {word} config set tenant TENANT` to create it");
    let names = file.all_names();
    let similar = names
        .iter()
        .max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
    let hint = match similar.filter(|_| !file.names().is_empty()) {
        None => format!("Run {create}. {}", existing_profiles(file)),
        Some(similar) => format!(
            "{}, or run {create}. {}",
            instead(&shell_word(similar, "NAME")),
            existing_profiles(file)
        ),
    };
    Error::usage(format!("there is no profile {}", quoted(name)), hint)
}

/// Returns a sentence that names the profiles.
pub fn existing_profiles(file: &ConfigFile) -> String {
    match &file.all_names()[..] {
        [name] => format!("The only profile is {}.", shown(name)),
        names => format!("The profiles are {}.", shown(&names.join(", "))),
    }
}

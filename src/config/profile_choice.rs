//! Chooses the profile.

use std::collections::BTreeMap;

use super::profile::{ConfigFile, DEFAULT_PROFILE, Profile};
use crate::error::{Error, Kind, Result};
use crate::text::{quoted, shell_word, shown};

/// Returns the profile of the flag, else of the environment, else of the file.
///
/// # Errors
/// [`Kind::Usage`] if it is named and does not exist.
pub fn choose_profile(
    flag: Option<&str>,
    environment: &BTreeMap<String, String>,
    file: &ConfigFile,
) -> Result<(String, Profile)> {
    let named = flag
        .or_else(|| environment.get("ACSPASS_PROFILE").map(String::as_str))
        .filter(|name| !name.trim().is_empty())
        .or_else(|| file.default_profile());
    let name = named.unwrap_or(DEFAULT_PROFILE);
    match file.profile(name) {
        Some(profile) => Ok((name.to_owned(), profile)),
        None if name == DEFAULT_PROFILE => Ok((name.to_owned(), Profile::default())),
        None => Err(unknown_profile(name, file)),
    }
}

/// Returns the error for a missing profile, which lists the existing ones.
pub fn unknown_profile(name: &str, file: &ConfigFile) -> Error {
    let others = match file.names() {
        names if names.is_empty() => {
            let name = shell_word(name, "NAME");
            format!("make it with `acspass --profile {name} config set tenant …`")
        }
        names => format!("the profiles are {}", shown(&names.join(", "))),
    };
    let hint = match file.default_profile() == Some(name) {
        true => format!(
            "{others}; run `acspass config set profile NAME`, or `acspass config unset profile` for \
             the default one"
        ),
        false => others,
    };
    Error::new(
        Kind::Usage,
        format!("there is no profile {}", quoted(name)),
        hint,
    )
}

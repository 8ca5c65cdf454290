//! The environment variables of each command, with the descriptions of the reference.

use crate::cli::variables::GROUPS;
use crate::config::Setting;
use crate::text::as_sentence;

/// A part of the program that reads or sets variables. Each variable is named by its first name.
type Topic = &'static [&'static str];

const PROFILE: Topic = &["ACSPASS_PROFILE"];
const SIGN_IN: Topic = &[
    "ACSPASS_TENANT_ID",
    "ACSPASS_CLIENT_ID",
    "ACSPASS_SCOPES",
    "AZURE_AUTHORITY_HOST",
    "BROWSER",
];
const RESOURCE: Topic = &[
    "COMMUNICATION_SERVICES_CONNECTION_STRING",
    "COMMUNICATION_SERVICES_ENDPOINT",
    "COMMUNICATION_SERVICES_ACCESSKEY",
    "ACSPASS_EXCHANGE",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_TOKEN_CREDENTIALS",
];
const STORE: Topic = &["ACSPASS_STORE", "ACSPASS_STORE_KEY_FILE"];
const FOLDERS: Topic = &["ACSPASS_CONFIG_DIR", "ACSPASS_STATE_DIR"];
const NETWORK: Topic = &[
    "HTTPS_PROXY",
    "NO_PROXY",
    "ACSPASS_CA_FILE",
    "SSL_CERT_FILE",
];
const CA_FILES: Topic = &["ACSPASS_CA_FILE", "SSL_CERT_FILE"];
const OUTPUT: Topic = &["NO_COLOR", "ACSPASS_LOG"];
const EMULATOR: Topic = &["ACSPASS_EMULATOR_URL"];
const CHILD: Topic = &[
    "AZURE_COMMUNICATION_ACCESS_TOKEN",
    "ACSPASS_SERVE_URL",
    "ACSPASS_ACCOUNT",
];

/// Returns the variables of a command and their descriptions; all of them without words.
pub(super) fn of_command(words: &[&str]) -> Vec<(String, String)> {
    let topics: &[Topic] = match words {
        [] | ["config" | "doctor"] => {
            &[PROFILE, SIGN_IN, RESOURCE, STORE, FOLDERS, NETWORK, OUTPUT]
        }
        ["config" | "profile", ..] => &[PROFILE, STORE, FOLDERS],
        ["login"] => &[PROFILE, SIGN_IN, STORE, FOLDERS, NETWORK],
        ["get" | "serve"] => &[PROFILE, SIGN_IN, RESOURCE, STORE, FOLDERS, NETWORK],
        ["exec"] => &[CHILD, PROFILE, SIGN_IN, RESOURCE, STORE, FOLDERS, NETWORK],
        ["status" | "logout" | "switch"] | ["account", ..] => &[PROFILE, SIGN_IN, STORE, FOLDERS],
        ["setup"] => &[PROFILE, SIGN_IN, FOLDERS],
        ["user" | "token", ..] => &[PROFILE, RESOURCE, STORE, FOLDERS, NETWORK],
        ["emulator"] | ["emulator", "ca", ..] => &[FOLDERS, CA_FILES],
        ["emulator", "env"] => &[EMULATOR, FOLDERS, CA_FILES],
        ["emulator", "exec"] => &[CA_FILES],
        ["emulator", _, ..] => &[EMULATOR],
        _ => &[],
    };
    let names = topics.iter().flat_map(|topic| *topic);
    names.map(|name| row(name)).collect()
}

/// Returns the names of the variables with one description, and the description.
fn row(name: &'static str) -> (String, String) {
    let (names, description) = described(name);
    // Lower-case names are the same variables.
    let is_shown = |name: &&&str| !name.starts_with(|c: char| c.is_lowercase());
    let names: Vec<&str> = names.iter().filter(is_shown).copied().collect();
    (names.join(", "), as_sentence(description))
}

/// Returns the names of a variable and its description.
fn described(name: &'static str) -> (Vec<&'static str>, &'static str) {
    let setting = Setting::ALL
        .into_iter()
        .find(|setting| setting.variables().first() == Some(&name));
    if let Some(setting) = setting {
        return (setting.variables().to_vec(), setting.summary());
    }
    let mut variables = GROUPS.iter().flat_map(|group| group.variables);
    let variable = variables.find(|variable| variable.names.first() == Some(&name));
    match variable {
        Some(variable) => (variable.names.to_vec(), variable.description),
        None => (vec![name], "Profile of `config.toml`."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_description() {
        let topics = [
            PROFILE, SIGN_IN, RESOURCE, STORE, FOLDERS, NETWORK, OUTPUT, EMULATOR, CHILD,
        ];
        for name in topics.into_iter().flatten() {
            let (_, description) = described(name);
            let is_profile = *name == "ACSPASS_PROFILE";
            assert_eq!(description.contains("Profile of"), is_profile, "{name}");
        }
    }

    #[test]
    fn names_of_one_variable_share_a_row() {
        let names = crate::input::CONNECTION_STRING_VARIABLES;
        assert_eq!(row(names[0]).0, names.join(", "));
        assert_eq!(row("HTTPS_PROXY").0, "HTTPS_PROXY, ALL_PROXY");
    }
}

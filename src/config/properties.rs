//! Precedence of the sources, over all settings and all combinations of sources.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::profile::toml_value;
use super::*;
use crate::secret::AccessKey;

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// The table of docs/reference/settings.md: key, variable, default.
const TABLE: [(&str, Option<&str>, Option<&str>); 18] = [
    ("tenant", Some("ACSPASS_TENANT_ID"), Some("organizations")),
    ("client-id", Some("ACSPASS_CLIENT_ID"), None),
    (
        "authority-host",
        Some("AZURE_AUTHORITY_HOST"),
        Some("https://login.microsoftonline.com"),
    ),
    (
        "scopes",
        Some("ACSPASS_SCOPES"),
        Some("Teams.ManageCalls Teams.ManageChats"),
    ),
    ("exchange", Some("ACSPASS_EXCHANGE"), Some("key")),
    ("exchange-service", None, None),
    ("exchange-service-scope", None, None),
    ("on-behalf-of", None, Some("false")),
    ("endpoint", Some("COMMUNICATION_SERVICES_ENDPOINT"), None),
    ("connection-string", None, None),
    ("allow-endpoint", None, None),
    ("allow-origin", None, None),
    ("store", Some("ACSPASS_STORE"), Some("keyring")),
    ("min-validity", None, Some("10m")),
    ("sign-in", None, Some("browser")),
    ("port", None, Some("0")),
    ("redirect-uri", None, None),
    ("cae", None, Some("false")),
];

/// The sources of one setting. A variable may be set and empty, and have quotes around its value.
#[derive(Debug, Clone)]
struct Given {
    flag: bool,
    emulator: bool,
    variable: Option<&'static str>,
    profile: bool,
}

fn given() -> impl Strategy<Value = Given> {
    const FORMS: [&str; 7] = ["", " ", "\"\"", "V", " V ", "\"V\"", "'V'"];
    let variable = proptest::option::of(proptest::sample::select(&FORMS[..]));
    (
        any::<bool>(),
        proptest::bool::weighted(0.2),
        variable,
        any::<bool>(),
    )
        .prop_map(|(flag, emulator, variable, profile)| Given {
            flag,
            emulator,
            variable,
            profile,
        })
}

/// The profile's value, in a form that the setting's type has.
fn in_profile(setting: Setting) -> &'static str {
    match setting.key() {
        "port" => "8080",
        "cae" | "on-behalf-of" => "true",
        "connection-string" => "stored",
        _ => "of-profile",
    }
}

proptest! {
    #![proptest_config(config())]

    /// Flag, then environment, then profile, then default, for each setting and whatever the others are.
    /// The embedded emulator replaces all but the flags. No variable adds an allowed endpoint.
    #[test]
    fn first_source_with_a_value_counts(
        given in proptest::collection::vec(given(), TABLE.len()),
        restricted in proptest::option::weighted(0.2, 0..TABLE.len()),
    ) {
        let (mut flags, mut emulator) = (BTreeMap::new(), BTreeMap::new());
        let (mut variables, mut profile) = (BTreeMap::new(), Profile::default());
        for ((key, variable, _), given) in TABLE.iter().zip(&given) {
            let setting = Setting::from_key(key).expect("a setting");
            if given.flag {
                flags.insert(setting, format!("{key}-of-flag"));
            }
            if given.emulator {
                emulator.insert(setting, format!("{key}-of-emulator"));
            }
            if let Some(form) = given.variable {
                // A setting without a variable ignores one that is named like it.
                let made_up = format!("ACSPASS_{}", key.to_uppercase().replace('-', "_"));
                let name = variable.map_or(made_up, str::to_owned);
                variables.insert(name, form.replace('V', &format!("{key}-of-variable")));
            }
            if given.profile {
                let value = toml_value(setting, in_profile(setting)).expect("a value");
                profile.table.insert(key, toml_edit::value(value));
            }
        }
        let only = restricted.map(|at| [Setting::from_key(TABLE[at].0).expect("a setting")]);
        let sources = Sources {
            flags: &flags,
            emulator: &emulator,
            restricted_to: only.as_ref().map(|only| &only[..]),
            ..Sources::new(&variables, &profile)
        };
        for (at, ((key, variable, default), given)) in TABLE.iter().zip(&given).enumerate() {
            let setting = Setting::from_key(key).expect("a setting");
            let has_variable = given.variable.is_some_and(|form| form.contains('V'));
            let mut candidates = Vec::new();
            if restricted.is_none_or(|only| only == at) {
                if given.flag {
                    candidates.push((format!("{key}-of-flag"), Origin::Flag));
                }
                if given.emulator {
                    candidates.push((format!("{key}-of-emulator"), Origin::Emulator));
                }
                if let Some(name) = variable.filter(|_| has_variable) {
                    candidates.push((format!("{key}-of-variable"), Origin::Environment(name)));
                }
                if given.profile {
                    candidates.push((in_profile(setting).to_owned(), Origin::Profile));
                }
            }
            if let Some(default) = default {
                candidates.push(((*default).to_owned(), Origin::Default));
            }
            let found = sources.find(setting).map(|found| (found.text, found.origin));
            prop_assert_eq!(found, candidates.into_iter().next(), "{}", key);
        }
    }

    /// The name of a flag, then of the variable, then of the file, then `default`.
    #[test]
    fn profile_of_the_first_source_is_selected(
        flag in proptest::option::of(proptest::sample::select(&["", " ", "of-flag"][..])),
        variable in proptest::option::of(proptest::sample::select(&["", " ", "of-variable"][..])),
        in_file in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        let line = if in_file { "default-profile = \"of-file\"\n" } else { "" };
        let tables = "[profile.of-flag]\n[profile.of-variable]\n[profile.of-file]\n";
        std::fs::write(&path, format!("{line}{tables}")).expect("written");
        let file = ConfigFile::read(path).expect("a good file");
        let environment: BTreeMap<String, String> = variable
            .map(|name| ("ACSPASS_PROFILE".to_owned(), name.to_owned()))
            .into_iter()
            .collect();
        let (name, _) = choose_profile(flag, &environment, &file).expect("a profile");
        let expected = match (flag, variable) {
            (Some("of-flag"), _) => "of-flag",
            (_, Some("of-variable")) => "of-variable",
            _ if in_file => "of-file",
            _ => "default",
        };
        prop_assert_eq!(name, expected);
    }
}

#[test]
fn table_has_every_setting() {
    let mut keys: Vec<&str> = TABLE.iter().map(|(key, ..)| *key).collect();
    let mut all: Vec<&str> = Setting::ALL.iter().map(|setting| setting.key()).collect();
    keys.sort_unstable();
    all.sort_unstable();
    assert_eq!(keys, all);
}

/// All 64 combinations: the emulator, two variables with a connection string, the endpoint's variable with
/// or without a key, the profile with or without a stored connection string.
#[test]
fn resource_of_the_first_source_is_used_with_the_key_of_that_source() {
    const KEY: &str = "c2VjcmV0LW1hcmtlcg==";
    let at = |name: &str| format!("https://{name}.communication.azure.com");
    let with_key = |name: &str| format!("endpoint={}/;accesskey={KEY}", at(name));
    for bits in 0..64_u32 {
        let is = |bit: u32| bits & (1 << bit) != 0;
        let [emulated, first, second, by_endpoint, has_key, in_profile] =
            [0, 1, 2, 3, 4, 5].map(is);
        for is_stored in [false, true] {
            let (mut emulator, mut variables) = (BTreeMap::new(), BTreeMap::new());
            let mut profile = Profile::default();
            let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
            if emulated {
                emulator.insert(Setting::ConnectionString, with_key("emulated"));
            }
            if first {
                set(
                    "COMMUNICATION_SERVICES_CONNECTION_STRING",
                    with_key("first"),
                );
            }
            if second {
                set("AZURE_COMMUNICATION_CONNECTION_STRING", with_key("second"));
            }
            if by_endpoint {
                set("COMMUNICATION_SERVICES_ENDPOINT", at("by-endpoint"));
            }
            if has_key {
                set("COMMUNICATION_SERVICES_ACCESSKEY", KEY.to_owned());
            }
            if in_profile {
                profile
                    .table
                    .insert("endpoint", toml_edit::value(at("in-profile")));
            }
            if is_stored {
                profile
                    .table
                    .insert("connection-string", toml_edit::value("stored"));
            }
            let given = || KeySource::Given(AccessKey::new(KEY));
            let expected = if emulated {
                Some(("emulated", given()))
            } else if first {
                Some(("first", given()))
            } else if second {
                Some(("second", given()))
            } else if by_endpoint {
                Some((
                    "by-endpoint",
                    if has_key { given() } else { KeySource::None },
                ))
            } else if in_profile {
                // A key of the environment is not sent to the endpoint of a profile.
                let key = if is_stored {
                    KeySource::Stored
                } else {
                    KeySource::None
                };
                Some(("in-profile", key))
            } else {
                None
            };
            let sources = Sources {
                emulator: &emulator,
                ..Sources::new(&variables, &profile)
            };
            let config = Config::resolve("default".to_owned(), &sources).expect("settings");
            let found = config.resource_unchecked().ok();
            let found = found.map(|found| (found.endpoint.as_str().to_owned(), found.key));
            let expected = expected.map(|(name, key)| (at(name), key));
            assert_eq!(found, expected, "{bits:06b} {is_stored}");
        }
    }
}

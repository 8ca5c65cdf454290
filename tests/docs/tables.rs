//! The pages of settings, environment variables and exit codes, from the program's tables.

use acspass::Kind;
use acspass::cli::variables::GROUPS;
use acspass::config::{DEFAULT_PROFILE, Setting};

use crate::files::read;
use crate::markdown::{code, codes, table};

pub(crate) fn settings() -> String {
    let mut rows = vec![[
        code("profile"),
        code("ACSPASS_PROFILE"),
        code(DEFAULT_PROFILE),
        "Profile: a named table of settings in `config.toml`".to_owned(),
    ]];
    rows.extend(Setting::ALL.map(|setting| {
        let variables = match setting {
            Setting::ConnectionString => &acspass::input::CONNECTION_STRING_VARIABLES[..],
            other => other.variables(),
        };
        [
            code(setting.key()),
            codes(variables.iter().copied()),
            setting.default_text().map(code).unwrap_or_default(),
            setting.summary().to_owned(),
        ]
    }));
    format!(
        "# Settings\n\n\
         A value comes from the command line, else from the environment, else from the profile in\n\
         `config.toml`, else it is the default. `acspass config list` shows each value and its source.\n\
         `acspass config set` changes a profile, and `acspass config path` prints the file's path.\n\n\
         {}\n\
         Durations are `90s`, `10m` or `1h30m`; a bare number is seconds. Lists have spaces or commas\n\
         between their values. An unknown key in `config.toml` is an error.\n\n\
         [Environment variables](environment.md) lists variables that are no settings.\n",
        table(["setting", "environment", "default", "description"], &rows)
    )
}

pub(crate) fn environment() -> String {
    let mut page = String::from("# Environment variables\n\n## Settings\n\n");
    let mut rows = vec![[code("ACSPASS_PROFILE"), "The profile.".to_owned()]];
    for setting in Setting::ALL {
        if !setting.variables().is_empty() {
            let key = code(setting.key());
            let names = codes(setting.variables().iter().copied());
            rows.push([names, format!("The setting {key}.")]);
        }
    }
    page.push_str(&table(["variable", ""], &rows));
    page.push_str("\n[Settings](settings.md) describes each of them.\n");
    for group in GROUPS {
        let rows: Vec<[String; 2]> = group
            .variables
            .iter()
            .map(|variable| {
                let names = codes(variable.names.iter().copied());
                [names, variable.description.to_owned()]
            })
            .collect();
        let rows = table(["variable", ""], &rows);
        page.push_str(&format!("\n## {}\n\n{rows}", group.title));
    }
    page.push_str(
        "\nOf several variables in one row, the first one that is set is used, unless the row describes\n\
         each of them. An empty variable counts as unset.\n",
    );
    page
}

pub(crate) fn exit_codes() -> String {
    let mut rows = vec![[code("0"), String::new(), "Success.".to_owned()]];
    rows.extend(Kind::ALL.map(|kind| {
        let number = code(&kind.exit_code().to_string());
        [number, code(kind.as_str()), kind.description().to_owned()]
    }));
    format!(
        "# Exit codes\n\n\
         `kind` is the member of the JSON error ([error](json.md#error)).\n\n\
         {}\n\
         `exec` exits with the code of its command; with 127 if there is no such command, and with 126\n\
         if it cannot be run. If a service does not respond, acspass sends a request up to four times\n\
         within 30 s before it exits with 6.\n",
        table(["code", "kind", "meaning"], &rows)
    )
}

#[test]
fn exit_codes_rise_and_kinds_differ() {
    for pair in Kind::ALL.windows(2) {
        assert!(pair[0].exit_code() < pair[1].exit_code(), "{pair:?}");
        assert_ne!(pair[0].as_str(), pair[1].as_str());
    }
    for kind in Kind::ALL {
        assert!(kind.description().ends_with('.'), "{kind:?}");
    }
}

/// The names of variables in a source file: declared by name, or in quotes.
fn names_in(source: &str) -> Vec<String> {
    let is_name = |word: &&str| {
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        word.len() > 1 && word.chars().all(plain) && word.starts_with(|c: char| c != '_')
    };
    let code = source
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let code: Vec<&str> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let alone = code.iter().map(|line| line.trim());
    let quoted = code
        .iter()
        .flat_map(|line| line.split('"').skip(1).step_by(2));
    alone
        .chain(quoted)
        .filter(is_name)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_variable_of_the_sources_is_described() {
    let mut described: Vec<&str> = GROUPS
        .iter()
        .flat_map(|group| group.variables)
        .flat_map(|variable| variable.names.iter().copied())
        .collect();
    described.extend(Setting::ALL.iter().flat_map(|setting| setting.variables()));
    // Of debug builds, for a test.
    described.extend(["ACSPASS_PROFILE", "ACSPASS_TEST_INTRUDER"]);
    for file in [
        "src/cli/env_vars.rs",
        "src/config/environment.rs",
        "src/config/setting.rs",
        "src/input/secret.rs",
        "src/acs/resource_credential/environment.rs",
    ] {
        let names = names_in(&read(file));
        assert!(!names.is_empty(), "{file} names no variable");
        let missing: Vec<&String> = names
            .iter()
            .filter(|name| !described.contains(&name.as_str()))
            .collect();
        assert!(
            missing.is_empty(),
            "{file}: not in src/cli/variables.rs: {missing:?}"
        );
    }
    for variable in GROUPS.iter().flat_map(|group| group.variables) {
        assert!(!variable.names.is_empty());
        assert!(variable.description.ends_with('.'), "{variable:?}");
    }
}

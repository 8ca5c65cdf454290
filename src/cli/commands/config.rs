//! `config`: prints and changes settings, and saves the connection string.

use std::time::Duration;

use serde_json::{Map, json};
use textwrap::core::display_width;
use zeroize::Zeroizing;

use crate::acs::{ConnectionString, Endpoint};
use crate::cli::args::Config;
use crate::cli::args::secrets::KEY_OF_RESOURCE;
use crate::cli::env_vars::ACSPASS_PROFILE;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::profile::{
    NO_STORED_SECRET, ProfileEditor, after_deletion, delete_connection_string, store_description,
    warn_of_variable, without_emulator,
};
use crate::cli::runtime::block_on;
use crate::config::{self, Change, ConfigFile, Origin, Setting, SettingValue, Sources};
use crate::error::{Error, Result};
use crate::input;
use crate::text::{quoted, shell_word, shown};
use crate::time::in_words;

/// Longest connection string that is read, in bytes.
const MAX_CONNECTION_STRING_BYTES: u64 = 64 * 1024;

pub(crate) fn run(args: &Config, env: &Environment, output: &mut Output) -> Result<u8> {
    match args {
        Config::Path => return path(env, output),
        Config::List => return list(env, output),
        Config::Get { key } => return get(key, env, output),
        Config::Set { key, values } => match key.starts_with(Setting::ConnectionString.key()) {
            true => set_connection_string(key, values, env)?,
            false => set(key, values, env)?,
        },
        Config::Unset { key } => unset(key, env)?,
    }
    output.print_result("", &json!({}))
}

fn path(env: &Environment, output: &mut Output) -> Result<u8> {
    // A file that cannot be read is one that the user wants to find.
    let path = env.config_path()?;
    if path.to_str().is_none() && !output.is_json {
        return output.write_bytes(&[path.as_os_str().as_encoded_bytes(), b"\n"].concat());
    }
    let path = path.display().to_string();
    output.print_result(&path, &json!({ "path": path }))
}

/// Returns the value of a setting as text that may be printed; `None` if it is not set and has no
/// default.
fn printable(sources: &Sources<'_>, setting: Setting) -> Option<SettingValue> {
    let mut found = sources.find(setting);
    match (setting, &mut found) {
        (Setting::ConnectionString, found) => {
            let is_set = |name: &&str| sources.variable(name).is_some();
            let mut variables = input::CONNECTION_STRING_VARIABLES.into_iter();
            if let Some(variable) = variables.find(is_set) {
                *found = Some(SettingValue::new("(secret)", Origin::Environment(variable)));
            }
        }
        (Setting::Scopes, Some(found)) if found.origin == Origin::Default => {
            // The default depends on the kind of exchange.
            let exchange = sources.find(Setting::Exchange);
            let kind = exchange.map(|exchange| config::parse_exchange(&exchange.text));
            if let Some(Ok(kind)) = kind {
                config::default_scopes(kind).clone_into(&mut found.text);
            }
        }
        // An invalid value can be a secret in the wrong place.
        (Setting::Endpoint, Some(found)) if Endpoint::parse(&found.text).is_err() => {
            "(not an endpoint)".clone_into(&mut found.text);
        }
        (Setting::RedirectUri, found @ None) => {
            let port = sources.find(Setting::Port).map(|port| port.text);
            let port = port.filter(|port| port != "0");
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let text = format!("http://localhost{port}");
            *found = Some(SettingValue::new(text, Origin::Default));
        }
        _ => {}
    }
    if let Some(found) = &mut found {
        found.text = shown(&found.text);
    }
    found
}

/// Returns the names of the profile and of all settings, each with its value.
fn rows(env: &Environment) -> Result<Vec<(&'static str, Option<SettingValue>)>> {
    let (name, profile) = env.profile()?;
    let origin = profile_origin(env)?;
    let sources = env.sources(&profile);
    let settings = Setting::ALL.map(|setting| (setting.key(), printable(&sources, setting)));
    let mut rows = vec![("profile", Some(SettingValue::new(name, origin)))];
    rows.extend(settings);
    Ok(rows)
}

/// Returns the source of the name of the profile. The emulator needs no home, and so no file.
fn profile_origin(env: &Environment) -> Result<Origin> {
    if env.global.emulator && env.config_folder().is_err() {
        return Ok(Origin::Default);
    }
    let file = env.config_file()?;
    let flag = env.global.profile.as_deref();
    Ok(config::selected_profile(flag, &env.variables, &file).1)
}

/// Returns the source of a value in plain words.
fn source(origin: &Origin, key: &str, profile: &str) -> String {
    match origin {
        Origin::Flag | Origin::Argument => format!("flag --{key}"),
        Origin::Environment(name) => format!("environment variable {name}"),
        Origin::Profile if key == "profile" => "config.toml".to_owned(),
        Origin::Profile => format!("profile {profile}"),
        origin => origin.to_string(),
    }
}

/// The width of the names of settings, in columns.
const KEY_COLUMNS: usize = 24;
/// The widest column of values. A longer value pushes its source to the right, or to the next line.
const MAX_VALUE_COLUMNS: usize = 40;

fn list(env: &Environment, output: &mut Output) -> Result<u8> {
    let rows = rows(env)?;
    if output.is_json {
        let rows = rows.iter().map(|(key, found)| {
            let (value, origin) = match found {
                Some(found) => (Some(&found.text), &found.origin),
                None => (None, &Origin::Default),
            };
            let row = json!({"value": value, "origin": origin.to_string()});
            ((*key).to_owned(), row)
        });
        return output.print_json(&rows.collect::<Map<_, _>>());
    }
    let found = rows.iter().filter_map(|(_, found)| found.as_ref());
    let widths = found.map(|found| display_width(&found.text));
    let fitting = widths.filter(|width| *width <= MAX_VALUE_COLUMNS);
    let width = fitting.max().unwrap_or_default();
    let profile = rows.first().and_then(|(_, found)| found.as_ref());
    let profile = profile.map_or(config::DEFAULT_PROFILE, |found| &found.text);
    let mut report = output.report();
    for (key, found) in &rows {
        match found {
            None => report.row(key, KEY_COLUMNS, "(not set)"),
            Some(found) => {
                let source = source(&found.origin, key, profile);
                let text = match report.is_narrow(KEY_COLUMNS) {
                    true => format!("{} ({source})", found.text),
                    false => {
                        let padding = width.saturating_sub(display_width(&found.text)) + 2;
                        format!("{}{}{source}", found.text, " ".repeat(padding))
                    }
                };
                report.row(key, KEY_COLUMNS, &text);
            }
        }
    }
    output.print_report(report)
}

fn get(key: &str, env: &Environment, output: &mut Output) -> Result<u8> {
    if key != "profile" {
        Setting::from_key(key)?;
    }
    let row = rows(env)?.into_iter().find(|(name, _)| *name == key);
    let Some(found) = row.and_then(|(_, found)| found) else {
        return Err(Error::usage(
            format!("`{key}` is not set"),
            match key {
                "connection-string" => "Run `acspass config set connection-string`.".to_owned(),
                _ => format!("Run `acspass config set {key} VALUE`."),
            },
        ));
    };
    output.print_result(&found.text, &json!({ key: found.text }))
}

/// Returns whether other tools use this name for the access key of a resource.
fn names_access_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['-', '_', '.'], "");
    key == "key"
        || ["accesskey", "primarykey", "secondarykey"]
            .iter()
            .any(|name| key.ends_with(name))
}

fn set(key: &str, values: &[String], env: &Environment) -> Result<()> {
    let name = key.split('=').next().unwrap_or(key);
    if names_access_key(name) {
        let hint = match values.is_empty() && name == key {
            true => {
                "Run `acspass config set connection-string` and paste the connection string, which \
                 contains the access key, at the prompt."
            }
            false => KEY_OF_RESOURCE,
        };
        return Err(Error::usage("there is no setting for an access key", hint));
    }
    let value = values.join(" ");
    let setting = Setting::from_key(key);
    let value = match &setting {
        Ok(setting) => input::value(&value, setting.variables()),
        Err(_) => input::bare(&value),
    };
    if value.is_empty() {
        return Err(Error::usage(
            format!("{} needs a value", quoted(key)),
            format!(
                "Run `acspass config set {key} VALUE`, or `acspass config unset {key}` to remove the \
                 setting.",
                key = shell_word(key, "KEY")
            ),
        ));
    }
    let mut editor = ProfileEditor::of(env)?;
    if key == "profile" {
        return use_profile(value, editor.file, env);
    }
    let setting = setting?;
    check(&editor, Change::Set(setting, value), env)?;
    editor.file.set(&editor.profile, &[(setting, value)])?;
    warn_of_other_problems(&editor.file, env);
    // A bare number could be meant as minutes.
    let understood = match (setting, value.parse::<u64>()) {
        (Setting::MinValidity, Ok(seconds)) => {
            format!(" to {}", in_words(Duration::from_secs(seconds)))
        }
        _ => String::new(),
    };
    env.messages.print(&format!(
        "Set {key}{understood} in profile {}.",
        editor.profile
    ));
    warn_of_variable(setting, Some(value), env);
    Ok(())
}

/// Makes a profile the default one.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) with the existing names, if there is no such profile.
pub(super) fn use_profile(name: &str, mut file: ConfigFile, env: &Environment) -> Result<()> {
    if !file.all_names().contains(&name) {
        return Err(config::unknown_profile(name, &file));
    }
    file.set_default_profile(Some(name))?;
    warn_of_other_problems(&file, env);
    env.messages
        .print(&format!("Default profile set to {name}."));
    if let Some(other) = env.variable(ACSPASS_PROFILE).filter(|other| *other != name) {
        env.messages.warn(&format!(
            "ACSPASS_PROFILE still selects the profile {} in this shell",
            quoted(other)
        ));
    }
    Ok(())
}

/// Refuses a change that makes the profile invalid, and warns of other effects. The key of a stored
/// connection string belongs to the endpoint in the profile, and is in the store that the profile names.
fn check(editor: &ProfileEditor, change: Change<'_>, env: &Environment) -> Result<()> {
    let profile = editor.settings();
    let differs = |setting, text: &str| profile.value(setting).as_deref() != Some(text);
    match change {
        _ if profile.value(Setting::ConnectionString).is_none() => {}
        Change::Set(Setting::Endpoint, text) if differs(Setting::Endpoint, text) => {
            return Err(Error::usage(
                "the profile has a connection string for another endpoint",
                "Run `acspass config set connection-string` with the connection string of the other \
                 resource, or `acspass config unset connection-string` first.",
            ));
        }
        Change::Unset(Setting::Endpoint) => {
            return Err(Error::usage(
                "the endpoint belongs to the profile's connection string",
                "Run `acspass config unset connection-string`, which removes both.",
            ));
        }
        Change::Set(Setting::Store, text) if differs(Setting::Store, text) => env.messages.warn(
            "the connection string of the profile stays in the previous store: run `acspass config \
             set connection-string` to save it in the new one",
        ),
        _ => {}
    }
    for warning in config::check_change(&profile, change, &env.variables)? {
        env.messages.warn(&warning);
    }
    Ok(())
}

fn set_connection_string(key: &str, values: &[String], env: &Environment) -> Result<()> {
    // Other tools take `connection-string=…`.
    if !values.is_empty() || key != Setting::ConnectionString.key() {
        return Err(Error::usage(
            "a connection string as an argument is visible to every process on this machine",
            "Run `acspass config set connection-string` and paste it at the prompt. Regenerate the \
             access key of the resource, because it was visible.",
        ));
    }
    if env.global.emulator {
        return Err(without_emulator().with_hint(
            "The emulator has its own connection string, so none is needed. To save one of a real \
             resource, run `acspass config set connection-string` without --emulator.",
        ));
    }
    let text = read_secret(env)?;
    let endpoint = ConnectionString::parse(&text)
        .map_err(|error| match service_endpoint(&text) {
            Some(endpoint) => Error::usage(
                format!("{endpoint} is an endpoint, not a connection string"),
                format!(
                    "Copy the whole connection string from the portal, under Keys. To use the \
                     resource without an access key, run `acspass config set endpoint {endpoint}`."
                ),
            ),
            None => config::with_source(error, "standard input"),
        })?
        .endpoint;
    let mut editor = ProfileEditor::of(env)?;
    let sessions = editor.sessions(env)?;
    editor.save_connection_string(&sessions, &text)?;
    env.messages.print(&format!(
        "Saved the connection string of {endpoint} in {} for profile {}.",
        store_description(&sessions),
        editor.profile,
    ));
    warn_of_variable(Setting::ConnectionString, Some(&text), env);
    Ok(())
}

/// Returns the endpoint if the text is one of Azure Communication Services. Other text may be a key.
fn service_endpoint(text: &str) -> Option<Endpoint> {
    let endpoint = Endpoint::parse(text.trim()).ok()?;
    endpoint.check_may_receive(&[]).ok().map(|()| endpoint)
}

fn read_secret(env: &Environment) -> Result<Zeroizing<String>> {
    let unreadable = || {
        Error::usage(
            "could not read the connection string from standard input",
            "Pipe in the connection string and nothing else, or run the command in a terminal.",
        )
    };
    if env.stdin.is_terminal {
        let question = "Connection string (not shown): ";
        let line = block_on(env.stdin.ask_hidden(&env.messages, question))?;
        let line = line.ok_or_else(unreadable)?;
        return Ok(Zeroizing::new(line.expose().to_owned()));
    }
    let bytes = env.stdin.read_all(MAX_CONNECTION_STRING_BYTES);
    let bytes = bytes.map_err(|cause| unreadable().caused_by(cause))?;
    input::text(&bytes).ok_or_else(|| unreadable().caused_by("it is not text in UTF-8 or UTF-16"))
}

fn unset(key: &str, env: &Environment) -> Result<()> {
    let mut editor = ProfileEditor::of(env)?;
    let was_set = match Setting::from_key(key) {
        Ok(setting) => unset_setting(setting, &mut editor, env)?,
        Err(_) if key == "profile" => {
            let was_set = editor.file.has_default_profile();
            editor.file.set_default_profile(None)?;
            warn_of_other_problems(&editor.file, env);
            env.messages.print(match was_set {
                true => "Removed profile. The default profile is default.",
                false => "profile was not set.",
            });
            return Ok(());
        }
        // A misspelt key in the file is removed like a setting.
        Err(error) => match editor.file.unset(&editor.profile, &[key])? {
            true => true,
            false => return Err(editor.file.key_of_other_profile(key).unwrap_or(error)),
        },
    };
    warn_of_other_problems(&editor.file, env);
    env.messages.print(&match was_set {
        true => format!("Removed {key} from profile {}.", editor.profile),
        false => format!("{key} was not set in profile {}.", editor.profile),
    });
    if let Ok(setting) = Setting::from_key(key) {
        warn_of_variable(setting, None, env);
    }
    Ok(())
}

fn unset_setting(setting: Setting, editor: &mut ProfileEditor, env: &Environment) -> Result<bool> {
    let settings = editor.settings();
    let connection_string = settings.value(Setting::ConnectionString);
    let is_stored = connection_string.as_deref() == Some(config::STORED);
    if setting == Setting::ConnectionString && is_stored {
        let was_stored = delete_connection_string(&editor.profile, &settings, env)?;
        // The endpoint was set with the secret, and has no use without it.
        let both = [setting.key(), Setting::Endpoint.key()];
        let unset = editor.file.unset(&editor.profile, &both);
        if was_stored {
            return unset.map_err(after_deletion);
        }
        env.messages.print(NO_STORED_SECRET);
        return unset;
    }
    if settings.value(setting).is_some() {
        check(editor, Change::Unset(setting), env)?;
    }
    editor.file.unset(&editor.profile, &[setting.key()])
}

/// Warns of a problem in the file for which every other command refuses it.
pub(super) fn warn_of_other_problems(file: &ConfigFile, env: &Environment) {
    if let Err(error) = file.check() {
        env.messages
            .warn(&format!("config.toml has another problem: {error}"));
    }
}

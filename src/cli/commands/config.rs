//! `config`: prints and changes settings, and saves the connection string.

use std::fmt::Write as _;

use serde_json::{Map, json};
use zeroize::Zeroizing;

use crate::acs::{ConnectionString, Endpoint};
use crate::cli::args::Config;
use crate::cli::context::stored_name;
use crate::cli::env_vars::ACSPASS_PROFILE;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::profile::{ProfileEditor, store_description};
use crate::cli::runtime::block_on;
use crate::config::{self, Change, Origin, Setting, SettingValue, Sources};
use crate::error::{Error, Result};
use crate::input;
use crate::text::{quoted, shown};

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
    let file = env.config_file()?;
    let path = file.path();
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
                *found = Some(SettingValue {
                    text: "(secret)".to_owned(),
                    origin: Origin::Environment(variable),
                });
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
            *found = Some(SettingValue {
                text: format!("http://localhost{port}"),
                origin: Origin::Default,
            });
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
    let origin = match (&env.global.profile, env.variable(ACSPASS_PROFILE)) {
        (Some(_), _) => Origin::Flag,
        (None, Some(_)) => Origin::Environment(ACSPASS_PROFILE),
        (None, None) if name != config::DEFAULT_PROFILE => Origin::Profile,
        (None, None) => Origin::Default,
    };
    let sources = env.sources(&profile);
    let settings = Setting::ALL.map(|setting| (setting.key(), printable(&sources, setting)));
    let mut rows = vec![("profile", Some(SettingValue { text: name, origin }))];
    rows.extend(settings);
    Ok(rows)
}

fn list(env: &Environment, output: &mut Output) -> Result<u8> {
    let (mut text, mut json) = (String::new(), Map::new());
    for (key, found) in rows(env)? {
        let value = found.as_ref().map(|found| &found.text);
        let origin = found
            .as_ref()
            .map_or(&Origin::Default, |found| &found.origin);
        let shown = value.map_or("(not set)", String::as_str);
        let _ = writeln!(text, "{key:<18} {shown:<44} {origin}");
        let row = json!({"value": value, "origin": origin.to_string()});
        json.insert(key.to_owned(), row);
    }
    output.print_result(text.trim_end(), &json)
}

fn get(key: &str, env: &Environment, output: &mut Output) -> Result<u8> {
    if key != "profile" {
        Setting::from_key(key)?;
    }
    let row = rows(env)?.into_iter().find(|(name, _)| *name == key);
    let Some(found) = row.and_then(|(_, found)| found) else {
        return Err(Error::usage(
            format!("`{key}` is not set"),
            format!("set it with `acspass config set {key} …`"),
        ));
    };
    output.print_result(&found.text, &json!({ key: found.text }))
}

fn set(key: &str, values: &[String], env: &Environment) -> Result<()> {
    let value = values.join(" ");
    let setting = Setting::from_key(key);
    let value = match &setting {
        Ok(setting) => input::value(&value, setting.variables()),
        Err(_) => input::bare(&value),
    };
    if value.is_empty() {
        return Err(Error::usage(
            format!("{} needs a value", quoted(key)),
            "to remove a setting, run `acspass config unset KEY`",
        ));
    }
    let mut editor = ProfileEditor::of(env)?;
    if key == "profile" {
        let names = editor.file.names();
        if value != config::DEFAULT_PROFILE && !names.contains(&value) {
            return Err(config::unknown_profile(value, &editor.file));
        }
        editor.file.set_default_profile(Some(value))?;
        env.messages
            .print(&format!("{} is the profile from now on", quoted(value)));
        return Ok(());
    }
    let setting = setting?;
    check(&editor, Change::Set(setting, value), env)?;
    editor.file.set(&editor.profile, &[(setting, value)])?;
    warn_of_other_problems(&editor, env);
    env.messages.print(&format!(
        "{key} is set in profile {}, in {}",
        editor.profile,
        editor.file.path().display()
    ));
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
                "the profile has the connection string of its endpoint, and its key is of no use at \
                 another one",
                "run `acspass config set connection-string` for the other resource, or `acspass \
                 config unset connection-string` first",
            ));
        }
        Change::Unset(Setting::Endpoint) => {
            return Err(Error::usage(
                "the endpoint belongs to the profile's connection string",
                "run `acspass config unset connection-string`, which removes both",
            ));
        }
        Change::Set(Setting::Store, text) if differs(Setting::Store, text) => env.messages.warn(
            "the profile's connection string stays in the store that was named before; run \
             `acspass config set connection-string` to keep it in the new one",
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
            "a connection string was given as an argument, where every process of this machine \
             sees it",
            "run `acspass config set connection-string` and paste it when asked, or pipe it in; \
             and regenerate the key that was shown",
        ));
    }
    let text = read_secret(env)?;
    let endpoint = ConnectionString::parse(&text)
        .map_err(|error| error.caused_by("the value comes from standard input"))?
        .endpoint;
    let mut editor = ProfileEditor::of(env)?;
    let sessions = editor.sessions(env)?;
    editor.save_connection_string(&sessions, &text)?;
    env.messages.print(&format!(
        "the connection string of {endpoint} is kept in {} for profile {}",
        store_description(&sessions),
        editor.profile,
    ));
    Ok(())
}

fn read_secret(env: &Environment) -> Result<Zeroizing<String>> {
    let unreadable = || {
        Error::usage(
            "the connection string cannot be read from standard input",
            "pipe in the connection string and nothing else, or run this in a terminal",
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
            let was_set = editor.file.default_profile().is_some();
            editor.file.set_default_profile(None)?;
            was_set
        }
        // A misspelt key in the file is removed like a setting.
        Err(error) => match editor.file.unset(&editor.profile, &[key])? {
            true => true,
            false => return Err(error),
        },
    };
    warn_of_other_problems(&editor, env);
    env.messages.print(&match was_set {
        true => format!("{key} is not set any more"),
        false => format!("{key} was not set in profile {}", editor.profile),
    });
    Ok(())
}

fn unset_setting(setting: Setting, editor: &mut ProfileEditor, env: &Environment) -> Result<bool> {
    let settings = editor.settings();
    let connection_string = settings.value(Setting::ConnectionString);
    let is_stored = connection_string.as_deref() == Some(config::STORED);
    if setting == Setting::ConnectionString && is_stored {
        let name = stored_name(&editor.profile);
        editor.sessions(env)?.delete_secret(&name)?;
        // The endpoint was set with the secret, and has no use without it.
        let both = [setting.key(), Setting::Endpoint.key()];
        return editor.file.unset(&editor.profile, &both);
    }
    if settings.value(setting).is_some() {
        check(editor, Change::Unset(setting), env)?;
    }
    editor.file.unset(&editor.profile, &[setting.key()])
}

/// Warns of a problem in the file for which every other command refuses it.
fn warn_of_other_problems(editor: &ProfileEditor, env: &Environment) {
    if let Err(error) = editor.file.check() {
        env.messages
            .warn(&format!("the file has another problem: {error}"));
    }
}

//! `config`: the settings, where each came from, and the one that is a secret.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::acs::{ConnectionString, Endpoint};
use crate::cli::Stdin;
use crate::cli::args::{Config, ConfigSet};
use crate::cli::context::{Environment, block_on, stored_name};
use crate::cli::output::Output;
use crate::cli::profile::Target;
use crate::cli::prompt::Keyboard;
use crate::config::{self, Change, Found, Origin, Profile, Setting, Sources};
use crate::error::{Error, Kind, Result};
use crate::input;
use crate::text::{quoted, shown};

/// Longest connection string that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

pub(super) fn run(
    args: &Config,
    env: &Environment,
    stdin: Stdin,
    output: &mut Output,
) -> Result<u8> {
    match args {
        Config::Path(_) => {
            let file = env.config_file()?;
            match file.path().to_str() {
                None if !output.is_json => {
                    let path = file.path().as_os_str().as_encoded_bytes();
                    output.raw(&[path, b"\n"].concat())?;
                }
                _ => {
                    let path = file.path().display().to_string();
                    output.result(&path, &json!({ "path": path }))?;
                }
            }
        }
        Config::List(_) => list(env, output)?,
        Config::Get(args) => get(&args.key, env, output)?,
        Config::Set(args) if args.key.starts_with(Setting::ConnectionString.key()) => {
            set_connection_string(args, env, stdin, output)?;
        }
        Config::Set(args) => set(args, env, output)?,
        Config::Unset(args) => unset(&args.key, env, output)?,
    }
    Ok(0)
}

/// A setting with its value; `None` if it is not set and has no default.
type Row = (Setting, Option<Found>);

/// Every setting with its value as text that may be shown.
fn found(env: &Environment) -> Result<(String, Vec<Row>)> {
    let (name, profile) = env.profile()?;
    let nothing = BTreeMap::new();
    let sources = Sources {
        flags: &nothing,
        emulator: &nothing,
        variables: &env.variables,
        profile: &profile,
    };
    let from_environment = input::CONNECTION_STRING_VARIABLES
        .into_iter()
        .find(|variable| sources.variable(variable).is_some());
    let all = Setting::ALL
        .into_iter()
        .map(|setting| match (setting, from_environment) {
            (Setting::ConnectionString, Some(variable)) => (
                setting,
                Some(Found {
                    text: "(secret)".to_owned(),
                    origin: Origin::Environment(variable),
                }),
            ),
            _ => (setting, value_of(&sources, setting)),
        })
        .collect();
    Ok((name, all))
}

/// A setting's value as text that may be shown.
fn value_of(sources: &Sources<'_>, setting: Setting) -> Option<Found> {
    let found = sources.find(setting);
    let found = match (setting, found) {
        (Setting::Scopes, Some(found)) if found.origin == Origin::Default => {
            Some(default_scopes(sources, found))
        }
        // It may be anything, also a secret that landed in the wrong place.
        (Setting::Endpoint, Some(found)) if Endpoint::parse(&found.text).is_err() => Some(Found {
            text: "(not an endpoint)".to_owned(),
            ..found
        }),
        // It follows the port.
        (Setting::RedirectUri, None) => Some(Found {
            text: match sources.find(Setting::Port).map(|port| port.text) {
                Some(port) if port != "0" => format!("http://localhost:{port}"),
                _ => "http://localhost".to_owned(),
            },
            origin: Origin::Default,
        }),
        (_, found) => found,
    };
    found.map(|found| Found {
        text: shown(&found.text),
        ..found
    })
}

/// The scopes that hold where nobody named any follow the kind of exchange.
fn default_scopes(sources: &Sources<'_>, found: Found) -> Found {
    let exchange = sources.find(Setting::Exchange);
    match exchange.map(|exchange| config::parse_exchange(&exchange.text)) {
        Some(Ok(kind)) => Found {
            text: config::default_scopes(kind).to_owned(),
            ..found
        },
        _ => found,
    }
}

fn list(env: &Environment, output: &mut Output) -> Result<()> {
    let (name, all) = found(env)?;
    let mut text = String::new();
    let mut settings = serde_json::Map::new();
    let profile_origin = match (&env.global.profile, env.variable("ACSPASS_PROFILE")) {
        (Some(_), _) => Origin::Flag,
        (None, Some(_)) => Origin::Environment("ACSPASS_PROFILE"),
        (None, None) if name != config::DEFAULT_PROFILE => Origin::Profile,
        (None, None) => Origin::Default,
    };
    let mut row = |key: &str, value: Option<&str>, origin: &Origin| {
        let _ = writeln!(
            text,
            "{key:<18} {:<44} {origin}",
            value.unwrap_or("(not set)")
        );
        settings.insert(
            key.to_owned(),
            json!({"value": value, "origin": origin.to_string()}),
        );
    };
    row("profile", Some(&name), &profile_origin);
    for (setting, found) in &all {
        match found {
            Some(found) => row(setting.key(), Some(&found.text), &found.origin),
            None => row(setting.key(), None, &Origin::Default),
        }
    }
    output.result(text.trim_end(), &Value::Object(settings))
}

fn get(key: &str, env: &Environment, output: &mut Output) -> Result<()> {
    if key == "profile" {
        let (name, _) = env.profile()?;
        return output.result(&name, &json!({ "profile": name }));
    }
    let setting = Setting::from_key(key)?;
    let (_, all) = found(env)?;
    let text = all
        .into_iter()
        .find(|(known, _)| *known == setting)
        .and_then(|(_, found)| found)
        .map(|found| found.text)
        .ok_or_else(|| {
            Error::new(
                Kind::Usage,
                format!("`{key}` is not set"),
                format!("set it with `acspass config set {key} …`"),
            )
        })?;
    output.result(&text, &json!({ key: text }))
}

fn set(args: &ConfigSet, env: &Environment, output: &mut Output) -> Result<()> {
    let value = args.values.join(" ");
    let value = match Setting::from_key(&args.key) {
        Ok(setting) => input::value(&value, setting.variables()),
        Err(_) => input::bare(&value),
    };
    if value.is_empty() {
        return Err(Error::new(
            Kind::Usage,
            format!("{} needs a value", quoted(&args.key)),
            "to remove a setting, run `acspass config unset KEY`",
        ));
    }
    let mut target = Target::of(env)?;
    if args.key == "profile" {
        let names = target.file.names();
        if value != config::DEFAULT_PROFILE && !names.contains(&value) {
            return Err(config::unknown_profile(value, &target.file));
        }
        target.file.set_default_profile(Some(value))?;
        output
            .messages()
            .print(&format!("{} is the profile from now on", quoted(value)));
        return output.result("", &json!({}));
    }
    let setting = Setting::from_key(&args.key)?;
    let change = Change::Set(setting, value);
    check(&target, change, env, output)?;
    target.file.set(&target.profile, &[(setting, value)])?;
    warn_of_the_rest(&target, output);
    output.messages().print(&format!(
        "{} is set in profile {}, in {}",
        args.key,
        target.profile,
        target.file.path().display()
    ));
    output.result("", &json!({}))
}

/// Refuses a change that is wrong within the profile, and warns of what else is.
fn check(target: &Target, change: Change<'_>, env: &Environment, output: &Output) -> Result<()> {
    let profile = target.settings();
    if profile.value(Setting::ConnectionString).is_some() {
        check_stored(&profile, change, output)?;
    }
    for warning in config::check_change(&profile, change, &env.variables)? {
        output.messages().warn(&warning);
    }
    Ok(())
}

/// The store keeps this profile's connection string: its key belongs to the endpoint beside it, and
/// it lies in the store that is named now.
fn check_stored(profile: &Profile, change: Change<'_>, output: &Output) -> Result<()> {
    let differs = |setting, text: &str| profile.value(setting).as_deref() != Some(text);
    match change {
        Change::Set(Setting::Endpoint, text) if differs(Setting::Endpoint, text) => {
            Err(Error::new(
                Kind::Usage,
                "the profile has the connection string of its endpoint, and its key is of no use at \
             another one",
                "run `acspass config set connection-string` for the other resource, or `acspass config \
             unset connection-string` first",
            ))
        }
        Change::Unset(Setting::Endpoint) => Err(Error::new(
            Kind::Usage,
            "the endpoint belongs to the profile's connection string",
            "run `acspass config unset connection-string`, which removes both",
        )),
        Change::Set(Setting::Store, text) if differs(Setting::Store, text) => {
            output.messages().warn(
                "the profile's connection string stays in the store that was named before; run \
                 `acspass config set connection-string` to keep it in the new one",
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The secret goes into the store, its endpoint and a marker into the file.
fn set_connection_string(
    args: &ConfigSet,
    env: &Environment,
    stdin: Stdin,
    output: &mut Output,
) -> Result<()> {
    // `connection-string=…` is how other tools take a value.
    if !args.values.is_empty() || args.key != Setting::ConnectionString.key() {
        return Err(Error::new(
            Kind::Usage,
            "a connection string was given as an argument, where every process of this machine \
             sees it",
            "run `acspass config set connection-string` and paste it when asked, or pipe it in; \
             and regenerate the key that was shown",
        ));
    }
    let text = read_secret(stdin, output)?;
    let endpoint = ConnectionString::parse(&text)
        .map_err(|error| error.caused_by("the value comes from standard input"))?
        .endpoint;
    let mut target = Target::of(env)?;
    let sessions = target.sessions(env)?;
    target.keep(&sessions, &[], Some(&text))?;
    output.messages().print(&format!(
        "the connection string of {endpoint} is kept in {} for profile {}",
        super::login::place(sessions.store_name()),
        target.profile,
    ));
    output.result("", &json!({}))
}

fn read_secret(stdin: Stdin, output: &Output) -> Result<Zeroizing<String>> {
    let unreadable = || {
        Error::new(
            Kind::Usage,
            "the connection string cannot be read from standard input",
            "pipe in the connection string and nothing else, or run this in a terminal",
        )
    };
    if stdin.is_terminal {
        let keyboard = Keyboard::new(stdin);
        let line = block_on(keyboard.hidden(output.messages(), "Connection string (not shown): "))?;
        let line = line.ok_or_else(unreadable)?;
        return Ok(Zeroizing::new(line.expose().to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    stdin
        .source
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|cause| unreadable().caused_by(cause))?;
    input::text(&bytes).ok_or_else(|| unreadable().caused_by("it is not text in UTF-8 or UTF-16"))
}

fn unset_setting(
    setting: Setting,
    target: &mut Target,
    env: &Environment,
    output: &Output,
) -> Result<bool> {
    let settings = target.settings();
    let connection_string = settings.value(Setting::ConnectionString);
    let is_stored = connection_string.as_deref() == Some(config::STORED);
    let profile = target.profile.as_str();
    if setting == Setting::ConnectionString && is_stored {
        target.sessions(env)?.delete_secret(&stored_name(profile))?;
        // It was set with the secret, and means nothing without it.
        let both = [setting.key(), Setting::Endpoint.key()];
        return target.file.unset(profile, &both);
    }
    if settings.value(setting).is_some() {
        check(target, Change::Unset(setting), env, output)?;
    }
    target.file.unset(profile, &[setting.key()])
}

/// Warns of what every other command refuses the file for.
fn warn_of_the_rest(target: &Target, output: &Output) {
    if let Err(error) = target.file.check() {
        output
            .messages()
            .warn(&format!("the file has another problem: {error}"));
    }
}

fn unset(key: &str, env: &Environment, output: &mut Output) -> Result<()> {
    let mut target = Target::of(env)?;
    let was_set = match key {
        "profile" => {
            let was_set = target.file.default_profile().is_some();
            target.file.set_default_profile(None)?;
            was_set
        }
        _ => match Setting::from_key(key) {
            Ok(setting) => unset_setting(setting, &mut target, env, output)?,
            // A misspelt key in the file is removed like a setting.
            Err(error) => match target.file.unset(&target.profile, &[key])? {
                true => true,
                false => return Err(error),
            },
        },
    };
    warn_of_the_rest(&target, output);
    output.messages().print(&match was_set {
        true => format!("{key} is not set any more"),
        false => format!("{key} was not set in profile {}", target.profile),
    });
    output.result("", &json!({}))
}

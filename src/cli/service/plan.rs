//! The plan of an installed service: its command, its variables and its folder, and the checks of the
//! settings that it would run with.
//!
//! A service gets none of this shell's variables. Variables for folders, authorities and proxies are
//! written into its definition. Settings must be in the profile. Secrets are never written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::args;
use crate::cli::context::{Context, Flags};
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::config::{
    ACCESS_KEY_VARIABLE, Config, DEFAULT_PROFILE, KeySource, Origin, Profile, Setting, StoreChoice,
    unset_variables,
};
use crate::error::{Error, Result};
use crate::files::Folder;
use crate::input::CONNECTION_STRING_VARIABLES;
use crate::serve::running;
use crate::store::new_key_file;
use crate::text::{quoted, shell_word};

/// A service that a login starts.
pub(crate) struct Plan {
    /// The file of this program.
    pub(crate) program: PathBuf,
    /// The arguments of `serve`.
    pub(crate) arguments: Vec<String>,
    /// The variables that the service needs.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The folder that the service writes to.
    pub(crate) state: PathBuf,
}

impl Plan {
    /// Returns the plan. Checks all settings, before anything changes.
    pub(crate) fn new(args: &args::Serve, flags: &Flags, env: &Arc<Environment>) -> Result<Plan> {
        let refused = |message: &str, hint: &str| Err(Error::usage(message, hint));
        if env.global.emulator {
            return refused(
                "--install does not work with --emulator, because each run of the emulator starts from \
                 the initial state",
                "Run `acspass serve --emulator` without --install.",
            );
        }
        if args.port == 0 {
            return refused(
                "--install needs a fixed port, not --port 0",
                "Run `acspass serve --install` without --port.",
            );
        }
        let (name, profile) = env.profile()?;
        check_settings(env, &name, &profile)?;
        let context = Context::new(env, flags)?;
        context.sessions()?;
        context.token_request(false)?;
        check_config(env, &context.config)?;
        let variables = kept(env)?;
        let Some(program) = env.program.clone() else {
            return refused(
                "the system does not report the path of this program",
                "Run acspass by its full path.",
            );
        };
        let port = args.port.to_string();
        let is_named = env.global.profile.is_some() || env.variable(var::ACSPASS_PROFILE).is_some();
        let profile = is_named.then_some(["--profile", &name]);
        let profile = profile.iter().flatten().copied();
        let origins = args.allow_origin.iter();
        // The origins of the profile are not among them.
        let origins = origins.flat_map(|origin| ["--allow-origin", origin]);
        let arguments = profile.chain(["serve", "--port", &port]).chain(origins);
        Ok(Plan {
            program,
            arguments: arguments.map(str::to_owned).collect(),
            variables,
            state: absolute(&env.state_folder()?.path())?,
        })
    }
}

/// Refuses a service that would meet another one at its port.
pub(crate) fn refuse_running(serve: &Folder) -> Result<()> {
    let Some(other) = running(serve)? else {
        return Ok(());
    };
    let (pid, url) = (other.pid, &other.url);
    Err(Error::usage(
        format!("another `acspass serve` (process {pid}) is already running at {url}"),
        format!(
            "Run `{}`, then run `acspass serve --install` again.",
            other.stop_command()
        ),
    ))
}

/// Returns a path as text.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if it is not Unicode.
pub(crate) fn text_of(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| cannot_be_written(&path.to_string_lossy()))
}

/// Returns the error for text that the definition of the service cannot express.
pub(crate) fn cannot_be_written(text: &str) -> Error {
    Error::usage(
        format!(
            "{} cannot be written into the definition of the service",
            quoted(text)
        ),
        "Choose a name in UTF-8 without quotes and control characters.",
    )
}

/// Refuses settings from environment variables: the service would run without them.
fn check_settings(env: &Environment, name: &str, profile: &Profile) -> Result<()> {
    let sources = env.sources(profile);
    let mut lost = Vec::new();
    for setting in Setting::ALL {
        if let Some(found) = sources.find(setting)
            && let Origin::Environment(variable) = found.origin
            && profile.value(setting).as_deref() != Some(&*found.text)
        {
            lost.push((setting, variable, found.text));
        }
    }
    let [first, second] = CONNECTION_STRING_VARIABLES;
    for variable in [first, second, ACCESS_KEY_VARIABLE] {
        if env.variable(variable).is_some() {
            lost.push((Setting::ConnectionString, variable, String::new()));
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    let all = lost.iter();
    let all = all.map(|(setting, variable, _)| format!("{} ({variable})", setting.key()));
    let all = all.collect::<Vec<_>>().join(", ");
    let profile = match name == DEFAULT_PROFILE {
        true => String::new(),
        false => format!("--profile {} ", shell_word(name, "NAME")),
    };
    let set = format!("acspass {profile}config set");
    Err(Error::usage(
        format!("the service does not read these settings from environment variables: {all}"),
        saved_in_profile(&lost, &set),
    ))
}

/// Returns the commands that save these settings in the profile and remove their variables. `set` begins
/// the command that sets one.
fn saved_in_profile(lost: &[(Setting, &str, String)], set: &str) -> String {
    let secret = |(setting, ..): &&(Setting, &str, String)| *setting == Setting::ConnectionString;
    let with_secret = lost.iter().find(secret);
    let others = lost.iter().filter(|one| !secret(one));
    // A connection string sets the endpoint too.
    let others =
        others.filter(|(setting, ..)| with_secret.is_none() || *setting != Setting::Endpoint);
    let others = others.map(|(setting, _, value)| {
        format!("{set} {} {}", setting.key(), shell_word(value, "VALUE"))
    });
    let connection = with_secret.map(|(setting, variable, _)| {
        let command = format!("{set} {}", setting.key());
        match *variable == ACCESS_KEY_VARIABLE {
            true => command,
            false if cfg!(windows) => format!("$env:{variable} | {command}"),
            false => format!("printenv {variable} | {command}"),
        }
    });
    let mut variables: Vec<&str> = lost.iter().map(|(_, variable, _)| *variable).collect();
    variables.dedup();
    let commands: Vec<String> = others
        .chain(connection)
        .map(|command| format!("`{command}`"))
        .collect();
    let commands = match commands.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    };
    format!(
        "Run {commands} to save them in the profile. Then run `{}`, and this command again.",
        unset_variables(&variables)
    )
}

/// Refuses a configuration that needs a user or a terminal.
fn check_config(env: &Environment, config: &Config) -> Result<()> {
    let other = "Run `acspass config set store keyring`, then `acspass login`.";
    let key_file = format!(
        "To use a key file, {} Or run `acspass config set store keyring`.",
        new_key_file()
    );
    let (message, hint): (_, &str) = match config.store {
        StoreChoice::Memory => (
            "the service cannot use the store `memory`, which ends with each process",
            other,
        ),
        StoreChoice::Keyutils => (
            "the service cannot use the store `keyutils`, which belongs to this login",
            other,
        ),
        StoreChoice::File if env.variable(var::ACSPASS_STORE_KEY_FILE).is_none() => (
            "the service cannot use the store `file` with a passphrase, because it has no terminal",
            &key_file,
        ),
        StoreChoice::File | StoreChoice::Keyring => return check_resource(env, config),
    };
    Err(Error::usage(message, hint))
}

/// Refuses a resource that only a secret in the environment reaches.
fn check_resource(env: &Environment, config: &Config) -> Result<()> {
    if config.uses_exchange_service() {
        return Ok(());
    }
    let is_set = |variable: &&str| env.variable(variable).is_some();
    let secret = var::UNIT_SECRETS.into_iter().find(is_set);
    match (config.resource_unchecked()?.key, secret) {
        (KeySource::None, Some(variable)) => Err(Error::usage(
            format!(
                "the resource needs {variable}, which is not written into the definition of the service"
            ),
            "Run `acspass config set connection-string`, and unset the variable.",
        )),
        _ => Ok(()),
    }
}

/// Returns the variables for the unit.
fn kept(env: &Environment) -> Result<Vec<(&'static str, String)>> {
    let mut all = Vec::new();
    for name in var::UNIT_PATHS {
        if let Some(path) = env.path_variable(name) {
            all.push((name, text_of(&absolute(&path)?)?.to_owned()));
        }
    }
    for name in var::PROXIES {
        // Before a host, only a user name and a password end with `@`.
        if env.variable(name).is_some_and(|proxy| proxy.contains('@')) {
            return Err(Error::usage(
                format!(
                    "{name} contains a user name or a password, which is not written into \
                     the definition of the service"
                ),
                "Set the variable to a proxy without a password.",
            ));
        }
    }
    let others = var::PROXIES.into_iter().chain(var::UNIT_OTHERS);
    all.extend(others.filter_map(|name| Some((name, env.variable(name)?.to_owned()))));
    Ok(all)
}

/// Makes a path absolute.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|cause| {
        let path = quoted(&path.to_string_lossy());
        Error::usage(
            format!("the path {path} cannot be made absolute"),
            "Use an absolute path.",
        )
        .caused_by(cause)
    })
}

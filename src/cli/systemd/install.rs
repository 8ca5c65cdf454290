//! `serve --install` and `serve --uninstall`.
//!
//! systemd passes none of this shell's variables to a service. Variables for folders, authorities and
//! proxies are written into the unit. Settings must be in the profile. Secrets are never written.

use std::net::{Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::cli::args;
use crate::cli::context::{Context, Flags};
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::config::{
    ACCESS_KEY_VARIABLE, Config, DEFAULT_PROFILE, KeySource, Origin, Profile, Setting, StoreChoice,
};
use crate::error::{Error, Kind, Result};
use crate::input::CONNECTION_STRING_VARIABLES;
use crate::loopback;
use crate::serve::running;
use crate::store::{new_key_file, state_folder};
use crate::text::{as_sentence, quoted, shell_word};

use super::manager::Systemctl;
use super::units::{self, SERVICE, SOCKET, Units, text_of};

/// Installs and starts the service.
pub(crate) fn install(
    args: &args::Serve,
    flags: &Flags,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let units = Units::of(env)?;
    let texts = texts(args, flags, env)?;
    let serve = env.serve_folder()?;
    let systemctl = Systemctl(env);
    block_on(async {
        systemctl.probe().await?;
        if let Some(other) = running(&serve)?
            && systemctl.is_active(SERVICE).await != Some(true)
        {
            let (pid, url) = (other.pid, &other.url);
            return Err(Error::usage(
                format!("another `acspass serve` (process {pid}) is already running at {url}"),
                format!(
                    "Run `{}`, then run `acspass serve --install` again.",
                    other.stop_command()
                ),
            ));
        }
        match units.exist() {
            true => systemctl.disable().await,
            false => Ok(()),
        }
    })?;
    let start = || {
        let other = "Run `acspass serve --install --port N` with a port that is free.";
        loopback::bind(args.port, other)?;
        // The service cannot create its folder: it sees the rest of the disk read-only.
        let created = serve.create();
        created
            .map_err(|cause| state_folder::error_at("create the folder", &serve.path(), cause))?;
        units.write(&texts)?;
        block_on(async {
            systemctl.order(&["daemon-reload"]).await?;
            systemctl.order(&["enable", "--now", SOCKET, SERVICE]).await
        })
    };
    let undo = || {
        // A unit that was not enabled cannot be disabled. Its removal is enough.
        if let Err(error) = block_on(systemctl.disable()) {
            tracing::debug!("Could not undo a step of the installation: {error}.");
        }
        units.remove()?;
        block_on(systemctl.order(&["daemon-reload"]))
    };
    if let Err(error) = start() {
        let left = match undo() {
            Ok(()) => "Nothing is installed.".to_owned(),
            Err(also) => format!(
                "{} Run `acspass serve --uninstall` to remove the rest.",
                as_sentence(also.message())
            ),
        };
        let hint = format!("{} {left}", error.hint());
        return Err(error.with_hint(hint));
    }
    let url = running(&serve)?.map(|running| running.url);
    let paths = [&serve.file_path("secret"), &units.service, &units.socket];
    let [secret_file, service, socket] = paths.map(|path| path.display().to_string());
    if !output.is_json {
        let mut report = output.report();
        report.paragraph("The token service is installed. It starts at every login.");
        let mut row =
            |label: &str, text: &str| report.row(label, super::status::LABEL_COLUMNS, text);
        if let Some(url) = &url {
            row("Token URL", &format!("{url}/token"));
        }
        row("Secret file", &secret_file);
        row("Units", &service);
        row("", &socket);
        row("State", "run `acspass serve --status`");
        row("Log", "run `journalctl --user -u acspass`");
        row("Remove", "run `acspass serve --uninstall`");
        return output.print_report(report);
    }
    let json = json!({
        "url": url,
        "secretFile": secret_file,
        "units": [service, socket],
    });
    output.print_json(&json)
}

/// Stops and removes the service.
pub(crate) fn uninstall(env: &Environment, output: &mut Output) -> Result<u8> {
    let units = Units::of(env)?;
    if !units.exist() {
        env.messages.print("No service is installed.");
        return output.print_result("", &json!({ "removed": [] }));
    }
    let systemctl = Systemctl(env);
    match block_on(systemctl.disable()) {
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        // Without a manager nothing runs; the files would start it later.
        Err(error) => env
            .messages
            .warn(&format!("the service was not stopped: {error}")),
        Ok(()) => {}
    }
    units.remove()?;
    if let Err(error) = block_on(systemctl.order(&["daemon-reload"])) {
        let what = "systemd did not reload its units";
        env.messages.warn(&format!("{what}: {error}"));
    }
    env.messages.print("Stopped and removed the service.");
    let removed = [&units.service, &units.socket].map(|path| path.display().to_string());
    output.print_result("", &json!({ "removed": removed }))
}

/// Returns the text of service and socket. Checks all settings, before anything changes.
fn texts(args: &args::Serve, flags: &Flags, env: &Arc<Environment>) -> Result<[String; 2]> {
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
    let kept = kept(env)?;
    let Some(program) = &env.program else {
        return refused(
            "the system does not report the path of this program",
            "Run acspass by its full path.",
        );
    };
    let state = absolute(&env.state_folder()?.path())?;
    let port = args.port.to_string();
    let is_named = env.global.profile.is_some() || env.variable(var::ACSPASS_PROFILE).is_some();
    let profile = is_named.then_some(["--profile", &name]);
    let profile = profile.iter().flatten().copied();
    let origins = args.allow_origin.iter();
    // The origins of the profile are not among them.
    let origins = origins.flat_map(|origin| ["--allow-origin", origin]);
    let arguments = profile.chain(["serve", "--port", &port]).chain(origins);
    let arguments: Vec<&str> = arguments.collect();
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    Ok([
        units::service(program, &arguments, &kept, &state)?,
        units::socket(args.port, has_ipv6)?,
    ])
}

/// Refuses settings from environment variables: the service would run without them.
fn check_settings(env: &Environment, name: &str, profile: &Profile) -> Result<()> {
    let sources = env.sources(profile);
    let mut lost = Vec::new();
    for setting in Setting::ALL {
        if let Some(found) = sources.find(setting)
            && let Origin::Environment(variable) = found.origin
            && profile.value(setting) != Some(found.text)
        {
            lost.push((setting.key(), variable));
        }
    }
    let [first, second] = CONNECTION_STRING_VARIABLES;
    for variable in [first, second, ACCESS_KEY_VARIABLE] {
        if env.variable(variable).is_some() {
            lost.push((Setting::ConnectionString.key(), variable));
        }
    }
    let Some((first, _)) = lost.first() else {
        return Ok(());
    };
    let all = lost.iter();
    let all = all.map(|(key, variable)| format!("{key} ({variable})"));
    let all = all.collect::<Vec<_>>().join(", ");
    let profile = match name == DEFAULT_PROFILE {
        true => String::new(),
        false => format!("--profile {} ", shell_word(name, "NAME")),
    };
    Err(Error::usage(
        format!("the service does not read these settings from environment variables: {all}"),
        format!(
            "Run `acspass {profile}config set {first}` with the value for each setting, and unset \
             the variable."
        ),
    ))
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
    let is_set = |variable: &&str| env.variable(variable).is_some();
    let secret = var::UNIT_SECRETS.into_iter().find(is_set);
    match (config.resource_unchecked()?.key, secret) {
        (KeySource::None, Some(variable)) => Err(Error::usage(
            format!("the resource needs {variable}, which is not written into a systemd unit"),
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
                    "{name} contains a user name or a password, which is not written into a \
                     systemd unit"
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

//! `serve --install` and `serve --uninstall`.

use std::net::{Ipv6Addr, TcpListener};
use std::sync::Arc;

use serde_json::json;

use crate::cli::args;
use crate::cli::context::{Context, Flags};
use crate::cli::env_vars::ACSPASS_PROFILE;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::loopback;
use crate::serve::running;
use crate::store::folder;

use super::environment;
use super::systemctl::Systemctl;
use super::unit::{self, Plan};
use super::unit_files::{SERVICE, SOCKET, UnitFiles};

/// Installs and starts the service.
pub(crate) fn install(
    args: &args::Serve,
    flags: &Flags,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let files = UnitFiles::of(env)?;
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
                format!("another `acspass serve` (process {pid}) runs already, at {url}"),
                "stop it first: the installed one takes its place",
            ));
        }
        match files.exist() {
            true => systemctl.disable().await,
            false => Ok(()),
        }
    })?;
    let started = loopback::bind(args.port)
        .map(drop)
        .and_then(|()| write_and_start(&files, &texts, &serve, &systemctl));
    if let Err(error) = started {
        let left = match undo(&files, &systemctl) {
            Ok(()) => "nothing is installed".to_owned(),
            Err(also) => format!("{also}: `acspass serve --uninstall` removes what is left"),
        };
        let hint = format!("{}; {left}", error.hint());
        return Err(error.with_hint(hint));
    }
    let url = running(&serve)?.map(|running| running.url);
    let secret_file = serve.path_of("secret");
    let paths = [&secret_file, &files.service, &files.socket];
    let [secret_file, service, socket] = paths.map(|path| path.display());
    let served = url.as_ref().map(|url| format!("at {url}"));
    let served = served.unwrap_or_else(|| "will be served".to_owned());
    let text = format!(
        "Fresh tokens {served}, from now on and at every login
secret file  {secret_file}
units        {service}
             {socket}
`acspass serve --status` shows how it is, `acspass serve --uninstall` ends it, and
`journalctl --user -u acspass` shows what it says.",
    );
    let json = json!({
        "url": url,
        "secretFile": secret_file.to_string(),
        "units": [service.to_string(), socket.to_string()],
    });
    output.success(&text, &json)
}

/// Stops and removes the service.
pub(crate) fn uninstall(env: &Environment, output: &mut Output) -> Result<u8> {
    let files = UnitFiles::of(env)?;
    if !files.exist() {
        env.messages
            .print("no service is installed: nothing to remove");
        output.result("", &json!({ "removed": [] }))?;
        return Ok(0);
    }
    let systemctl = Systemctl(env);
    match block_on(systemctl.disable()) {
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        // Without a manager nothing runs; the files would start it later.
        Err(error) => env.messages.warn(&format!("it was not stopped: {error}")),
        Ok(()) => {}
    }
    files.remove()?;
    if let Err(error) = block_on(systemctl.order(&["daemon-reload"])) {
        let what = "systemd was not told that the units are gone";
        env.messages.warn(&format!("{what}: {error}"));
    }
    env.messages.print("the service is stopped and removed");
    let removed = [&files.service, &files.socket].map(|path| path.display().to_string());
    output.success("", &json!({ "removed": removed }))
}

/// Returns the text of service and socket. Checks all settings, before anything changes.
fn texts(args: &args::Serve, flags: &Flags, env: &Arc<Environment>) -> Result<[String; 2]> {
    let refused = |message: &str, hint: &str| Err(Error::usage(message, hint));
    if env.global.emulator {
        return refused(
            "the embedded emulator cannot be installed: it is a new world in every run",
            "run `acspass serve --emulator` while you need it, or leave out --emulator",
        );
    }
    if args.port == 0 {
        return refused(
            "an installed service needs a port that stays: 0 takes another one each time",
            "leave out --port, or name one",
        );
    }
    let (name, profile) = env.profile()?;
    environment::check_settings(env, &name, &profile)?;
    let context = Context::new(env, flags)?;
    context.sessions()?;
    context.token_request(false)?;
    environment::check_config(env, &context.config)?;
    let kept = environment::kept(env)?;
    let Some(program) = &env.program else {
        return refused(
            "the system does not tell where this program is",
            "call it by its whole path",
        );
    };
    let is_named = env.global.profile.is_some() || env.variable(ACSPASS_PROFILE).is_some();
    let state = environment::absolute(&env.state_folder()?.path())?;
    let plan = Plan {
        program,
        profile: is_named.then_some(name.as_str()),
        port: args.port,
        origins: &args.allow_origin,
        environment: &kept,
        state: &state,
        secret_file: &state.join("serve").join("secret"),
        has_ipv6: TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok(),
    };
    Ok([unit::service(&plan)?, unit::socket(&plan)?])
}

fn write_and_start(
    files: &UnitFiles,
    texts: &[String; 2],
    serve: &Folder,
    systemctl: &Systemctl<'_>,
) -> Result<()> {
    // The service cannot create its folder: it sees the rest of the disk read-only.
    let created = serve.create();
    created.map_err(|cause| folder::failure("create the folder", &serve.path(), cause))?;
    files.write(texts)?;
    block_on(async {
        systemctl.order(&["daemon-reload"]).await?;
        systemctl.order(&["enable", "--now", SOCKET, SERVICE]).await
    })
}

/// Undoes a failed installation.
fn undo(files: &UnitFiles, systemctl: &Systemctl<'_>) -> Result<()> {
    // A unit that was not enabled cannot be disabled. Its removal is enough.
    if let Err(error) = block_on(systemctl.disable()) {
        tracing::debug!("taking back: {error}");
    }
    files.remove()?;
    block_on(systemctl.order(&["daemon-reload"]))
}

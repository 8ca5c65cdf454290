//! The token service as a systemd user service: written, started, stopped and removed.
//!
//! One service a user: `acspass.service`, and `acspass.socket`, which holds its port. What they say
//! is in `text`, what may be carried into them from this shell in `environment`. The service itself
//! knows nothing of this.

mod environment;
mod status;
mod systemctl;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args;
use crate::cli::context::{Context, Environment, block_on};
use crate::cli::output::Output;
use crate::config::Setting;
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::loopback;
use crate::serve::{Running, running};
use crate::store::folder;

pub(super) use status::status;

use systemctl::Systemctl;
use text::Plan;

/// The settings that were typed.
type Flags = BTreeMap<Setting, String>;

const SERVICE: &str = "acspass.service";
/// First wherever both are stopped: while it listens, it would start the service again.
const SOCKET: &str = "acspass.socket";

/// `serve --install`.
pub(super) fn install(
    args: &args::Serve,
    flags: &Flags,
    env: &Environment,
    output: &mut Output,
) -> Result<u8> {
    let files = Files::of(env)?;
    let texts = texts(args, flags, env)?;
    let serve = env.serve_folder()?;
    let systemctl = Systemctl::new(env);
    block_on(async {
        systemctl.probe().await?;
        if let Some(other) = running(&serve)?
            && systemctl.is_active(SERVICE).await != Some(true)
        {
            return Err(in_the_way(&other));
        }
        if files.are_there() {
            systemctl
                .order(&["disable", "--now", SOCKET, SERVICE])
                .await?;
        }
        Ok(())
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
    let text = format!(
        "Fresh tokens {}, from now on and at every login

secret file  {}
units        {}
             {}

`acspass serve --status` shows how it is, `acspass serve --uninstall` ends it, and
`journalctl --user -u acspass` shows what it says.",
        match &url {
            Some(url) => format!("at {url}"),
            None => "will be served".to_owned(),
        },
        serve.path_of("secret").display(),
        files.service.display(),
        files.socket.display(),
    );
    let json = json!({
        "url": url,
        "secretFile": serve.path_of("secret").display().to_string(),
        "units": [files.service.display().to_string(), files.socket.display().to_string()],
    });
    output.result(&text, &json)?;
    Ok(0)
}

/// `serve --uninstall`.
pub(super) fn uninstall(env: &Environment, output: &mut Output) -> Result<u8> {
    let files = Files::of(env)?;
    if !files.are_there() {
        output
            .messages()
            .print("no service is installed: nothing to remove");
        output.result("", &json!({ "removed": [] }))?;
        return Ok(0);
    }
    let removed = [&files.service, &files.socket].map(|path| path.display().to_string());
    let systemctl = Systemctl::new(env);
    let stopped = block_on(systemctl.order(&["disable", "--now", SOCKET, SERVICE]));
    match stopped {
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        // Without a manager nothing runs by it; the files are what starts it one day.
        Err(error) => output
            .messages()
            .warn(&format!("it was not stopped: {error}")),
        Ok(()) => {}
    }
    files.remove()?;
    if let Err(error) = block_on(systemctl.order(&["daemon-reload"])) {
        let what = "systemd was not told that the units are gone";
        output.messages().warn(&format!("{what}: {error}"));
    }
    output
        .messages()
        .print("the service is stopped and removed");
    output.result("", &json!({ "removed": removed }))?;
    Ok(0)
}

/// The two units' text: everything that can be wrong with the settings is found here, before
/// anything changes.
fn texts(args: &args::Serve, flags: &Flags, env: &Environment) -> Result<[String; 2]> {
    let refused = |message: &str, hint: &str| Err(Error::new(Kind::Usage, message, hint));
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
    context.session()?;
    context.token_request(false)?;
    environment::check_config(env, &context.config)?;
    let carried = environment::carried(env)?;
    let Some(program) = &env.program else {
        return refused(
            "the system does not tell where this program is",
            "call it by its whole path",
        );
    };
    let named = env.global.profile.is_some() || env.variable("ACSPASS_PROFILE").is_some();
    let state = environment::absolute(&env.state_folder()?.path())?;
    let plan = Plan {
        program,
        profile: named.then_some(name.as_str()),
        port: args.port,
        origins: &args.allow_origin,
        environment: &carried,
        state: &state,
        secret_file: &state.join("serve").join("secret"),
        has_ipv6: TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok(),
    };
    Ok([text::service(&plan)?, text::socket(&plan)?])
}

fn write_and_start(
    files: &Files,
    texts: &[String; 2],
    serve: &Folder,
    systemctl: &Systemctl<'_>,
) -> Result<()> {
    // The service sees the rest of the disk read-only: it could not make this by itself.
    serve
        .create()
        .map_err(|cause| folder::failure("create the folder", &serve.path(), cause))?;
    files.write(texts)?;
    block_on(async {
        systemctl.order(&["daemon-reload"]).await?;
        systemctl.order(&["enable", "--now", SOCKET, SERVICE]).await
    })
}

/// Takes back what a failed installation has done.
fn undo(files: &Files, systemctl: &Systemctl<'_>) -> Result<()> {
    // What was not enabled cannot be disabled; that it is not there any more is what counts.
    if let Err(error) = block_on(systemctl.order(&["disable", "--now", SOCKET, SERVICE])) {
        tracing::debug!("taking back: {error}");
    }
    files.remove()?;
    block_on(systemctl.order(&["daemon-reload"]))
}

fn in_the_way(other: &Running) -> Error {
    let (pid, url) = (other.pid, &other.url);
    Error::new(
        Kind::Usage,
        format!("another `acspass serve` (process {pid}) runs already, at {url}"),
        "stop it first: the installed one takes its place",
    )
}

/// Where the units are.
struct Files {
    folder: PathBuf,
    service: PathBuf,
    socket: PathBuf,
}

impl Files {
    /// The user's folder for units (systemd.unit(5)); a relative `XDG_CONFIG_HOME` is none.
    fn of(env: &Environment) -> Result<Files> {
        let config = env.path_variable("XDG_CONFIG_HOME");
        let home = || Some(env.path_variable("HOME")?.join(".config"));
        let config = config.filter(|path| path.is_absolute()).or_else(home);
        let config = config.ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "this user has no home folder for a systemd unit",
                "set HOME",
            )
        })?;
        let folder = config.join("systemd/user");
        Ok(Files {
            service: folder.join(SERVICE),
            socket: folder.join(SOCKET),
            folder,
        })
    }

    fn are_there(&self) -> bool {
        self.service.exists() || self.socket.exists()
    }

    fn write(&self, [service, socket]: &[String; 2]) -> Result<()> {
        let failed = |cause| failure("write", &self.folder, cause);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        for (path, text) in [(&self.service, service), (&self.socket, socket)] {
            replace(&self.folder, path, text).map_err(|cause| failure("write", path, cause))?;
        }
        Ok(())
    }

    /// The links are `systemctl disable`'s to remove, which may not have run.
    fn remove(&self) -> Result<()> {
        let links = [
            self.folder.join("default.target.wants").join(SERVICE),
            self.folder.join("sockets.target.wants").join(SOCKET),
        ];
        for path in links.iter().chain([&self.service, &self.socket]) {
            match fs::remove_file(path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(failure("remove", path, cause));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Puts a file in its place whole, readable to all as units are.
fn replace(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut draft = tempfile::Builder::new()
        .prefix(".acspass-")
        .tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o644);
        draft.as_file().set_permissions(mode)?;
    }
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}

fn failure(what: &str, path: &Path, cause: io::Error) -> Error {
    Error::new(
        Kind::Usage,
        format!("cannot {what} `{}`", path.display()),
        "check the folder's permissions and free space",
    )
    .caused_by(cause)
}

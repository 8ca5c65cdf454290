//! `serve`: serves fresh tokens to this machine's apps until it is stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::cli::Stdin;
use crate::cli::args;
use crate::cli::confined;
use crate::cli::context::{Context, Environment, interrupted, runtime};
use crate::cli::dashboard;
use crate::cli::first_run;
use crate::cli::notify;
use crate::cli::output::Output;
use crate::cli::prompt::Keyboard;
use crate::cli::sd_notify;
use crate::cli::sign_in::{Opening, SignInUi};
use crate::cli::systemd;
use crate::config::Setting;
use crate::error::{Error, Kind, Result};
use crate::files::{Folder, shell_quoted};
use crate::serve::{self, DashboardSignIn, Options, Running, Server, Sockets};
use crate::session::CacheLookup;

/// How long a sign-in at the start may take.
const SIGN_IN: Duration = Duration::from_secs(5 * 60);

pub(super) fn run(
    args: &args::Serve,
    env: &Environment,
    stdin: Stdin,
    output: &mut Output,
) -> Result<u8> {
    if args.install {
        return systemd::install(args, &settings(args), env, output);
    }
    if args.uninstall {
        return systemd::uninstall(env, output);
    }
    if args.status {
        return systemd::status(env, output);
    }
    // First of all, while no thread of ours could read the environment that this takes from.
    let sockets = match env.inherited_listeners()? {
        none if none.is_empty() => Sockets::Port(args.port),
        listeners => Sockets::Given(listeners),
    };
    let keyboard = Keyboard::new(stdin);
    let asks = env.is_interactive(&keyboard);
    let context = first_run::context(env, &settings(args), true, asks.then_some(&keyboard))?;
    let folder = env.serve_folder()?;
    if args.open
        && let Some(running) = serve::running(&folder)?
    {
        return open_running(&running, &folder, &context, output);
    }
    let options = options(&context)?;
    #[cfg(unix)]
    allow_many_connections();
    let runtime = runtime()?;
    let mut stop = Box::pin(stopped());
    // From here on a signal ends it well: there is something to remove.
    let is_early = runtime.block_on(async { futures_util::poll!(&mut stop).is_ready() });
    if is_early {
        return Ok(0);
    }
    let mut server = Server::open(options, sockets, &folder)?;
    if cfg!(panic = "abort") {
        remove_on_panic(&server);
    }
    // With the dashboard open, that is where a person signs in.
    if !args.open {
        sign_in_first(&context, keyboard)?;
    }
    let outcome = runtime.block_on(async {
        let socket = server.socket().map(|path| path.display().to_string());
        let secret_file = server.secret_file().display().to_string();
        let json = json!({"url": server.url(), "secretFile": secret_file, "socket": socket});
        output.result(&text(&server), &json)?;
        if !sd_notify::tell(env) {
            output
                .messages()
                .print("Ctrl-C stops it, and removes the secret.");
        }
        let page = match args.open {
            true => {
                let opening = server.dashboard_opening(dashboard::opens(env, output))?;
                let used = server.dashboard_opened(&opening);
                Some((used, dashboard::show(&opening, env, output)?))
            }
            false => None,
        };
        // The redirect file is deleted after use, and also if the service ends before.
        let page = async move {
            if let Some((used, opened)) = page {
                used.await;
                drop(opened);
            }
            std::future::pending().await
        };
        confined::serve(&context, &mut server);
        tokio::select! {
            outcome = server.run(stop) => outcome,
            outcome = page => outcome,
        }
    });
    // A renewal that is under way may last: nobody waits for it any more.
    runtime.shutdown_background();
    outcome?;
    output.messages().print("stopped");
    Ok(0)
}

/// The settings that were typed.
fn settings(args: &args::Serve) -> BTreeMap<Setting, String> {
    match args.allow_origin.is_empty() {
        true => BTreeMap::new(),
        false => BTreeMap::from([(Setting::AllowOrigin, args.allow_origin.join(" "))]),
    }
}

/// There is one service a user: its dashboard is the one that is meant.
fn open_running(
    running: &Running,
    folder: &Folder,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<u8> {
    let has_start = dashboard::opens(context.env, output);
    let opening = context.block_on(dashboard::opening_of(running, folder, has_start))?;
    let url = &running.url;
    output
        .messages()
        .print(&format!("`acspass serve` runs already, at {url}"));
    let opened = dashboard::show(&opening, context.env, output)?;
    if opened.is_by_file() {
        context.block_on(dashboard::opened(running, folder, &opening))?;
    }
    drop(opened);
    let json = json!({
        "url": url,
        "secretFile": running.secret_file.display().to_string(),
        "socket": running.socket.as_ref().map(|path| path.display().to_string()),
    });
    output.result("", &json)?;
    Ok(0)
}

/// Most systems let a program have a thousand open files, unless it asks for more.
#[cfg(unix)]
fn allow_many_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// More than the service's own limits come to.
    const ENOUGH: u64 = 64 * 1024;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= ENOUGH) {
        return;
    }
    let wanted = Rlimit {
        current: Some(maximum.unwrap_or(ENOUGH).min(ENOUGH)),
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::debug!("no more connections than usual can be had: {error}");
    }
}

/// Ends once the user or the system wants the service to stop. Ctrl-\ does so as well: otherwise it
/// would end the process and leave the secret behind.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut quit) = signal(SignalKind::quit()) {
            tokio::select! {
                () = interrupted() => {}
                _ = quit.recv() => {}
            }
            return;
        }
    }
    interrupted().await;
}

/// Has a panic that ends the process remove what [`Server`] removes when it is dropped.
fn remove_on_panic(server: &Server) {
    let files = server
        .socket()
        .into_iter()
        .map(PathBuf::as_path)
        .chain([server.secret_file()])
        .map(Path::to_owned)
        .collect::<Vec<_>>();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        for file in &files {
            // The panic is what is reported.
            let _ = std::fs::remove_file(file);
        }
        report(panic);
    }));
}

fn options(context: &Context<'_>) -> Result<Options> {
    let tenancy = context.tenancy()?;
    let clients = || context.clients();
    let [net, owner, owned, overview, entra] =
        [clients(), clients(), clients(), clients(), clients()];
    Ok(Options {
        session: context.session()?,
        token_request: context.token_request(false)?,
        net: Arc::new(move || net.net(true)),
        owner: Arc::new(move || owner.identity_client()),
        owned: Arc::new(move || owned.resource_auth()),
        sign_in: DashboardSignIn {
            entra: Arc::new(move || entra.entra()),
            redirect_uri: context.config.redirect_uri.clone(),
            timeout: SIGN_IN,
        },
        overview: Arc::new(move || overview.overview(Some(&tenancy), usize::MAX)),
        profile: context.config.profile.clone(),
        clock: context.env.clock.clone(),
        origins: context.config.allowed_origins.clone(),
        sign_in_needed: sign_in_needed(context.env),
    })
}

/// Says on standard error and on the desktop that somebody must sign in.
fn sign_in_needed(env: &Environment) -> Arc<dyn Fn(&Error) + Send + Sync> {
    let messages = env.messages.clone();
    let has_bus = env.variable("DBUS_SESSION_BUS_ADDRESS").is_some()
        || env.variable("XDG_RUNTIME_DIR").is_some();
    Arc::new(move |error| {
        messages.warn(&format!("{error}: {}", error.hint()));
        if has_bus {
            notify::show(
                "acspass: please sign in",
                &format!("{error}: {}", error.hint()),
            );
        }
    })
}

/// A world that is a new one in every run has nobody who could sign in elsewhere: that happens
/// here, where it may.
fn sign_in_first(context: &Context<'_>, keyboard: Keyboard) -> Result<()> {
    let somebody_is_there = context.env.is_interactive(&keyboard);
    let may_sign_in = context.env.global.emulator || somebody_is_there;
    if context.sessions.is_persistent() && !context.env.global.emulator || !may_sign_in {
        return Ok(());
    }
    let CacheLookup::Stale(renewal) = context
        .session()?
        .cached_token(None, context.token_request(false)?)?
    else {
        return Ok(());
    };
    // The emulator's user needs nobody to click.
    let opening = match context.env.global.emulator {
        true => Opening::UserAgent,
        false => Opening::Browser,
    };
    let ui = SignInUi::new(context, opening, None, keyboard)?;
    let options = ui.options(None, SIGN_IN);
    match context.block_on(renewal.run(|| context.net(true), Some(&options))) {
        Err(error) if error.kind() == Kind::Interrupted => Err(error),
        outcome => outcome.map(|_| ()),
    }
}

fn text(server: &Server) -> String {
    let url = server.url();
    let secret_file = server.secret_file().display();
    let quoted = shell_quoted(server.secret_file());
    let (socket, ask) = match server.socket() {
        Some(path) => {
            let option = format!("--unix-socket {}", shell_quoted(path));
            let ask = format!("{option} http://localhost/token");
            (path.display().to_string(), ask)
        }
        None => ("none".to_owned(), format!("{url}/token")),
    };
    format!(
        "Fresh tokens at {url}

secret file  {secret_file}
Unix socket  {socket}

To ask for one, with the secret on no command line:
  printf 'Authorization: Bearer %s' \"$(cat {quoted})\" |
    curl -H @- {ask}
"
    )
}

//! `serve`: runs the token service until it is stopped.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::acs::{Endpoint, IdentityClient};
use crate::cli::args;
use crate::cli::autostart::entry::{Entry, System};
use crate::cli::autostart::install as autostart;
use crate::cli::context::{Context, Flags};
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::io::report::Report;
use crate::cli::runtime::{block_on, runtime, stopped};
use crate::cli::service::{confinement, dashboard, notification};
use crate::cli::sign_in::{browser::PageOpener, ui::SignInUi};
use crate::cli::systemd::status::LABEL_COLUMNS;
use crate::cli::systemd::{install, manager, status};
use crate::config::{Purpose, Setting};
use crate::entra::Entra;
use crate::error::{Error, Result};
use crate::files::Folder;
use crate::loopback::WebOrigin;
use crate::serve::{self, Options, Running, Server, Sockets};
use crate::session::{CacheLookup, Overview, RenewalServices};

use super::setup_questions;

/// The limit for a sign-in at the start.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

pub(crate) fn run(args: &args::Serve, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let origins = (!args.allow_origin.is_empty()).then(|| args.allow_origin.join(" "));
    let flags = Flags::from_iter(origins.map(|origins| (Setting::AllowOrigin, origins)));
    if args.install {
        return match System::for_install(env) {
            Some(system) => autostart::install(system, args, &flags, env, output),
            None => install::install(args, &flags, env, output),
        };
    }
    if args.uninstall {
        return match Entry::installed(env) {
            Some(entry) => autostart::uninstall(&entry, env, output),
            None => install::uninstall(env, output),
        };
    }
    if args.status {
        return status::run(env, output);
    }
    // First, while no other thread can read the environment variables that this removes.
    let sockets = match env.inherited_listeners()? {
        none if none.is_empty() => Sockets::Port(args.port),
        listeners => Sockets::Given(listeners),
    };
    let context = Context::new(env, &flags)?.require_settings(Purpose::CommunicationToken);
    let context = context.or_else(|lacking| setup_questions::ask(*lacking, &flags, true))?;
    let context = Arc::new(context);
    let folder = env.serve_folder()?;
    if args.open
        && let Some(running) = serve::running(&folder)?
    {
        return open_running(&running, &folder, env, output);
    }
    let options = options(&context)?;
    #[cfg(unix)]
    raise_file_limit();
    let runtime = runtime()?;
    let mut stop = {
        let _context = runtime.enter();
        Box::pin(stopped())
    };
    // From here on a signal ends the service with clean-up.
    if runtime.block_on(async { futures_util::poll!(&mut stop).is_ready() }) {
        return Ok(0);
    }
    let mut server = Server::open(options, sockets, &folder)?;
    if cfg!(panic = "abort") {
        remove_on_panic(server.running());
    }
    // With the dashboard open, the user signs in there.
    if !args.open {
        sign_in_first(&context)?;
    }
    env.messages.hide_waits();
    let outcome = runtime.block_on(async {
        let running = server.running();
        match output.is_json {
            true => output.print_json(&location(running))?,
            false => {
                let mut report = output.report();
                let dashboard = match (args.open, env.global.emulator) {
                    (true, _) => "opens in a browser",
                    (false, true) => "run `acspass serve --open --emulator` in another terminal",
                    (false, false) => "run `acspass serve --open` in another terminal",
                };
                add_start(&mut report, running, dashboard, &server.origins());
                output.print_report(report)?
            }
        };
        if !manager::report_ready(env) {
            env.messages.print("Press Ctrl-C to stop the service.");
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
        let page = async {
            if let Some((used, opened)) = page {
                used.await;
                drop(opened);
            }
            pending().await
        };
        confinement::serve(&context, &mut server);
        tokio::select! {
            outcome = server.run(stop) => outcome,
            outcome = page => outcome,
        }
    });
    // A renewal under way can take long, and its result is not needed any more.
    runtime.shutdown_background();
    outcome?;
    env.messages.print("The service stopped.");
    Ok(0)
}

/// Opens the dashboard of the service that runs already: there is one service for each user.
fn open_running(
    running: &Running,
    folder: &Folder,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let has_start = dashboard::opens(env, output);
    let opening = block_on(dashboard::request_link(running, folder, has_start))?;
    let url = &running.url;
    env.messages
        .print(&format!("The token service is already running at {url}."));
    let opened = dashboard::show(&opening, env, output)?;
    if opened.is_by_file() {
        block_on(dashboard::wait_for_use(running, folder, &opening))?;
    }
    drop(opened);
    output.print_result("", &location(running))
}

fn location(running: &Running) -> Value {
    let socket = running.socket.as_ref();
    json!({
        "url": running.url,
        "secretFile": running.secret_file.display().to_string(),
        "socket": socket.map(|path| path.display().to_string()),
    })
}

/// Raises the limit of open files, which is about a thousand on most systems.
#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// More than the service's limits add up to.
    const ENOUGH: u64 = 64 * 1024;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= ENOUGH) {
        return;
    }
    let current = Some(maximum.unwrap_or(ENOUGH).min(ENOUGH));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, maximum }) {
        tracing::debug!("Could not raise the limit of open files: {error}.");
    }
}

/// Makes a panic that ends the process remove the files that [`Server`] removes when it is dropped.
fn remove_on_panic(running: &Running) {
    let files = [running.socket.clone(), Some(running.secret_file.clone())];
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        for file in files.iter().flatten() {
            // The panic is the error that is reported.
            let _ = std::fs::remove_file(file);
        }
        report(panic);
    }));
}

impl serve::Clients for Context {
    fn net(&self) -> Result<RenewalServices> {
        self.renewal_services(true)
    }

    fn identity_client(&self) -> Result<IdentityClient> {
        self.identity_client()
    }

    fn resource(&self) -> Result<Endpoint> {
        self.endpoint_with_credential()
    }

    fn entra(&self) -> Result<Entra> {
        self.entra()
    }

    fn overview(&self) -> Result<Overview> {
        self.overview(usize::MAX)
    }
}

/// Returns the options of a service for all accounts.
pub(super) fn options(context: &Arc<Context>) -> Result<Options> {
    Ok(Options {
        session: context.sessions()?,
        token_request: context.token_request(false)?,
        only: None,
        managed_identity: None,
        clients: context.clone(),
        profile: context.config.profile.clone(),
        clock: context.env.clock.clone(),
        origins: context.config.allowed_origins.clone(),
        redirect_uri: context.config.redirect_uri.clone(),
        sign_in_timeout: SIGN_IN_TIMEOUT,
        sign_in_needed: sign_in_needed(&context.env),
    })
}

/// Prints that a user must sign in, and shows it on the desktop.
fn sign_in_needed(env: &Environment) -> Arc<dyn Fn(&Error) + Send + Sync> {
    let messages = env.messages.clone();
    let bus = [var::DBUS_SESSION_BUS_ADDRESS, var::XDG_RUNTIME_DIR];
    let has_bus = bus.iter().any(|name| env.variable(name).is_some());
    Arc::new(move |error| {
        let text = format!("{error}. {}", error.hint());
        messages.warn(&text);
        if has_bus {
            notification::show("acspass: sign-in needed", &text);
        }
    })
}

/// Signs in before the service starts, if no other command can: the store is memory, or the emulator
/// is in this process.
fn sign_in_first(context: &Context) -> Result<()> {
    let env = &context.env;
    let opening = match env.global.emulator {
        true => PageOpener::UserAgent,
        false if context.session_store.is_persistent() || !env.is_interactive() => return Ok(()),
        false => PageOpener::Browser,
    };
    let request = context.token_request(false)?;
    let CacheLookup::Miss(renewal) = context.sessions()?.cached_token(None, request)? else {
        return Ok(());
    };
    let ui = SignInUi::new(context, opening, None);
    let options = ui.options(None, SIGN_IN_TIMEOUT);
    block_on(renewal.run(|| context.renewal_services(true), Some(&options))).map(|_| ())
}

/// Adds the text after a start: the addresses and the approved origins.
fn add_start(report: &mut Report, running: &Running, dashboard: &str, origins: &[WebOrigin]) {
    let mut row = |label: &str, text: &str| report.row(label, LABEL_COLUMNS, text);
    row("Token URL", &format!("{}/token", running.url));
    row("Dashboard", dashboard);
    row("Secret file", &running.secret_file.display().to_string());
    if let Some(socket) = &running.socket {
        row("Unix socket", &socket.display().to_string());
    }
    row(
        "Web origins",
        &match origins.len() {
            0 => "none approved".to_owned(),
            count => {
                let names = origins.iter().take(MAX_ORIGINS).map(ToString::to_string);
                let names = names.collect::<Vec<_>>().join(", ");
                match count.saturating_sub(MAX_ORIGINS) {
                    0 => names,
                    more => format!("{names}, and {more} more"),
                }
            }
        },
    );
}

/// Most approved origins that the text after a start names.
const MAX_ORIGINS: usize = 3;

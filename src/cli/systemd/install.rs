//! `serve --install` and `serve --uninstall` with systemd.

use std::net::{Ipv6Addr, TcpListener};
use std::sync::Arc;

use serde_json::json;

use crate::cli::args;
use crate::cli::context::Flags;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::cli::service::plan::{Plan, refuse_running};
use crate::error::{Kind, Result};
use crate::loopback;
use crate::serve::running;
use crate::store::state_folder;
use crate::text::as_sentence;

use super::manager::Systemctl;
use super::units::{self, SERVICE, SOCKET, Units};

/// Installs and starts the service.
pub(crate) fn install(
    args: &args::Serve,
    flags: &Flags,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let units = Units::of(env)?;
    let plan = Plan::new(args, flags, env)?;
    let arguments: Vec<&str> = plan.arguments.iter().map(String::as_str).collect();
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let texts = [
        units::service(&plan.program, &arguments, &plan.variables, &plan.state)?,
        units::socket(args.port, has_ipv6)?,
    ];
    let serve = env.serve_folder()?;
    let systemctl = Systemctl(env);
    block_on(async {
        systemctl.probe().await?;
        if systemctl.is_active(SERVICE).await != Some(true) {
            refuse_running(&serve)?;
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

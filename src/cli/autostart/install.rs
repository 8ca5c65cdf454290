//! `serve --install` and `serve --uninstall` without systemd.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use crate::cli::args;
use crate::cli::context::Flags;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::cli::service::plan::{Plan, refuse_running};
use crate::cli::systemd::status::LABEL_COLUMNS;
use crate::error::{Error, Result};
use crate::text::{as_sentence, one_line};

use super::entry::{Entry, System};
use super::{launchd, task};

/// The limit for one call of the system's tool.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Writes the entry. launchd and the Task Scheduler also start the service; a desktop does so at the
/// next login.
pub(crate) fn install(
    system: System,
    args: &args::Serve,
    flags: &Flags,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let entry = Entry::of(system, env)?;
    let plan = Plan::new(args, flags, env)?;
    let content = entry.content(&plan, env)?;
    let serve = env.serve_folder()?;
    if system != System::Desktop {
        if Entry::installed(env).is_some() {
            stop(&entry, env);
        }
        refuse_running(&serve)?;
    }
    entry.write(&content)?;
    if let Err(error) = start(&entry, env) {
        let left = match entry.remove() {
            Ok(()) => "Nothing is installed.".to_owned(),
            Err(also) => as_sentence(also.message()),
        };
        let hint = format!("{} {left}", error.hint());
        return Err(error.with_hint(hint));
    }
    let secret_file = serve.file_path("secret").display().to_string();
    let file = entry.file.display().to_string();
    if output.is_json {
        let json = json!({"url": null, "secretFile": secret_file, "units": [file]});
        return output.print_json(&json);
    }
    let mut report = output.report();
    report.paragraph(match system {
        System::Desktop => {
            "The token service is installed. It starts at the next login. To start it now, run \
             `acspass serve`."
        }
        System::Launchd | System::TaskScheduler => {
            "The token service is installed. It starts now and at every login."
        }
    });
    let mut row = |label: &str, text: &str| report.row(label, LABEL_COLUMNS, text);
    row("Secret file", &secret_file);
    row(entry.name(), &file);
    row("State", "run `acspass serve --status`");
    row("Remove", "run `acspass serve --uninstall`");
    output.print_report(report)
}

/// Removes the entry. A service that runs is stopped if its system started it.
pub(crate) fn uninstall(entry: &Entry, env: &Environment, output: &mut Output) -> Result<u8> {
    stop(entry, env);
    entry.remove()?;
    env.messages.print(match entry.system {
        System::Desktop => {
            "Removed the service from the programs that start at login. One that runs goes on until \
             you log out."
        }
        System::Launchd | System::TaskScheduler => "Stopped and removed the service.",
    });
    let file = entry.file.display().to_string();
    output.print_result("", &json!({ "removed": [file] }))
}

/// Makes the system read the entry, and start the service.
fn start(entry: &Entry, env: &Environment) -> Result<()> {
    let file = entry.file.display().to_string();
    match entry.system {
        System::Desktop => Ok(()),
        System::Launchd => call(env, "launchctl", &["bootstrap", &domain(), &file]),
        System::TaskScheduler => {
            call(
                env,
                "schtasks",
                &["/Create", "/TN", task::NAME, "/XML", &file, "/F"],
            )?;
            call(env, "schtasks", &["/Run", "/TN", task::NAME])
        }
    }
}

/// Stops the service, and makes the system forget the entry. It may have forgotten it already.
fn stop(entry: &Entry, env: &Environment) {
    let stopped = match entry.system {
        System::Desktop => Ok(()),
        System::Launchd => {
            let service = format!("{}/{}", domain(), launchd::LABEL);
            call(env, "launchctl", &["bootout", &service])
        }
        System::TaskScheduler => {
            if let Err(error) = call(env, "schtasks", &["/End", "/TN", task::NAME]) {
                tracing::debug!("The task does not run: {error}.");
            }
            call(env, "schtasks", &["/Delete", "/TN", task::NAME, "/F"])
        }
    };
    if let Err(error) = stopped {
        tracing::debug!("Could not stop the service: {error}.");
    }
}

/// Returns launchd's name for the programs of this user's login.
fn domain() -> String {
    #[cfg(unix)]
    let user = rustix::process::getuid().as_raw();
    #[cfg(not(unix))]
    let user = 0;
    format!("gui/{user}")
}

/// Runs a tool of the system.
fn call(env: &Environment, program: &str, words: &[&str]) -> Result<()> {
    let failed = |message: String| {
        Error::usage(
            message,
            "Run `acspass serve` in the programs that start at login.",
        )
    };
    block_on(async {
        let mut command = Command::new(program);
        command
            .args(words)
            .env_clear()
            .envs(&env.variables)
            .envs(&env.raw_variables)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(TIMEOUT, command.output()).await;
        let output = output
            .map_err(|_| failed(format!("`{program}` did not respond within the time limit")))?
            .map_err(|cause| failed(format!("`{program}` was not found")).caused_by(cause))?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let reason = String::from_utf8_lossy(&output.stderr);
                let what = words.first().copied().unwrap_or_default();
                Err(failed(format!(
                    "`{program} {what}` failed: {}",
                    one_line(&reason, 300)
                )))
            }
        }
    })
}

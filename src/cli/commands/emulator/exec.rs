//! `emulator exec`: runs a command with an emulator of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::own_hosts::OwnHosts;
use super::seed;
use crate::cli::args;
use crate::cli::commands::child;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::{Signals, block_on_uninterrupted};
use crate::emulator::{Emulator, Options, Outcome, trusted};
use crate::error::{Error, Kind, Result};

/// The refused requests that are printed, the latest ones.
const MOST_REFUSALS: usize = 20;

pub(crate) fn run(args: &args::EmulatorExec, env: &Environment, output: &mut Output) -> Result<u8> {
    let words = args.command.as_slice();
    let [program, arguments @ ..] = words else {
        return Err(Error::internal("the required command is missing"));
    };
    // Before any thread starts.
    let hosts = args.real_hosts.then(OwnHosts::enter).transpose()?;
    let (http_port, https_port) = if args.real_hosts { (80, 443) } else { (0, 0) };
    let emulator = Emulator::start(Options {
        seed: seed::read(args.seed.as_deref())?,
        http_port,
        https_port: Some(https_port),
        clock: env.clock.clone(),
        token_life: args.token_life,
        keep_secrets: false,
        real_hosts: args.real_hosts,
        strict_versions: args.strict_versions,
        ..Options::default()
    })?;
    let outcome = block_on_uninterrupted(async {
        // From here on a signal ends the command only, so that the folder is removed.
        let signals = Signals::listen("signals cannot be forwarded to the command")?;
        let folder = private_folder()?;
        let mut bundle = write_bundle(&emulator, folder.path())?;
        let mut command = Command::new(program);
        command.args(arguments);
        if let Some(hosts) = &hosts {
            let mounted = hosts.mount_files(folder.path(), &bundle)?;
            bundle = mounted.unwrap_or(bundle);
            command = hosts.tied(words, env, output.is_json)?;
        }
        // Mounted files need no folder.
        let _folder = bundle.starts_with(folder.path()).then_some(folder);
        set_variables(&mut command, &emulator, &bundle);
        let child = child::run(command, signals, env.stdin.is_terminal);
        match hosts {
            Some(hosts) => hosts.while_serving(child).await,
            None => Ok(child.await),
        }
    })?;
    if outcome.as_ref().is_ok_and(|status| !status.success()) {
        print_refusals(&emulator, env);
    }
    Ok(child::exit_code(outcome, program, output))
}

/// Creates a folder that only this user can open. It is removed when it is dropped.
fn private_folder() -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("acspass-emulator-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir().map_err(not_written)
}

/// Writes the system's certificates and that of this run's authority.
fn write_bundle(emulator: &Emulator, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("ca-certificates.pem");
    let bundle = trusted::system() + &emulator.ca_pem().unwrap_or_default();
    std::fs::write(&path, bundle).map_err(not_written)?;
    Ok(path)
}

fn not_written(cause: std::io::Error) -> Error {
    Error::new(
        Kind::Internal,
        "the emulator's certificates cannot be written to the temporary folder",
        "Check its permissions and free space, or set TMPDIR.",
    )
    .caused_by(cause)
}

/// Sets the variables by which acspass and other clients find the emulator.
fn set_variables(command: &mut Command, emulator: &Emulator, bundle: &Path) {
    let connection_string = "COMMUNICATION_SERVICES_CONNECTION_STRING";
    command
        .env("AZURE_AUTHORITY_HOST", emulator.authority_url())
        .env("ACSPASS_TENANT_ID", emulator.tenant_id())
        .env("ACSPASS_CLIENT_ID", emulator.client_id())
        .env(connection_string, emulator.connection_string())
        .env("ACSPASS_EMULATOR_URL", emulator.http_url());
    for name in ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
        command.env(name, bundle);
    }
}

/// Prints the requests that the emulator refused, with the reasons.
fn print_refusals(emulator: &Emulator, env: &Environment) {
    let requests = emulator.requests();
    let refused = requests
        .iter()
        .filter(|request| request.outcome == Outcome::Refused);
    let refused: Vec<_> = refused.collect();
    let latest = refused.len().saturating_sub(MOST_REFUSALS);
    match refused.len() {
        0 => return,
        1 => env.messages.print("The emulator refused a request:"),
        count => {
            let text = format!("The emulator refused {count} requests:");
            env.messages.print(&text);
        }
    }
    for request in refused.iter().skip(latest) {
        let mut line = format!("  {} {} {}", request.method, request.path, request.status);
        for note in [&request.reason, &request.mistake].into_iter().flatten() {
            line += &format!(": {note}");
        }
        env.messages.print(&line);
    }
}

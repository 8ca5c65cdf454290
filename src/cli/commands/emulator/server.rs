//! The server: runs the embedded emulator until it is stopped.

use std::pin::pin;

use serde_json::json;

use super::ca_files::ca_files;
use super::{seed, state_file};
use crate::cli::args;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::io::report::Report;
use crate::cli::runtime::{block_on_uninterrupted, interrupted};
use crate::emulator::{Certificates, DevelopmentAuthority, Emulator, EnvFile, Options, Seed};
use crate::error::Result;

pub(crate) fn run(
    args: &args::EmulatorServer,
    env: &Environment,
    output: &mut Output,
) -> Result<u8> {
    if let Some(path) = &args.env_file {
        EnvFile::check(path)?;
    }
    let export = args.export_on_exit.as_deref();
    let export = export.map(|file| Ok((state_file::folder(file)?, file)));
    let export = export.transpose()?;
    let certificates = match (&args.cert, &args.key) {
        (Some(certificate), Some(key)) => Certificates::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        },
        _ => Certificates::Development(DevelopmentAuthority::new(env.state_folder()?)),
    };
    let emulator = start(args, env, &certificates)?;
    let (ca_file, bundle) = match &certificates {
        Certificates::Development(authority) => (
            Some(authority.certificate_path().display().to_string()),
            Some(authority.bundle(env.clock.now(), &ca_files(env))?),
        ),
        _ => (None, None),
    };
    if let Some(bundle) = &bundle {
        emulator.set_bundle(bundle);
    }
    let json = json!({
        "url": emulator.https_url(),
        "httpUrl": emulator.http_url(),
        "tenantId": emulator.tenant_id(),
        "clientId": emulator.client_id(),
        "username": emulator.username(),
        "objectId": emulator.object_id(),
        "connectionString": emulator.connection_string(),
        "faultSeed": emulator.fault_seed(),
        "caFile": ca_file,
    });
    if let Some(warning) = emulator.warning() {
        env.messages.warn_always(&warning);
    }
    let env_file = args.env_file.as_ref();
    let variables = || emulator.environment(bundle.as_deref());
    let _env_file = env_file
        .map(|path| EnvFile::write(path, &variables()))
        .transpose()?;
    block_on_uninterrupted(async {
        let mut stop = pin!(interrupted());
        // Listens before it prints: a program that reads the result can send a signal at once.
        if futures_util::poll!(&mut stop).is_pending() {
            match output.is_json {
                true => output.print_json(&json)?,
                false => output.print_report(started(&emulator, output))?,
            };
            env.messages
                .print("For tests only: the keys are published. Press Ctrl-C to stop.");
            stop.await;
        }
        if let Some((folder, file)) = &export {
            state_file::write(&emulator, folder, file, env.clock.now())?;
        }
        env.messages.print("The emulator stopped.");
        Ok(0)
    })
}

/// Starts the emulator, and continues from the state of `--import`.
fn start(
    args: &args::EmulatorServer,
    env: &Environment,
    certificates: &Certificates,
) -> Result<Emulator> {
    let state = args.import.as_deref().map(state_file::read).transpose()?;
    let seed = match (&args.seed, &state) {
        (None, Some(state)) => Seed::of_snapshot(state)?,
        (seed, _) => seed::read(seed.as_deref())?,
    };
    let emulator = Emulator::start(Options {
        seed,
        http_port: args.http_port,
        https_port: Some(args.https_port),
        certificates: certificates.clone(),
        clock: env.clock.clone(),
        token_life: args.token_life,
        fault_seed: args.fault_seed,
        keep_secrets: false,
        host_names: args.host_names.clone(),
        listen: args.listen,
        strict_versions: args.strict_versions,
        ..Options::default()
    })?;
    if let Some(state) = &state {
        emulator.restore(state)?;
    }
    Ok(emulator)
}

/// The end of the text after a start.
const EVERYTHING_ELSE: &str = "For everything else, open the front page, or run in another \
                               shell: eval \"$(acspass emulator env)\"";

/// Returns the text after a start: at most 15 lines of 80 columns, with the messages.
fn started(emulator: &Emulator, output: &Output) -> Report {
    let mut report = output.report();
    report.row("Front page:", 12, &emulator.http_url());
    report.blank();
    report.paragraph("Connection string:");
    report.paragraph(&format!("  {}", emulator.connection_string()));
    report.blank();
    report.paragraph(EVERYTHING_ELSE);
    report
}

//! The server: runs the embedded emulator until it is stopped.

use std::io::Write as _;
use std::pin::pin;

use serde_json::json;
use tempfile::NamedTempFile;

use super::seed;
use crate::cli::args;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::io::report::Report;
use crate::cli::runtime::{block_on_uninterrupted, interrupted};
use crate::emulator::{Emulator, Options};
use crate::error::{Error, Kind, Result};

pub(crate) fn run(
    args: &args::EmulatorServer,
    env: &Environment,
    output: &mut Output,
) -> Result<u8> {
    let emulator = Emulator::start(Options {
        seed: seed::read(args.seed.as_deref())?,
        http_port: args.http_port,
        https_port: Some(args.https_port),
        clock: env.clock.clone(),
        token_life: args.token_life,
        fault_seed: args.fault_seed,
        keep_secrets: false,
        host_names: args.host_names.clone(),
        listen: args.listen,
        strict_versions: args.strict_versions,
        ..Options::default()
    })?;
    let ca_file = write_ca(&emulator)?;
    let url = emulator.https_url().unwrap_or_default();
    let json = json!({
        "url": url,
        "httpUrl": emulator.http_url(),
        "tenantId": emulator.tenant_id(),
        "clientId": emulator.client_id(),
        "username": emulator.username(),
        "objectId": emulator.object_id(),
        "connectionString": emulator.connection_string(),
        "caFile": ca_file.path().display().to_string(),
        "faultSeed": emulator.fault_seed(),
    });
    emulator.set_ca_file(ca_file.path());
    if let Some(warning) = emulator.warning() {
        env.messages.warn_always(&warning);
    }
    block_on_uninterrupted(async {
        let mut stop = pin!(interrupted());
        // Listens before it prints: a program that reads the result can send a signal at once.
        if futures_util::poll!(&mut stop).is_pending() {
            match output.is_json {
                true => output.print_json(&json)?,
                false => output.print_report(started(&emulator, &url, output))?,
            };
            env.messages
                .print("For tests only: the keys are published. Press Ctrl-C to stop.");
            stop.await;
        }
        env.messages.print("The emulator stopped.");
        Ok(0)
    })
}

/// Writes the certificate of the emulator's authority to a file, which is removed when it stops.
fn write_ca(emulator: &Emulator) -> Result<NamedTempFile> {
    let pem = emulator
        .ca_pem()
        .ok_or_else(|| Error::internal("the emulator does not serve https"))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix("acspass-emulator-ca-").suffix(".pem");
    let file = builder.tempfile().and_then(|mut file| {
        file.write_all(pem.as_bytes())?;
        Ok(file)
    });
    file.map_err(|error| {
        Error::new(
            Kind::Internal,
            "the emulator's certificate cannot be written to the temporary folder",
            "Check its permissions and free space, or set TMPDIR.",
        )
        .caused_by(error)
    })
}

/// The width from which the settings for a shell are printed: in a narrower terminal, few of them fit.
const MIN_COLUMNS_OF_SETTINGS: usize = 80;

/// Returns the text after a start: at most 15 lines of 80 columns, with the messages.
fn started(emulator: &Emulator, https_url: &str, output: &Output) -> Report {
    let mut report = output.report();
    report.row("Front page:", 12, &emulator.http_url());
    report.row("For SDKs:", 12, https_url);
    report.blank();
    report.paragraph(
        "Open the front page for all settings, the test users and the CA certificate. For JSON, \
         start the emulator with `-o json`.",
    );
    report.blank();
    let is_narrow = |columns| columns < MIN_COLUMNS_OF_SETTINGS;
    if output.columns.is_some_and(is_narrow) {
        report.paragraph("Connection string:");
        report.paragraph(&format!("  {}", emulator.http_connection_string()));
        return report;
    }
    report.paragraph("To use it in another shell, paste there:");
    for line in emulator.shell_settings() {
        report.paragraph(&format!("  {line}"));
    }
    report
}

//! `emulator`: runs the embedded emulator until it is stopped.

use std::io::Write as _;
use std::path::Path;
use std::pin::pin;

use askama::Template;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::cli::args;
use crate::cli::environment::Environment;
use crate::cli::io::output::{Output, render};
use crate::cli::runtime::{block_on_uninterrupted, interrupted};
use crate::emulator::{Emulator, Options};
use crate::error::{Error, Kind, Result};
use crate::files::shell_quoted;

pub(crate) fn run(args: &args::Emulator, env: &Environment, output: &mut Output) -> Result<u8> {
    let emulator = Emulator::start(Options {
        http_port: args.http_port,
        https_port: Some(args.https_port),
        clock: env.clock.clone(),
        token_life: args.token_life,
        keep_secrets: false,
        host_names: args.host_names.clone(),
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
    });
    let (emulator, ca_file) = (&emulator, ca_file.path());
    let text = render(&Started {
        emulator,
        url: &url,
        ca_file,
    })?;
    block_on_uninterrupted(async {
        let mut stop = pin!(interrupted());
        // Listens before it prints: a program that reads the result can send a signal at once.
        if futures_util::poll!(&mut stop).is_pending() {
            output.print_result(&text, &json)?;
            env.messages.print(
                "This is an emulator: its keys are published and worthless, and only this machine \
                 reaches it. Ctrl-C stops it.",
            );
            stop.await;
        }
        env.messages.print("stopped");
        Ok(0)
    })
}

/// Writes the certificate of its authority to a file, which is removed when the emulator stops.
fn write_ca(emulator: &Emulator) -> Result<NamedTempFile> {
    let pem = emulator
        .ca_pem()
        .ok_or_else(|| Error::internal("the emulator serves no https"))?;
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
            "check its permissions and free space, or set TMPDIR",
        )
        .caused_by(error)
    })
}

/// The text after a start: addresses, ids and the variables for clients.
#[derive(Template)]
#[template(path = "emulator/start.txt")]
struct Started<'e> {
    emulator: &'e Emulator,
    url: &'e str,
    ca_file: &'e Path,
}

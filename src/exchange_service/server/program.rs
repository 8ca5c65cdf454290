//! The command line of `acspass-exchange`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use serde_json::json;
use tokio::runtime::Builder;

use super::assemble::assemble;
use super::certificates::Certificates;
use super::check::check;
use super::listeners::Listeners;
use super::maintenance::{maintain, wait_until_ready};
use crate::error::{Error, Kind, Result};
use crate::exchange_service::records::log_to;
use crate::exchange_service::settings::Settings;
use crate::time::SystemClock;

/// Exchange Entra tokens for Communication tokens, for an organisation's desktops
///
/// The settings are environment variables, or one TOML file with the same names in lower case. Decisions
/// and messages are JSON lines on standard error.
#[derive(Debug, Parser)]
#[command(name = "acspass-exchange", version, max_term_width = 100)]
struct Arguments {
    /// Read the settings that the environment lacks from this TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the settings and connect to all systems, without serving
    #[arg(long)]
    check: bool,
    /// Select the form of the result
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// The streams of the process.
pub struct Streams<O, E> {
    /// The result.
    pub stdout: O,
    /// Decisions and messages. Clones write to the same stream.
    pub stderr: E,
}

/// Runs the program, and returns its exit code.
pub fn run<O, E>(
    arguments: Vec<OsString>,
    environment: &BTreeMap<String, String>,
    mut streams: Streams<O, E>,
) -> u8
where
    O: Write,
    E: Write + Clone + Send + 'static,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let text = error.render().to_string();
            let is_help = !error.use_stderr();
            let _ = match is_help {
                true => streams.stdout.write_all(text.as_bytes()),
                false => streams.stderr.write_all(text.as_bytes()),
            };
            return if is_help { 0 } else { Kind::Usage.exit_code() };
        }
    };
    log_to(streams.stderr.clone());
    let output = arguments.output;
    match started(&arguments, environment, &mut streams) {
        Ok(code) => code,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let text = match output {
                Output::Text => {
                    let cause = cause.unwrap_or_default();
                    format!("error: {error}{cause}\nhint: {}\n", error.hint())
                }
                Output::Json => {
                    let (kind, hint) = (error.kind().as_str(), error.hint());
                    let error = error.to_string();
                    let error = json!({"kind": kind, "message": error, "hint": hint});
                    format!("{}\n", json!({"error": error}))
                }
            };
            let _ = streams.stderr.write_all(text.as_bytes());
            error.kind().exit_code()
        }
    }
}

fn started<O, E>(
    arguments: &Arguments,
    environment: &BTreeMap<String, String>,
    streams: &mut Streams<O, E>,
) -> Result<u8>
where
    O: Write,
    E: Write + Clone + Send + 'static,
{
    let settings = Settings::read(environment, arguments.config.as_deref())?;
    let service = assemble(&settings, Arc::new(SystemClock), streams.stderr.clone())?;
    let tls = settings.listen.tls.as_ref();
    let certificates = tls.map(Certificates::read).transpose()?;
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Error::internal("there is no event loop").caused_by(error))?;
    runtime.block_on(async {
        if arguments.check {
            let outcomes = check(&service, &settings).await;
            let text = match arguments.output {
                Output::Text => {
                    let lines = outcomes.iter().map(|outcome| outcome.line() + "\n");
                    lines.collect()
                }
                Output::Json => {
                    let all: Vec<_> = outcomes.iter().map(|outcome| outcome.json()).collect();
                    format!("{}\n", json!({"checks": all}))
                }
            };
            print(&mut streams.stdout, &text)?;
            let failed = outcomes.iter().find_map(|outcome| outcome.error());
            return Ok(failed.map_or(0, |error| error.kind().exit_code()));
        }
        let config = certificates.as_ref().map(Certificates::server_config);
        let listeners = Listeners::bind(&settings.listen, config.transpose()?)?;
        let (url, metrics_url) = (listeners.url(), listeners.metrics_url());
        let text = match arguments.output {
            Output::Text => format!("Serving {url}, metrics at {metrics_url}\n"),
            Output::Json => format!("{}\n", json!({"url": url, "metricsUrl": metrics_url})),
        };
        let work = async {
            let certificates = async {
                match &certificates {
                    Some(certificates) => certificates.keep_current().await,
                    None => std::future::pending().await,
                }
            };
            let report = async {
                wait_until_ready(&service).await;
                // A closed standard output is no reason to end the service.
                let _ = print(&mut streams.stdout, &text);
            };
            tokio::join!(maintain(service.clone(), &settings), certificates, report);
        };
        let served = listeners
            .serve(&service, settings.drain, signal, work)
            .await;
        served.map(|()| 0)
    })
}

fn print(stream: &mut impl Write, text: &str) -> Result<()> {
    let written = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
    written.map_err(|error| Error::internal("standard output is closed").caused_by(error))
}

/// Completes at the next request to end.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

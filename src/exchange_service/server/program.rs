//! The command line of `acspass-exchange`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tracing::error;

use super::assemble::{assemble, http_client};
use super::certificates::Certificates;
use super::check::{Outcome, check};
use super::listeners::Listeners;
use super::maintenance::{maintain, wait_until_ready};
use crate::error::{Error, Kind, Result};
use crate::exchange_service::records::{Writer, log_to, sentences};
use crate::exchange_service::settings::Settings;
use crate::exchange_service::traces::Export;
use crate::time::SystemClock;

/// How long the end waits for the stream of decisions and messages.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Exchange Entra tokens for Communication tokens, for an organisation's desktops
///
/// The settings are environment variables, or one TOML file with the same names in lower case. Decisions
/// and messages are JSON lines on standard error. A wrong setting ends the start with a text, or with JSON
/// if the output is JSON.
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
    /// Decisions and messages.
    pub stderr: E,
}

/// Runs the program, and returns its exit code.
pub fn run<O, E>(
    arguments: Vec<OsString>,
    environment: &BTreeMap<String, String>,
    mut streams: Streams<O, E>,
) -> u8
where
    O: Write + Send + 'static,
    E: Write + Send + 'static,
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
    let writer = match Writer::start(streams.stderr) {
        Ok(writer) => writer,
        Err(error) => return error.kind().exit_code(),
    };
    let export = Export::from_environment(environment);
    log_to(
        writer.clone(),
        export.as_ref().ok().and_then(Option::as_ref),
    );
    Export::warn_if_unused(environment);
    let code = match started(&arguments, environment, streams.stdout, &writer, export) {
        Ok(code) => code,
        Err(error) => {
            writer.message(text_of(&error, arguments.output).into_bytes());
            error.kind().exit_code()
        }
    };
    // There is no place to report that decisions or messages were lost.
    match writer.flush(FLUSH_TIMEOUT) {
        false if code == 0 => Kind::Internal.exit_code(),
        _ => code,
    }
}

fn text_of(error: &Error, output: Output) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    match output {
        Output::Text => {
            let cause = cause.unwrap_or_default();
            format!("error: {error}{cause}\nhint: {}\n", error.hint())
        }
        Output::Json => format!("{}\n", json!({"error": json_of(error)})),
    }
}

fn json_of(error: &Error) -> Value {
    let (kind, hint) = (error.kind().as_str(), error.hint());
    json!({"kind": kind, "message": error.to_string(), "hint": hint})
}

/// Returns the text of several errors. In JSON, it is one line with the first error, as for one error.
fn text_of_all(first: &Error, others: &[Error], output: Output) -> String {
    match output {
        Output::Text => std::iter::once(first)
            .chain(others)
            .map(|error| text_of(error, output))
            .collect(),
        Output::Json if others.is_empty() => text_of(first, output),
        Output::Json => {
            let others: Vec<Value> = others.iter().map(json_of).collect();
            format!("{}\n", json!({"error": json_of(first), "others": others}))
        }
    }
}

fn started(
    arguments: &Arguments,
    environment: &BTreeMap<String, String>,
    mut stdout: impl Write + Send + 'static,
    writer: &Writer,
    export: Result<Option<Export>>,
) -> Result<u8> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Error::internal("there is no event loop").caused_by(error))?;
    let clock = Arc::new(SystemClock);
    let file = arguments.config.as_deref();
    if arguments.check {
        let mut outcomes = runtime.block_on(check(environment, file, clock));
        if let Err(error) = export {
            outcomes.push(Outcome::new("settings", Err(error)));
        }
        print(&mut stdout, &text_of_checks(&outcomes, arguments.output))?;
        let failed = outcomes.iter().find_map(|outcome| outcome.error());
        return Ok(failed.map_or(0, |error| error.kind().exit_code()));
    }
    let export = export?;
    let settings = match Settings::read_with_all_faults(environment, file) {
        Ok(settings) => settings,
        Err((first, others)) => {
            writer.message(text_of_all(&first, &others, arguments.output).into_bytes());
            return Ok(first.kind().exit_code());
        }
    };
    let service = assemble(&settings, clock, writer.clone())?;
    if let Some(export) = &export {
        let _runtime = runtime.enter();
        export.send_with(http_client(&settings));
    }
    let tls = settings.listen.tls.as_ref();
    let certificates = tls.map(Certificates::read).transpose()?;
    let served = runtime.block_on(async {
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
                // A standard output that is closed, or has no reader, is no reason to end or to wait.
                thread::spawn(move || print(&mut stdout, &text));
            };
            tokio::join!(maintain(service.clone(), &settings), certificates, report);
        };
        let served = listeners
            .serve(&service, settings.drain, || end(writer), work)
            .await;
        served.map(|()| 0)
    });
    // The last spans need the runtime.
    if let Some(export) = export {
        export.end();
    }
    served.or_else(|error| match arguments.output {
        // The readers of standard error read JSON lines from here on.
        Output::Text => {
            error!("{}", sentences(&error));
            Ok(error.kind().exit_code())
        }
        Output::Json => Err(error),
    })
}

fn text_of_checks(outcomes: &[Outcome], output: Output) -> String {
    match output {
        Output::Text => outcomes
            .iter()
            .map(|outcome| outcome.line() + "\n")
            .collect(),
        Output::Json => {
            let all: Vec<_> = outcomes.iter().map(Outcome::json).collect();
            format!("{}\n", json!({"checks": all}))
        }
    }
}

fn print(stream: &mut impl Write, text: &str) -> Result<()> {
    let written = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
    written.map_err(|error| Error::internal("standard output is closed").caused_by(error))
}

/// Completes at the next request to end, and once if the audit has no reader any more. No decision is
/// possible then, and the exit code is that of lost lines.
async fn end(writer: &Writer) {
    tokio::select! {
        () = signal() => {}
        () = writer.closed() => {}
    }
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

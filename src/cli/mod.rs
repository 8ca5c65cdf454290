//! The command: what was typed and the outside world in, an exit code out.
//!
//! [`run`] is the whole program; `main` only gathers the real world into an [`Outside`], and tests
//! hand in another. It holds no logic that the library lacks.

mod args;
mod browser;
mod clients;
mod commands;
mod confined;
#[cfg(debug_assertions)]
mod confinement_probe;
mod context;
mod dashboard;
#[cfg_attr(not(unix), path = "console.rs")]
mod echo;
mod first_run;
mod folders;
#[cfg(unix)]
mod line_editor;
mod log;
mod notify;
mod output;
mod passphrase;
mod profile;
mod prompt;
mod qr;
mod render;
mod sd_notify;
mod sign_in;
mod stores;
mod systemd;
mod usage;
mod wrap;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use clap::{CommandFactory, FromArgMatches};

use crate::entra::browser::Browser;
use crate::error::Kind;
use crate::time::Clock;

use args::{Cli, Color, Format};
use output::{Messages, Output, Verbosity};

/// The world outside the program, as it was when the program started.
pub struct Outside {
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// Those of its variables whose values are not UTF-8, as they are: a path may be among them.
    pub raw_environment: BTreeMap<String, OsString>,
    /// The platform's own folders; `None` where it has none, for instance without a home.
    pub folders: Option<Folders>,
    /// Standard input.
    pub stdin: Stdin,
    /// Standard output.
    pub stdout: Box<dyn Write + Send>,
    /// Standard error.
    pub stderr: Box<dyn Write + Send>,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// How wide and how high that terminal is, in columns and lines, where it says.
    pub stderr_size: Option<(usize, usize)>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The browser, in place of the one that the environment leads to: a test's.
    pub browser: Option<Arc<dyn Browser>>,
    /// Takes the listeners that a service manager has handed over; none where there are none.
    pub listeners: fn() -> io::Result<Vec<TcpListener>>,
    /// This program's own file, where the system tells.
    pub program: Option<PathBuf>,
}

/// Standard input: to be read once, by whoever takes it.
pub struct Stdin {
    /// What it gives.
    pub source: Box<dyn Read + Send>,
    /// Whether it is a terminal.
    pub is_terminal: bool,
}

/// The platform's folders for this program.
#[derive(Debug, Clone)]
pub struct Folders {
    /// For `config.toml`.
    pub config: PathBuf,
    /// For the index, the locks and whatever else is state.
    pub state: PathBuf,
}

/// The definition of the command line, for what is made from it: completions, manual pages, and tests
/// that go through every flag.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command that `arguments` name, the program's name first, and returns the exit code.
pub fn run(arguments: Vec<OsString>, outside: Outside) -> u8 {
    let wants_json = wants_json(&arguments);
    let Outside {
        environment,
        raw_environment,
        folders,
        stdin,
        stdout,
        stderr,
        stderr_is_terminal,
        stderr_size,
        clock,
        browser,
        listeners,
        program,
    } = outside;
    let is_dumb = environment.get("TERM").is_some_and(|term| term == "dumb");
    let no_color = is_dumb || environment.get("NO_COLOR").is_some_and(|no| !no.is_empty());
    let size = stderr_size.filter(|_| stderr_is_terminal && !is_dumb);
    let columns = size.map(|(columns, _)| columns);
    let colours = |color: Color| match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => stderr_is_terminal && !no_color,
    };
    let mut command = Cli::command();
    let parsed = command
        .try_get_matches_from_mut(&arguments)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(wrong) => {
            let messages = Messages::new(stderr, Verbosity::default(), false, columns);
            return not_a_command(wrong, Output::new(stdout, messages, wants_json));
        }
    };
    let log = environment.get("ACSPASS_LOG").map(String::as_str);
    let (level, warning) = log::level(cli.global.quiet, cli.global.verbose, log);
    let loudness = Verbosity {
        is_quiet: cli.global.quiet,
        level,
    };
    let messages = Messages::new(stderr, loudness, colours(cli.global.color), columns);
    if let Some(warning) = warning {
        messages.warn(&warning);
    }
    let mut output = Output::new(stdout, messages.clone(), cli.global.output == Format::Json);
    if let Err(error) = usage::check_no_secret(&command, &matches) {
        output.error(&error);
        return error.kind().exit_code();
    }
    let env = context::Environment {
        stderr_is_terminal,
        stderr_lines: size.map(|(_, lines)| lines),
        variables: environment,
        raw_variables: raw_environment,
        folders,
        clock,
        browser,
        listeners,
        program,
        global: cli.global,
        messages: messages.clone(),
        saved_answers: OnceLock::new(),
        has_warned: AtomicBool::new(false),
    };
    let outcome = log::with_subscriber(&messages, || {
        commands::run(cli.command, &env, stdin, &mut output)
    });
    // A thread may still wait for a key that is not shown.
    echo::restore();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            let error = env.with_saved_answers_hint(error);
            output.error(&error);
            error.kind().exit_code()
        }
    }
}

/// Help and version are results; everything else that does not parse is a usage error.
fn not_a_command(wrong: clap::Error, mut output: Output) -> u8 {
    use clap::error::ErrorKind;
    match wrong.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            match output.raw(wrong.to_string().as_bytes()) {
                Ok(()) => 0,
                Err(error) => error.kind().exit_code(),
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output.messages().print_always(&wrong.to_string());
            Kind::Usage.exit_code()
        }
        _ => {
            output.error(&usage::error_of(wrong));
            Kind::Usage.exit_code()
        }
    }
}

/// Whether JSON was asked for, where the rest of the line does not parse.
fn wants_json(arguments: &[OsString]) -> bool {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    words
        .windows(2)
        .any(|pair| matches!(pair[0], "-o" | "--output") && pair[1] == "json")
        || words
            .iter()
            .any(|word| matches!(*word, "-ojson" | "-o=json" | "--output=json"))
}

//! The command line: arguments and an [`Environment`] go in, output and an exit code come out.
//!
//! [`run`] is the whole program. `main` creates the environment of the process, tests create another
//! one. The command has no logic that the library lacks.

mod args;
mod autostart;
mod clipboard;
mod commands;
mod complete;
mod context;
mod env_vars;
mod environment;
mod help;
mod hints;
mod io;
mod profile;
mod prompt;
mod runtime;
mod service;
mod sign_in;
mod stores;
mod systemd;
pub mod variables;

use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;

use clap::{ColorChoice, CommandFactory};
use serde_json::json;

pub use environment::{Environment, Folders};
pub use prompt::input::Input;

use crate::error::{Kind, Result};
use args::emulator::check_no_server_option;
use args::frequent::parse_frequent;
use args::request::{Request, asks_for_help};
use args::{Account, Cli, Command, Format, Parsed, Session, Token, User, mistake, parse, secrets};
#[cfg(unix)]
use commands::guard;
#[cfg(target_os = "linux")]
use commands::tied;
use commands::{
    access, account, api, completions, config, doctor, emulator, exec, get, help as help_command,
    inspect, login, logout, man, profile as profiles, serve, session, setup, status, store, token,
    user,
};
use hints::global_options::GlobalOptions;
use io::log;
use io::output::Output;
use io::style::Style;

/// Returns the definition of the command line, for the reference and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command that `arguments` name, the program's name first. Prints the result to `stdout`
/// and returns the exit code.
pub fn run(
    arguments: Vec<OsString>,
    mut env: Environment,
    stdout: impl Write + Send + 'static,
) -> u8 {
    if complete::is_called(&arguments) {
        complete::print(&arguments, env, stdout);
        return 0;
    }
    let stdout = Box::new(stdout);
    #[cfg(unix)]
    if guard::is_called(&arguments) {
        guard::run(&arguments);
        return 0;
    }
    #[cfg(target_os = "linux")]
    if tied::is_called(&arguments) {
        let mut output = Output::new(stdout, env.messages, false);
        return tied::run(&arguments, &mut output);
    }
    if clipboard::is_called(&arguments) {
        return clipboard::hold(&arguments, &env, stdout);
    }
    env.messages.columns = env.terminal_size().map(|(columns, _)| columns);
    let (stdout_is_terminal, stdout_columns) = (env.stdout_is_terminal, env.stdout_columns);
    let new_output = |stdout, messages, is_json, style| {
        let mut output = Output::new(stdout, messages, is_json);
        output.style = style;
        output.is_terminal = stdout_is_terminal;
        output.columns = stdout_columns;
        output
    };
    let parsed = match parse_frequent(&arguments) {
        Some(parsed) => Ok(parsed),
        None => parse::<Cli>(&arguments),
    };
    let Parsed {
        cli,
        definition,
        matches,
    } = match parsed {
        Ok(parsed) => parsed,
        Err(wrong) => {
            let color = mistake::wanted_color(&arguments);
            env.messages.style = style(&env, color, env.stderr_is_terminal);
            let stdout_style = style(&env, color, env.stdout_is_terminal);
            let is_json = mistake::wants_json(&arguments);
            let output = new_output(stdout, env.messages, is_json, stdout_style);
            return print_parse_result(wrong, &arguments, output);
        }
    };
    env.arguments = arguments;
    env.global = cli.global;
    let color = env.global.color;
    env.messages.style = style(&env, color, env.stderr_is_terminal);
    let stdout_style = style(&env, color, env.stdout_is_terminal);
    env.messages.is_quiet = env.global.quiet;
    let (profile, emulator) = (env.global.profile.as_deref(), env.global.emulator);
    env.messages.global_options = GlobalOptions::new(profile, emulator);
    let variable = env.variable(env_vars::ACSPASS_LOG);
    let (level, warning) = log::level(env.global.quiet, env.global.verbose, variable);
    env.messages.level = level;
    if let Some(warning) = warning {
        env.messages.warn(&warning);
    }
    let is_json = env.global.output == Format::Json;
    let mut output = new_output(stdout, env.messages.clone(), is_json, stdout_style);
    let env = Arc::new(env);
    let edits_profile = match &cli.command {
        Command::Serve(args) => args.install,
        command => matches!(command, Command::Config(_) | Command::Profile(_)),
    };
    let checked = secrets::check_no_secret(&definition, &matches);
    let checked = checked.and_then(|()| check_no_server_option(&matches));
    let outcome = checked.and_then(|()| {
        let clock = Arc::clone(&env);
        let time = move || clock.local_times(clock.clock.now()).log_time();
        log::with_subscriber(&env.messages, time, || {
            run_command(cli.command, &env, &mut output)
        })
    });
    // A thread may still read hidden input: turn the echo on again.
    prompt::echo::restore();
    outcome.unwrap_or_else(|error| {
        let error = env.with_saved_answers_hint(error);
        let error = hints::adapted(error, &env, edits_profile);
        output.error(&error);
        error.kind().exit_code()
    })
}

fn run_command(command: Command, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    env.global.output.check_is_of(command.with_own_format())?;
    match command {
        Command::Login(args) => login::run(&args, env, output),
        Command::Get(args) if args.copy => get::copy(&args, env),
        Command::Get(args) => get::run(&args, env, output),
        Command::Exec(args) => exec::run(&args, env, output),
        Command::Serve(args) => serve::run(&args, env, output),
        Command::Status => status::run(env, output),
        Command::Logout { account, all } => logout::run(account.as_deref(), all, env, output),
        Command::Account(Account::List) => account::list(env, output),
        Command::Account(Account::Switch(args)) | Command::Switch(args) => {
            account::switch(args.user.as_deref(), env, output)
        }
        Command::Inspect { file } => inspect::run(file.as_deref(), env, output),
        Command::User(User::Create(args)) => user::create(&args, env, output),
        Command::User(User::Delete { id, .. }) => user::delete(&id, env, output),
        Command::Token(Token::Issue(args)) => token::issue(&args, env, output),
        Command::Token(Token::Revoke { user, .. }) => token::revoke(&user, env, output),
        Command::Token(Token::Exchange(args)) => token::exchange(&args, env, output),
        Command::Access(command) => access::run(&command, env, output),
        Command::Api(args) => api::run(&args, env, output),
        Command::Config(args) => config::run(&args, env, output),
        Command::Profile(args) => profiles::run(&args, env, output),
        Command::Session(Session::Export(args)) => session::export(&args, env, output),
        Command::Session(Session::Import(args)) => session::import(&args, env, output),
        Command::Store(args) => store::run(&args, env, output),
        Command::Setup { script } => setup::run(script, env, output),
        Command::Doctor { offline } => doctor::run(offline, env, output),
        Command::Emulator(args) => emulator::run(&args, env, output),
        Command::Completions { shell } => completions::run(shell, output),
        Command::Man { command, folder } => man::run(&command, folder.as_deref(), output),
        Command::Help { command } => help_command::run(&command, output),
        Command::Version => {
            let version = env!("CARGO_PKG_VERSION");
            output.print_result(&format!("acspass {version}"), &json!({"version": version}))
        }
    }
}

/// Determines the colours and symbols of a stream.
fn style(env: &Environment, color: ColorChoice, is_terminal: bool) -> Style {
    let no_color = env.variables.get(env_vars::NO_COLOR);
    let is_plain = env.is_dumb() || no_color.is_some_and(|no| !no.is_empty());
    Style {
        is_coloured: match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !is_plain,
        },
        has_symbols: is_terminal && env.is_utf8(),
    }
}

/// Prints help and version as results, and everything else that does not parse as a usage error.
fn print_parse_result(wrong: clap::Error, arguments: &[OsString], mut output: Output) -> u8 {
    use clap::error::ErrorKind;

    let printed = match wrong.kind() {
        ErrorKind::DisplayHelp => help::print(&Request::of(arguments), &mut output),
        ErrorKind::ValueValidation if asks_for_help(arguments) => {
            help::print(&Request::of(arguments), &mut output)
        }
        ErrorKind::DisplayVersion => output.write_bytes(wrong.to_string().as_bytes()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !output.is_json => {
            help::print_as_message(&Request::of(arguments), &output.messages);
            return Kind::Usage.exit_code();
        }
        _ => Err(mistake::error_of(wrong, arguments)),
    };
    printed.unwrap_or_else(|error| {
        output.error(&error);
        error.kind().exit_code()
    })
}

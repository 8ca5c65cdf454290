//! `emulator exec`: runs a command with an emulator of its own.

use std::future::pending;

use super::ca_files::ca_files;
use super::own_hosts::OwnHosts;
use super::seed;
use crate::cli::args;
use crate::cli::commands::guard::Guard;
use crate::cli::commands::{child, tied};
use crate::cli::env_vars::PROXIES;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::{Signals, block_on_uninterrupted};
use crate::emulator::{Emulator, Options, Outcome, RunBundle};
use crate::error::{Error, Result};

/// This command, in a hint.
const THIS_COMMAND: &str = "acspass emulator exec";

/// The refused requests that are printed, the latest ones.
const MOST_REFUSALS: usize = 20;

pub(crate) fn run(args: &args::EmulatorExec, env: &Environment, output: &mut Output) -> Result<u8> {
    let words = args.command.as_slice();
    let [program, ..] = words else {
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
        let ca_pem = emulator.ca_pem().unwrap_or_default();
        let own = RunBundle::new(&ca_pem, &ca_files(env))?;
        let mut guard = Guard::start(env, own.folder())?;
        let mut bundle = own.path();
        let mut command = tied::command(words, THIS_COMMAND, env, output.is_json)?;
        if let Some(hosts) = &hosts {
            let mounted = hosts.mount_files(own.folder(), &bundle)?;
            bundle = mounted.unwrap_or(bundle);
            for name in PROXIES {
                command.env_remove(name);
            }
        }
        // Mounted files need no folder.
        let _own = bundle.starts_with(own.folder()).then_some(own);
        command.envs(emulator.environment(Some(&bundle)).variables());
        let child = async {
            let child = child::start(command)?;
            guard.watch(child.id());
            child::wait(child, signals, env.stdin.is_terminal, pending()).await
        };
        match hosts {
            Some(hosts) => hosts.while_serving(child).await,
            None => Ok(child.await),
        }
    })?;
    if outcome.as_ref().is_ok_and(|status| !status.success()) {
        print_refusals(&emulator, env);
    }
    Ok(child::exit_code(outcome, program, THIS_COMMAND, output))
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

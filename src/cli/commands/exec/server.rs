//! `exec --server`: a token service of the command's own, which ends with it.

use std::future::pending;
use std::io;
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use crate::account::Account;
use crate::cli::commands::guard::Guard;
use crate::cli::commands::{child, serve};
use crate::cli::context::Context;
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::runtime::{Signals, runtime};
use crate::error::Result;
use crate::serve::{ManagedIdentity, Options, PrivateFolder, Server};

use super::parent;

/// Runs the command with a service for this account. `Err` of the result is a command that could not
/// be started.
pub(super) fn run(
    context: &Arc<Context>,
    account: &Account,
    with_identity: bool,
    mut command: Command,
) -> Result<io::Result<ExitStatus>> {
    let env = &context.env;
    let folder = PrivateFolder::new(&env.private_serve_folder()?)?;
    let mut guard = Guard::start(env, &folder.folder().path())?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        // From here on a signal ends the command only.
        let signals = Signals::listen("signals cannot be forwarded to the command")?;
        let server = Server::open(
            options(context, account, with_identity)?,
            0,
            folder.folder(),
        )?;
        command
            .env(var::ACSPASS_SERVE_URL, server.url())
            .env(var::ACSPASS_SERVE_SECRET_FILE, server.secret_file())
            .envs(without_proxy(env));
        if let Some((endpoint, header)) = server.managed_identity() {
            command
                .env(var::IDENTITY_ENDPOINT, endpoint)
                .env(var::IDENTITY_HEADER, header.expose());
        }
        if parent::has_ended(env.parent) {
            return Err(parent::ended_error());
        }
        let child = match child::start(command) {
            Ok(child) => child,
            Err(cause) => return Ok(Err(cause)),
        };
        guard.watch(child.id());
        let served = async {
            if let Err(error) = server.run(pending()).await {
                tracing::warn!("the command gets no new tokens: {error}");
            }
            pending().await
        };
        let stop = parent::ended(env.parent);
        tokio::select! {
            status = child::wait(child, signals, env.stdin.is_terminal, stop) => Ok(status),
            status = served => Ok(status),
        }
    });
    // A renewal under way can take long, and its result is not needed any more.
    runtime.shutdown_background();
    // The guard ends last.
    drop(folder);
    outcome
}

/// Returns the options of the service: for this account alone, and for no web page.
fn options(context: &Arc<Context>, account: &Account, with_identity: bool) -> Result<Options> {
    let scopes = &context.config.scopes;
    let identity = with_identity.then(|| ManagedIdentity::new(scopes));
    Ok(Options {
        only: Some(account.clone()),
        managed_identity: identity.transpose()?,
        origins: Vec::new(),
        ..serve::options(context)?
    })
}

/// Returns the variables that lead requests to the service past a proxy, if there is one: it would read
/// the secret.
fn without_proxy(env: &Environment) -> Vec<(&'static str, String)> {
    let is_set = |name: &&str| env.variable(name).is_some();
    if !var::PROXIES.iter().any(is_set) {
        return Vec::new();
    }
    let names = var::NO_PROXIES;
    let [lower, upper] = names.map(|name| env.variable(name));
    // Most clients read one of the two if the other is not set, and some read one only.
    let hosts = [lower.or(upper), upper.or(lower)].map(with_loopback);
    names.into_iter().zip(hosts).collect()
}

/// Returns the hosts with the one of the service. A lone `*` means all hosts, and only if it is alone.
fn with_loopback(hosts: Option<&str>) -> String {
    match hosts.map(str::trim) {
        None => "127.0.0.1".to_owned(),
        Some("*") => "*".to_owned(),
        Some(hosts) => format!("{hosts},127.0.0.1"),
    }
}

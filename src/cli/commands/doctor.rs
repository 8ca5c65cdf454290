//! `doctor`: runs the checks and prints the findings, without private data.

use std::sync::Arc;

use serde_json::json;

use crate::cli::context::{Context, Flags};
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::hints;
use crate::cli::io::output::Output;
use crate::cli::io::style::Mark;
use crate::cli::runtime::block_on;
use crate::config::{self, KeySource};
use crate::doctor::{self, Check, Outcome, Owner, Public};
use crate::error::Result;
use crate::exchange::ExchangeKind;
use crate::hardening;
use crate::secret::is_memory_locked;
use crate::serve::running;
use crate::text::as_sentence;

pub(crate) fn run(offline: bool, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let home = env.variable(var::HOME).or(env.variable(var::USERPROFILE));
    let (checks, public) = match Context::new(env, &Flags::new()) {
        Ok(context) => (
            examine(offline, env, &context)?,
            Public::new(Some(&context.config), home),
        ),
        Err(error) => (doctor::not_configured(&error), Public::new(None, home)),
    };
    let mut report = output.report();
    let mut json = Vec::new();
    for check in &checks {
        let (name, result) = (check.name, check.outcome.as_str());
        let finding = public.text(&check.finding);
        let advice = check.advice.as_deref();
        let advice = advice.map(|advice| hints::for_user(&as_sentence(advice), env));
        let advice = advice.map(|advice| public.text(&advice));
        let marked = (mark(check.outcome), result);
        report.finding(marked, name, COLUMNS, &finding, advice.as_deref());
        json.push(json!({"name": name, "result": result, "finding": finding, "advice": advice}));
    }
    let explanation = doctor::explanation(&checks);
    let verdict = verdict(&checks, explanation.map(|(check, _)| check));
    if output.is_json {
        output.print_json(&json!({ "checks": json }))?;
        output.messages.print(&verdict);
    } else {
        report.blank();
        report.paragraph(&verdict);
        output.print_report(report)?;
    }
    Ok(explanation.map_or(0, |(_, kind)| kind.exit_code()))
}

/// The widths of a result with its symbol, and of the name of a check, in columns.
const COLUMNS: (usize, usize) = (10, 15);

/// Returns the last line. `first` is the first check that failed.
fn verdict(checks: &[Check], first: Option<&Check>) -> String {
    let count = |is: fn(&Outcome) -> bool| checks.iter().filter(|check| is(&check.outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Fail(_)));
    let warnings = count(|outcome| matches!(outcome, Outcome::Warn));
    match (first, failed, warnings) {
        (Some(first), 1, _) => format!("1 check failed: `{}`.", first.name),
        (Some(first), _, _) => format!("{failed} checks failed. Start with `{}`.", first.name),
        (None, _, 0) => "All checks passed.".to_owned(),
        (None, _, 1) => "All checks passed. 1 has a warning.".to_owned(),
        (None, _, _) => format!("All checks passed. {warnings} have warnings."),
    }
}

fn mark(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Ok => Mark::Good,
        Outcome::Warn => Mark::Warning,
        Outcome::Fail(_) => Mark::Bad,
        Outcome::Skipped => Mark::Neutral,
    }
}

/// Runs all checks, each after the checks that can explain it.
fn examine(offline: bool, env: &Environment, context: &Context) -> Result<Vec<Check>> {
    let config = &context.config;
    let file = env.config_file().ok();
    let folder = env.state_folder().ok();
    let mut checks = vec![
        doctor::configuration(config, file.as_ref().map(|file| file.path())),
        doctor::store(
            &context.session_store,
            context.application().ok().as_ref(),
            folder.map(|folder| folder.path()).as_deref(),
            offline,
        ),
    ];
    let (http, authority) = (&context.http, &config.authority);
    let route = http.route(authority.url());
    let files = config::ca_files(|name| env.path_variable(name));
    if offline {
        checks.push(doctor::proxy(route, None));
        checks.push(doctor::tls(&files, None));
        let service = config.uses_exchange_service().then_some("service");
        for name in ["entra", "clock", "resource"].into_iter().chain(service) {
            checks.push(Check::skipped(name, "--offline contacts no service"));
        }
    } else {
        checks.extend(block_on(async {
            let probe = doctor::probe_metadata(authority, http, env.clock.as_ref()).await;
            let checks = [
                doctor::proxy(route, Some(&probe)),
                doctor::tls(&files, Some(&probe)),
                doctor::entra(&probe, authority, http).await,
                doctor::clock(&probe),
                match config.resource_unchecked() {
                    _ if config.uses_exchange_service() => {
                        Check::skipped("resource", "the exchange service has its credential")
                    }
                    Err(_) => Check::skipped("resource", "no usable resource is configured"),
                    Ok(resource) => {
                        let owner = owner(context, &resource.key);
                        doctor::resource(&resource.endpoint, owner, http).await
                    }
                },
            ];
            Ok(checks)
        })?);
        if config.uses_exchange_service() {
            checks.push(exchange_service(context));
        }
    }
    let running = env.serve_folder().and_then(|folder| running(&folder));
    let running = running.ok().flatten();
    let running = running.map(|running| (running.pid, running.confined));
    checks.extend([
        doctor::redirect_port(&config.redirect_uri),
        doctor::loopback(),
        doctor::browser(&env.variables),
        doctor::memory(hardening::memory()),
        doctor::swap(is_memory_locked()),
        doctor::confinement(running, hardening::offered()),
    ]);
    Ok(checks)
}

fn exchange_service(context: &Context) -> Check {
    match context.exchange_client() {
        Err(_) => Check::skipped("service", "no usable exchange service is configured"),
        Ok(client) => {
            let check = block_on(async { Ok(doctor::exchange_service(&client).await) });
            check.unwrap_or_else(|error| Check::failed("service", &error))
        }
    }
}

fn owner(context: &Context, key: &KeySource) -> Owner {
    match (context.config.exchange, key) {
        (ExchangeKind::Entra | ExchangeKind::TeamsExtension | ExchangeKind::Service, _) => {
            Owner::User
        }
        (ExchangeKind::Key, KeySource::None) => Owner::Principal,
        (ExchangeKind::Key, KeySource::Given(_) | KeySource::Stored) => {
            Owner::Key(Box::new(context.identity_client()))
        }
    }
}

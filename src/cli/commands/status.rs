//! `status`: prints the accounts in the index. Does not call the store.

use std::sync::Arc;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::io::report::Report;
use crate::cli::io::style::Mark;
use crate::error::{Kind, Result};
use crate::json;
use crate::session::{AccountState, Overview, TokenState, has_shared_username};
use crate::store::UnfinishedMigration;

/// The number of accounts that are printed as text.
const MAX_ACCOUNTS_AS_TEXT: usize = 10;

pub(crate) fn run(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let most = match output.is_json {
        true => usize::MAX,
        false => MAX_ACCOUNTS_AS_TEXT,
    };
    let overview = context.overview(most)?;
    match output.is_json {
        true => {
            let store = context.session_store.store_name();
            let accounts = overview.accounts();
            let json = json::status(&context.config.profile, store, &accounts);
            output.print_result("", &json)?;
        }
        false => {
            let mut report = output.report();
            add_settings(&mut report, &context);
            report.blank();
            add_accounts(&mut report, &overview, &context.env);
            add_unfinished_migration(&mut report, &context)?;
            output.print_report(report)?;
        }
    }
    Ok(match overview.active_can_get_token() {
        true => 0,
        false => Kind::SignInNeeded.exit_code(),
    })
}

/// The width of the labels of settings and of tokens, in columns.
const LABEL_COLUMNS: usize = 10;
const TOKEN_LABEL_COLUMNS: usize = 31;

fn add_settings(report: &mut Report, context: &Context) {
    let config = &context.config;
    report.row("Profile", LABEL_COLUMNS, &config.profile);
    let tenant = format!(
        "{} at {}",
        config.authority.tenant(),
        config.authority.host_and_port()
    );
    report.row("Tenant", LABEL_COLUMNS, &tenant);
    if config.uses_exchange_service() {
        match config.exchange_service_unchecked() {
            Ok(service) => report.row("Service", LABEL_COLUMNS, service.url.as_str()),
            Err(_) => report.marked_row(
                "Service",
                LABEL_COLUMNS,
                (Mark::Warning, "not configured"),
                ": run `acspass config set exchange-service URL`",
            ),
        }
    }
    match config.resource_unchecked() {
        Err(_) if config.uses_exchange_service() => {}
        Ok(resource) => report.row("Resource", LABEL_COLUMNS, resource.endpoint.as_str()),
        Err(_) => report.marked_row(
            "Resource",
            LABEL_COLUMNS,
            (Mark::Warning, "not configured"),
            ": run `acspass config set connection-string`",
        ),
    }
    let store = context.session_store.store_name();
    report.row("Store", LABEL_COLUMNS, store);
}

/// Adds the next step of a migration that was interrupted.
fn add_unfinished_migration(report: &mut Report, context: &Context) -> Result<()> {
    if !context.session_store.is_persistent() {
        return Ok(());
    }
    if let Some(unfinished) = UnfinishedMigration::read(&context.env.sessions_folder()?)? {
        let to = &unfinished.to;
        report.blank();
        report.paragraph(&format!(
            "The migration to the store {to} is unfinished. Run `acspass store migrate {to}` to \
             continue it."
        ));
    }
    Ok(())
}

/// Adds the accounts and their tokens.
pub(super) fn add_accounts(report: &mut Report, overview: &Overview, env: &Environment) {
    let times = env.local_times(env.clock.now());
    let accounts = overview.accounts();
    let is_shared = has_shared_username(accounts.iter().map(|state| &state.account));
    for state in accounts {
        let (mark, active) = if state.active {
            ("*", ", active")
        } else {
            (" ", "")
        };
        let account = &state.account;
        let id = match is_shared {
            true => format!(", home account id {}", account.home_account_id),
            false => String::new(),
        };
        report.heading(&format!(
            "{mark} {} (tenant {}{id}{active})",
            account.username, account.tenant_id
        ));
        for (label, token) in [
            ("    Communication access token", state.communication),
            ("    Entra token", state.entra),
        ] {
            let (mark, rest) = match token {
                None => ((Mark::Neutral, "none"), String::new()),
                Some(token) => {
                    let expiry = times.expiry(token.expires_on, token.remaining_validity);
                    let mark = match (token.fresh, token.remaining_validity.is_zero()) {
                        (true, _) => (Mark::Good, "fresh"),
                        (false, false) => (Mark::Warning, "not fresh"),
                        (false, true) => (Mark::Warning, "expired"),
                    };
                    let expiry = expiry.strip_prefix("expired").unwrap_or(&expiry);
                    (mark, format!(", {}", expiry.trim_start()))
                }
            };
            report.marked_row(label, TOKEN_LABEL_COLUMNS, mark, &rest);
        }
        report.row("    Next `acspass get`", TOKEN_LABEL_COLUMNS, next(&state));
    }
    let page = &overview.shown;
    if page.is_incomplete {
        report.paragraph(
            "The list of accounts was damaged. Run `acspass doctor` to restore the accounts that are \
             still stored.",
        );
    }
    if page.entries.is_empty() && page.remaining == 0 {
        report.paragraph("No account is signed in. Run `acspass login`.");
    }
    if page.lacks_active() {
        report.blank();
        report.paragraph("No account is active. Run `acspass account switch` to select one.");
    }
    if page.remaining > 0 {
        report.paragraph(&format!(
            "{} more accounts are signed in. Run `acspass account list` to see them.",
            page.remaining
        ));
    }
}

fn next(state: &AccountState) -> &'static str {
    let fresh = |token: Option<TokenState>| token.is_some_and(|token| token.fresh);
    if fresh(state.communication) {
        "returns the cached token, without network access"
    } else if fresh(state.entra) {
        "exchanges the Entra token"
    } else if state.can_renew {
        "refreshes the Entra token, then exchanges it"
    } else {
        "requires a sign-in"
    }
}

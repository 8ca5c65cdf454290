//! `account list` and `account switch`.

use std::sync::Arc;

use serde_json::json;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::error::{Kind, Result};
use crate::json;
use crate::session::Sessions;
use crate::store::IndexEntry;

use super::status;

pub(crate) fn list(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let overview = context.overview(usize::MAX)?;
    if output.is_json {
        return output.print_json(&json::account_list(&overview.accounts()));
    }
    let mut report = output.report();
    status::add_accounts(&mut report, &overview, env);
    output.print_report(report)
}

pub(crate) fn switch(
    user: Option<&str>,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let sessions = context.sessions()?;
    let entry = match user {
        Some(user) => sessions.require_session(user)?,
        None => select(&context, &sessions)?,
    };
    context.session_store.activate(&entry.key())?;
    let account = &entry.account;
    env.messages
        .print(&format!("{} is now the active account", account.username));
    let mut tokens = entry.entra_tokens.iter();
    let token = tokens.find(|token| token.scopes == context.config.scopes);
    let expires_on = token.map(|token| token.expires_on.to_string());
    let json = json!({"account": json::account(account), "expiresOn": expires_on});
    output.print_result("", &json)
}

/// Lists the accounts and asks until one is selected.
fn select(context: &Context, sessions: &Sessions) -> Result<IndexEntry> {
    let env = &context.env;
    let name_required = || sessions.account_required_error("acspass account switch USER");
    if !env.is_interactive() {
        return Err(name_required());
    }
    context
        .session_store
        .restore_or_warn(sessions.application());
    let page = context
        .session_store
        .list(sessions.application(), usize::MAX)?;
    if page.entries.is_empty() {
        return Err(name_required());
    }
    let lines = page.entries.iter().zip(1..).map(|(entry, number)| {
        let mark = if entry.active { "*" } else { " " };
        let (username, tenant) = (&entry.account.username, &entry.account.tenant_id);
        format!("{mark} {number:>2}  {username}  (tenant {tenant})")
    });
    let lines: Vec<String> = lines.collect();
    env.messages.print_always(&lines.join("\n"));
    loop {
        let question = "Number or name of the account: ";
        let answer = block_on(env.stdin.ask(&env.messages, question))?;
        let answer = answer.ok_or_else(name_required)?;
        let answer = answer.expose().trim();
        let index = answer.parse().ok();
        let index = index.and_then(|number: usize| number.checked_sub(1));
        if let Some(entry) = index.and_then(|index| page.entries.get(index)) {
            return Ok(entry.clone());
        }
        match sessions.require_session(answer) {
            Err(error) if matches!(error.kind(), Kind::Usage | Kind::SignInNeeded) => {
                env.messages.print_always(error.message());
            }
            outcome => return outcome,
        }
    }
}

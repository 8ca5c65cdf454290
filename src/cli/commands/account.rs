//! `account list` and `account switch`.

use std::sync::Arc;

use serde_json::json;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::sign_in::account_picker::{self, Choice};
use crate::error::Result;
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
        Some(user) => {
            let entry = sessions.find_session(user)?;
            entry.ok_or_else(|| sessions.switch_error(user))?
        }
        None => pick(&context, &sessions)?,
    };
    context.session_store.activate(&entry.key())?;
    let account = &entry.account;
    account_picker::print_active(&context, account);
    let mut tokens = entry.entra_tokens.iter();
    let token = tokens.find(|token| token.scopes == context.config.scopes);
    let expires_on = token.map(|token| token.expires_on.to_string());
    let json = json!({"account": json::account(account), "expiresOn": expires_on});
    output.print_result("", &json)
}

/// Returns the account that the user picks at the terminal.
fn pick(context: &Context, sessions: &Sessions) -> Result<IndexEntry> {
    let name_required = || sessions.account_required_error("acspass account switch USER");
    if !context.env.is_interactive() {
        return Err(name_required());
    }
    match account_picker::pick(context, sessions, None, name_required)? {
        Some(Choice::Account(entry)) => Ok(*entry),
        Some(Choice::SignIn) | None => Err(name_required()),
    }
}

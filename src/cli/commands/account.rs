//! `account list` and `account switch`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::Stdin;
use crate::cli::args::AccountSwitch;
use crate::cli::context::{Context, Environment};
use crate::cli::output::Output;
use crate::cli::prompt::Keyboard;
use crate::error::{Kind, Result};
use crate::json;
use crate::session::Session;
use crate::store::IndexEntry;

use super::status;

pub(super) fn list(env: &Environment, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &BTreeMap::new())?;
    let overview = context.overview(usize::MAX)?;
    match output.is_json {
        true => output.result("", &json::account_list(&overview.accounts()))?,
        false => output.result(&status::text(&overview), &())?,
    }
    Ok(0)
}

pub(super) fn switch(
    args: &AccountSwitch,
    env: &Environment,
    stdin: Stdin,
    output: &mut Output,
) -> Result<u8> {
    let context = Context::new(env, &BTreeMap::new())?;
    let session = context.session()?;
    let keyboard = Keyboard::new(stdin);
    let entry = match &args.user {
        Some(user) => session.find(user)?,
        None if env.is_interactive(&keyboard) => offer(&context, &session, &keyboard)?,
        None => return Err(session.account_required_error("acspass account switch USER")),
    };
    context.sessions.activate(&entry.key())?;
    output.messages().print(&format!(
        "{} is now the active account",
        entry.account.username
    ));
    let expires_on = entry
        .entra_tokens
        .iter()
        .find(|token| token.scopes == context.config.scopes)
        .map(|token| token.expires_on.to_string());
    let json = json!({"account": json::account(&entry.account), "expiresOn": expires_on});
    output.result("", &json)?;
    Ok(0)
}

/// Offers the accounts, and asks until one is chosen.
fn offer(context: &Context<'_>, session: &Session, keyboard: &Keyboard) -> Result<IndexEntry> {
    let messages = &context.env.messages;
    context.sessions.complete(session.tenancy());
    let accounts = context
        .sessions
        .first(session.tenancy(), usize::MAX)?
        .entries;
    if accounts.is_empty() {
        return Err(session.account_required_error("acspass account switch USER"));
    }
    messages.print_always(&numbered(&accounts));
    loop {
        let answer =
            context.block_on(keyboard.asked(messages, "Number or name of the account: "))?;
        let Some(answer) = answer else {
            return Err(session.account_required_error("acspass account switch USER"));
        };
        let answer = answer.expose().trim();
        let number = answer
            .parse()
            .ok()
            .and_then(|number: usize| number.checked_sub(1));
        if let Some(entry) = number.and_then(|place| accounts.get(place)) {
            return Ok(entry.clone());
        }
        match session.find(answer) {
            Err(error) if matches!(error.kind(), Kind::Usage | Kind::SignInNeeded) => {
                messages.print_always(error.message());
            }
            outcome => return outcome,
        }
    }
}

/// The accounts with a number each; `*` marks the active one.
fn numbered(accounts: &[IndexEntry]) -> String {
    let lines = accounts.iter().zip(1..).map(|(entry, number)| {
        let mark = if entry.active { "*" } else { " " };
        let account = &entry.account;
        format!(
            "{mark} {number:>2}  {}  (tenant {})",
            account.username, account.tenant_id
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

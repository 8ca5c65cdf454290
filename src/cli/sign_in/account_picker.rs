//! Lets the user pick one of the signed-in accounts at the terminal, by number or name.

use crate::account::Account;
use crate::cli::context::Context;
use crate::cli::io::messages::Messages;
use crate::cli::runtime::block_on;
use crate::error::{Error, Kind, Result};
use crate::session::Sessions;
use crate::store::IndexEntry;
use crate::text::{as_sentence, shown};

/// More accounts than this are counted, not listed. Their names are valid answers too.
const MAX_LISTED_ACCOUNTS: usize = 20;
const QUESTION: &str = "Number or name of the account: ";

/// The answer of the user.
pub(crate) enum Choice {
    /// This account, which is signed in.
    Account(Box<IndexEntry>),
    /// A sign-in in place of a signed-in account.
    SignIn,
}

/// Lists the accounts and asks until one is picked. `sign_in` is the text of a further choice, if
/// there is one. Returns `None` if no account is signed in.
///
/// # Errors
/// `cancelled` at the end of the input; as [`Sessions::index`](crate::session::Sessions::index).
pub(crate) fn pick(
    context: &Context,
    sessions: &Sessions,
    sign_in: Option<&str>,
    cancelled: impl FnOnce() -> Error,
) -> Result<Option<Choice>> {
    let (env, store) = (&context.env, &context.session_store);
    store.restore_or_warn(sessions.application());
    let page = store.list(sessions.application(), MAX_LISTED_ACCOUNTS)?;
    if page.entries.is_empty() {
        return Ok(None);
    }
    let mut lines: Vec<String> = (page.entries.iter().zip(1..))
        .map(|(entry, number)| {
            let mark = if entry.active { "*" } else { " " };
            let (username, tenant) = (&entry.account.username, &entry.account.tenant_id);
            format!("{mark} {number:>2}  {username}  (tenant {tenant})")
        })
        .collect();
    if let Some(text) = sign_in {
        lines.push(format!("  {:>2}  {text}", lines.len() + 1));
    }
    if page.remaining > 0 {
        lines.push(format!("      and {} more", page.remaining));
    }
    env.messages.print_always(&lines.join("\n"));
    loop {
        let Some(answer) = block_on(env.stdin.ask(&env.messages, QUESTION))? else {
            return Err(cancelled());
        };
        let answer = answer.expose().trim();
        let number = answer.parse().ok();
        let index = number.and_then(|number: usize| number.checked_sub(1));
        if let Some(entry) = index.and_then(|index| page.entries.get(index)) {
            return Ok(Some(Choice::Account(Box::new(entry.clone()))));
        }
        if sign_in.is_some() && index == Some(page.entries.len()) {
            return Ok(Some(Choice::SignIn));
        }
        match sessions.require_session(answer) {
            _ if answer.is_empty() => {}
            Err(error) if matches!(error.kind(), Kind::Usage | Kind::SignInNeeded) => {
                print_sentence(&env.messages, error.message());
            }
            outcome => return outcome.map(|entry| Some(Choice::Account(Box::new(entry)))),
        }
    }
}

/// Chooses the account of a command whose account is not signed in: `user`, or the active account if
/// that is `None`. Offers the signed-in accounts at a terminal. Returns `None` for a sign-in.
///
/// A name that cannot be a whole username starts no sign-in, because it is an abbreviation or a typing
/// error.
///
/// # Errors
/// [`Kind::SignInNeeded`] with the signed-in accounts, if no account can be chosen.
pub(crate) fn choose_or_sign_in(
    context: &Context,
    sessions: &Sessions,
    user: Option<&str>,
) -> Result<Option<Account>> {
    let env = &context.env;
    let missing = || sessions.no_session_error(user);
    let sign_in = match user {
        Some(user) if is_whole_name(user) => Some(format!("Sign in as {}", shown(user))),
        Some(_) => None,
        None => Some("Sign in with another account".to_owned()),
    };
    let has_accounts = sessions.list_accounts(user)?.is_some();
    if !env.is_interactive() || !has_accounts {
        return sign_in.map(|_| None).ok_or_else(missing);
    }
    print_sentence(&env.messages, missing().message());
    match pick(context, sessions, sign_in.as_deref(), missing)? {
        Some(Choice::Account(entry)) => {
            if user.is_none() {
                context.session_store.activate(&entry.key())?;
                print_active(context, &entry.account);
            }
            Ok(Some(entry.account))
        }
        Some(Choice::SignIn) | None => Ok(None),
    }
}

/// Reports the account that has become the active one.
pub(crate) fn print_active(context: &Context, account: &Account) {
    let text = format!("{} is now the active account.", account.username);
    context.env.messages.print(&text);
}

/// Whether the text can be a whole username or home account id.
fn is_whole_name(name: &str) -> bool {
    let is_guid = |text: &str| uuid::Uuid::try_parse(text).is_ok();
    let parts = name.trim().split_once('.');
    name.contains('@') || parts.is_some_and(|(user, tenant)| is_guid(user) && is_guid(tenant))
}

/// Prints the message of an error as a sentence.
fn print_sentence(messages: &Messages, message: &str) {
    messages.print_always(&as_sentence(message));
}

//! `logout`: removes sessions from the index, and from the store if it can be reached.

use std::sync::Arc;

use serde_json::json;

use crate::cli::args::Logout;
use crate::cli::context::{Context, Flags};
use crate::cli::environment::{EMULATOR, Environment};
use crate::cli::io::output::Output;
use crate::cli::stores::all_stores;
use crate::error::{Error, Kind, Result};
use crate::session::Sessions;
use crate::store::ForgottenSessions;
use crate::text::quoted;

pub(super) fn run(args: &Logout, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    match args.all {
        true => forget_everything(env, output)?,
        false => forget_one(args.account.as_deref(), env)?,
    }
    output.success("", &json!({}))
}

fn forget_one(user: Option<&str>, env: &Arc<Environment>) -> Result<()> {
    let context = Context::new(env, &Flags::new())?;
    let session = context.sessions()?;
    let lacks_active = || {
        Ok(context
            .session_store
            .first(session.tenancy(), 1)?
            .lacks_active())
    };
    let found = match user {
        Some(user) => session.named(user)?,
        None => context.session_store.active(session.tenancy())?,
    };
    let entry = match (found, user) {
        (Some(entry), _) => entry,
        (None, Some(user)) => return Err(unknown(user, &session)),
        (None, None) if lacks_active()? => return Err(none_active(&session)),
        (None, None) => {
            env.messages.print("nobody was signed in");
            return mention_others(&context);
        }
    };
    context.session_store.forget(&entry.key())?;
    let name = &entry.account.username;
    env.messages.print(&format!("{name} is signed out"));
    if entry.active && lacks_active()? {
        env.messages
            .print("no account is the active one now: `acspass account switch USER` makes it so");
    }
    Ok(())
}

fn unknown(user: &str, session: &Sessions) -> Error {
    let hint = match session.list_accounts(Some(user)) {
        Ok(Some(list)) => format!("name a signed-in account:\n\n{list}"),
        Ok(None) => "no account is signed in; run `acspass account list` to see that".to_owned(),
        Err(error) => return error,
    };
    let name = quoted(user);
    let message = format!("{name} is not signed in, so there is nothing to forget");
    Error::new(Kind::SignInNeeded, message, hint)
}

/// Accounts are signed in, and none is active: to sign out any of them would be a guess. A sign-in
/// does not help, so this is a matter of usage.
fn none_active(session: &Sessions) -> Error {
    match session.list_accounts(None) {
        Ok(list) => Error::usage(
            "no account is the active one, so no account was signed out",
            format!(
                "run `acspass logout --account USER`, or `acspass logout --all`. Signed in:\n\n{}",
                list.unwrap_or_default()
            ),
        ),
        Err(error) => error,
    }
}

/// Prints the number of sessions of other settings, which stay.
fn mention_others(context: &Context) -> Result<()> {
    let index = context.session_store.index()?;
    let of_emulator = context.env.global.emulator;
    let entries = index.entries().chain(index.elsewhere());
    let count = entries
        .filter(|entry| (entry.tenancy.authority_host == EMULATOR) == of_emulator)
        .count();
    if count > 0 {
        context.env.messages.print(&format!(
            "{} kept for other settings (tenant, client id, authority or store): name them with \
             `--profile NAME`, or run `acspass logout --all`",
            counted(count, "session is", "sessions are")
        ));
    }
    Ok(())
}

/// Removes every session of every profile from every store. Sessions with the emulator and others are
/// apart.
fn forget_everything(env: &Environment, output: &Output) -> Result<()> {
    let of_emulator = env.global.emulator;
    let is_meant = |host: &str| (host == EMULATOR) == of_emulator;
    let (mut forgotten, mut failed) = (ForgottenSessions::default(), None);
    for sessions in all_stores(env)? {
        match sessions.forget_everything(is_meant) {
            Ok(there) => {
                forgotten.sessions += there.sessions;
                forgotten.only_listed += there.only_listed;
                forgotten.quarantined += there.quarantined;
            }
            // The last one ends the command; the others are printed with their hints now.
            Err(error) => {
                if let Some(before) = failed.replace(error) {
                    output.error(&before);
                }
            }
        }
    }
    match failed {
        Some(error) => Err(error),
        None => {
            print_forgotten(env, &forgotten);
            Ok(())
        }
    }
}

/// Only a session that was in its store counts as one that was signed in.
fn print_forgotten(env: &Environment, forgotten: &ForgottenSessions) {
    env.messages.print(&match forgotten.sessions {
        0 => "nobody was signed in".to_owned(),
        count => counted(count, "session is forgotten", "sessions are forgotten"),
    });
    if forgotten.only_listed > 0 {
        env.messages.print(&counted(
            forgotten.only_listed,
            "account was listed whose session was no longer stored",
            "accounts were listed whose sessions were no longer stored",
        ));
    }
    if forgotten.quarantined > 0 {
        env.messages.print(&counted(
            forgotten.quarantined,
            "unreadable session was removed",
            "unreadable sessions were removed",
        ));
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

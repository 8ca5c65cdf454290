//! `logout`: removes sessions from the index, and from the store if it can be reached.

use std::sync::Arc;

use serde_json::json;

use crate::account::SessionKey;
use crate::cli::context::{Context, Flags};
use crate::cli::environment::{EMULATOR, Environment};
use crate::cli::io::output::Output;
use crate::cli::stores::{all_stores, open_store};
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::session::Sessions;
use crate::store::{ForgottenSessions, UnfinishedMigration};
use crate::text::quoted;

/// The number of searches for a session that a migration moves meanwhile.
const TRIES: usize = 3;

const NO_ACCOUNT: &str = "No account is signed in.";

pub(crate) fn run(
    user: Option<&str>,
    all: bool,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    match all {
        true => forget_everything(env, output)?,
        false => forget_one(user, env, TRIES)?,
    }
    output.print_result("", &json!({}))
}

fn forget_one(user: Option<&str>, env: &Arc<Environment>, tries: usize) -> Result<()> {
    let context = Context::new(env, &Flags::new())?;
    if context.config.client_id.is_none() {
        return report_no_application(user, &context);
    }
    let sessions = context.sessions()?;
    let found = match user {
        Some(user) => sessions.find_session(user)?,
        None => context.session_store.active(sessions.application())?,
    };
    let Some(entry) = found else {
        return report_no_session(user, &context, &sessions);
    };
    let key = entry.key();
    let copy_before = store_of_copy(&context);
    let forgotten = context.session_store.forget(&key);
    if matches!(&forgotten, Ok(removal) if !removal.was_listed)
        && tries > 1
        && context
            .session_store
            .index()?
            .elsewhere()
            .any(|it| it.key() == key)
    {
        // A migration has moved it to the store that is now the configured one.
        return forget_one(Some(&key.home_account_id), env, tries - 1);
    }
    let copy_in = match &forgotten {
        Ok(removal) if removal.copy_in.is_some() => Ok(removal.copy_in.clone()),
        _ => copy_before,
    };
    let forgotten_copy = copy_in.and_then(|other| forget_copy(&key, other.as_deref(), &context));
    forgotten?;
    forgotten_copy?;
    let name = &entry.account.username;
    env.messages.print(&format!("Signed out {name}."));
    if entry.active && lacks_active(&context, &sessions)? {
        env.messages
            .print("No account is active now. Run `acspass account switch` to select one.");
    }
    Ok(())
}

/// Returns the other store of an unfinished migration, if there is one.
fn store_of_copy(context: &Context) -> Result<Option<String>> {
    let (env, store) = (&context.env, &context.session_store);
    if !store.is_persistent() {
        return Ok(None);
    }
    let unfinished = UnfinishedMigration::read(&env.sessions_folder()?)?;
    let other = unfinished
        .as_ref()
        .and_then(|it| it.counterpart(store.store_name()));
    Ok(other.map(str::to_owned))
}

/// Removes the copy in the other store of a migration, if there is one.
fn forget_copy(key: &SessionKey, other: Option<&str>, context: &Context) -> Result<()> {
    let Some(other) = other else { return Ok(()) };
    let other = open_store(&context.env, config::parse_store(other)?)?;
    other.forget_copy(key)
}

fn lacks_active(context: &Context, sessions: &Sessions) -> Result<bool> {
    let page = context.session_store.list(sessions.application(), 1)?;
    Ok(page.lacks_active())
}

/// Reports that there is no session to forget. It is an error, unless no account is signed in and none
/// was named.
fn report_no_session(user: Option<&str>, context: &Context, sessions: &Sessions) -> Result<()> {
    if let Some(user) = user {
        return Err(sessions.sign_out_error(user));
    }
    // To sign out any of the accounts would be a guess. A sign-in does not help, so this is a matter
    // of usage.
    if lacks_active(context, sessions)? {
        let list = sessions.list_accounts(None)?.unwrap_or_default();
        return Err(Error::usage(
            "no account is active, so no account was signed out",
            format!(
                "Run `acspass logout --account USER`, or `acspass logout --all`. Signed in:\n\n{list}"
            ),
        ));
    }
    context.env.messages.print(NO_ACCOUNT);
    report_other_sessions(context)
}

/// Reports that the settings have no client id, so that no account can be signed in with them.
fn report_no_application(user: Option<&str>, context: &Context) -> Result<()> {
    if let Some(user) = user {
        return Err(Error::new(
            Kind::SignInNeeded,
            format!(
                "{} is not signed in: no client id is configured",
                quoted(user)
            ),
            "Run `acspass profile list` to see the accounts of each profile. For another profile, add \
             `--profile NAME`.",
        ));
    }
    let messages = &context.env.messages;
    messages.print("No account is signed in, because no client id is configured.");
    report_other_sessions(context)
}

/// Says how to sign out of the sessions of other settings, if there are any.
fn report_other_sessions(context: &Context) -> Result<()> {
    let env = &context.env;
    let index = context.session_store.index()?;
    let entries = index.entries().chain(index.elsewhere());
    let count = entries
        .filter(|entry| (entry.application.authority_host == EMULATOR) == env.global.emulator)
        .count();
    if count > 0 {
        env.messages.print(&format!(
            "{} saved for other settings (tenant, client id, authority or store). To sign out of \
             them, add `--profile NAME`, or run `acspass logout --all`.",
            counted(count, "session is", "sessions are")
        ));
    }
    Ok(())
}

/// Removes every session of every profile from every store. Sessions with the emulator and others are
/// apart.
fn forget_everything(env: &Environment, output: &Output) -> Result<()> {
    let is_meant = |host: &str| (host == EMULATOR) == env.global.emulator;
    let (mut forgotten, mut failed) = (ForgottenSessions::default(), None);
    for sessions in all_stores(env)? {
        match sessions.forget_everything(is_meant) {
            Ok(there) => {
                forgotten.sessions += there.sessions;
                forgotten.only_listed += there.only_listed;
                forgotten.quarantined += there.quarantined;
                // The emulator needs no keyring.
                if there.is_unsearched && !env.global.emulator {
                    env.messages.warn(&format!(
                        "no {} is available here, so it was not searched for unlisted sessions",
                        sessions.store_name()
                    ));
                }
            }
            // The last one ends the command; the others are printed with their hints now.
            Err(error) => {
                if let Some(before) = failed.replace(error) {
                    output.error(&before);
                }
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let folder = env.sessions_folder()?;
    if UnfinishedMigration::read(&folder)?.is_some() {
        UnfinishedMigration::forget(&folder)?;
    }
    // Only a session that was in its store counts as a signed-in account.
    env.messages.print(&match forgotten.sessions {
        0 => NO_ACCOUNT.to_owned(),
        count => format!("Signed out {}.", counted(count, "account", "accounts")),
    });
    for (count, one, many) in [
        (
            forgotten.only_listed,
            "listed account that had no saved session",
            "listed accounts that had no saved session",
        ),
        (
            forgotten.quarantined,
            "unreadable session",
            "unreadable sessions",
        ),
    ] {
        if count > 0 {
            env.messages
                .print(&format!("Removed {}.", counted(count, one, many)));
        }
    }
    Ok(())
}

pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

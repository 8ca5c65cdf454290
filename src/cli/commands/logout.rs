//! `logout`: the index forgets at once, whatever state the store is in.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::args::Logout;
use crate::cli::context::{Context, EMULATOR, Environment};
use crate::cli::output::Output;
use crate::cli::stores::all_stores;
use crate::error::{Error, Kind, Result};
use crate::session::Session;
use crate::store::ForgottenSessions;
use crate::text::quoted;

pub(super) fn run(args: &Logout, env: &Environment, output: &mut Output) -> Result<u8> {
    match args.all {
        true => forget_everything(env, output)?,
        false => forget_one(args.account.as_deref(), env, output)?,
    }
    output.result("", &json!({}))?;
    Ok(0)
}

fn forget_one(user: Option<&str>, env: &Environment, output: &Output) -> Result<()> {
    let context = Context::new(env, &BTreeMap::new())?;
    let session = context.session()?;
    let tenancy = session.tenancy();
    let entry = match user {
        Some(user) => session
            .named(user)?
            .ok_or_else(|| unknown(user, &session))?,
        None => match context.sessions.active(tenancy)? {
            Some(entry) => entry,
            None if context.sessions.first(tenancy, 1)?.lacks_active() => {
                return Err(none_active(&session));
            }
            None => {
                output.messages().print("nobody was signed in");
                return say_of_others(&context, output);
            }
        },
    };
    context.sessions.forget(&entry.key())?;
    let name = &entry.account.username;
    output.messages().print(&format!("{name} is signed out"));
    if entry.active && context.sessions.first(tenancy, 1)?.lacks_active() {
        output
            .messages()
            .print("no account is the active one now: `acspass account switch USER` makes it so");
    }
    Ok(())
}

fn unknown(user: &str, session: &Session) -> Error {
    let hint = match session.list_accounts(Some(user)) {
        Ok(Some(list)) => format!("name a signed-in account:\n\n{list}"),
        Ok(None) => "no account is signed in; run `acspass account list` to see that".to_owned(),
        Err(error) => return error,
    };
    Error::new(
        Kind::SignInNeeded,
        format!(
            "{} is not signed in, so there is nothing to forget",
            quoted(user)
        ),
        hint,
    )
}

/// Accounts are signed in, and none is the one that `logout` means: to sign out any of them would be
/// a guess. A sign-in does not help, so this is a matter of usage.
fn none_active(session: &Session) -> Error {
    let list = match session.list_accounts(None) {
        Ok(list) => list.unwrap_or_default(),
        Err(error) => return error,
    };
    Error::new(
        Kind::Usage,
        "no account is the active one, so no account was signed out",
        format!(
            "run `acspass logout --account USER`, or `acspass logout --all`. Signed in:\n\n{list}"
        ),
    )
}

/// Says that sessions of other settings are left, since they do not show here.
fn say_of_others(context: &Context<'_>, output: &Output) -> Result<()> {
    let index = context.sessions.index()?;
    let of_emulator = context.env.global.emulator;
    let count = index
        .entries()
        .chain(index.elsewhere())
        .filter(|entry| (entry.tenancy.authority_host == EMULATOR) == of_emulator)
        .count();
    if count > 0 {
        let sessions = match count {
            1 => "1 session is".to_owned(),
            count => format!("{count} sessions are"),
        };
        output.messages().print(&format!(
            "{sessions} kept for other settings (tenant, client id, authority or store): name them \
             with `--profile NAME`, or run `acspass logout --all`"
        ));
    }
    Ok(())
}

/// Every session of every profile in every store that has one. The emulator's own sessions and
/// the others are apart, as everywhere.
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
            // The last one ends the command; the others are said now, with their own way out.
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
    for sentence in sentences(forgotten) {
        output.messages().print(&sentence);
    }
    Ok(())
}

/// Says what was forgotten. Only a session that was in its store counts as one that was signed in.
fn sentences(forgotten: ForgottenSessions) -> Vec<String> {
    let ForgottenSessions {
        sessions,
        only_listed,
        quarantined,
    } = forgotten;
    let mut said = vec![match sessions {
        0 => "nobody was signed in".to_owned(),
        1 => "1 session is forgotten".to_owned(),
        count => format!("{count} sessions are forgotten"),
    }];
    match only_listed {
        0 => {}
        1 => said.push("1 account was listed whose session was no longer stored".to_owned()),
        count => said.push(format!(
            "{count} accounts were listed whose sessions were no longer stored"
        )),
    }
    match quarantined {
        0 => {}
        1 => said.push("1 unreadable session was removed".to_owned()),
        count => said.push(format!("{count} unreadable sessions were removed")),
    }
    said
}

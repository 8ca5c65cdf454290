//! `logout`: the index forgets at once, whatever state the store is in.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::args::Logout;
use crate::cli::output::Output;
use crate::cli::parts::{EMULATOR, Parts, World};
use crate::cli::vaults::every_vault;
use crate::error::{Error, Kind, Result};

pub(super) fn run(args: &Logout, world: &World, output: &mut Output) -> Result<u8> {
    match args.all {
        true => forget_everything(world, output)?,
        false => forget_one(args.account.as_deref(), world, output)?,
    }
    output.result("", &json!({}))?;
    Ok(0)
}

fn forget_one(user: Option<&str>, world: &World, output: &Output) -> Result<()> {
    let parts = Parts::new(world, &BTreeMap::new())?;
    let tenancy = parts.tenancy()?;
    let index = parts.vault.index()?;
    let entry = match user {
        Some(user) => index.find(&tenancy, user),
        None => index.active(&tenancy),
    };
    match (entry, user) {
        (Some(entry), _) => {
            parts.vault.forget(&entry.key())?;
            let name = &entry.account.username;
            output.talk().say(&format!("{name} is signed out"));
            if entry.active && parts.vault.first(&tenancy, 1)?.lacks_active() {
                output.talk().say(
                    "no account is the active one now: `acspass account switch USER` makes it so",
                );
            }
            Ok(())
        }
        (None, Some(user)) => Err(Error::new(
            Kind::SignInNeeded,
            format!("{user} is not signed in, so there is nothing to forget"),
            "`acspass account list` shows who is",
        )),
        (None, None) => {
            output.talk().say("nobody was signed in");
            Ok(())
        }
    }
}

/// Every session of every profile in every store that has one. The emulator's own sessions and
/// the others are apart, as everywhere.
fn forget_everything(world: &World, output: &Output) -> Result<()> {
    let of_emulator = world.global.emulator;
    let is_meant = |host: &str| (host == EMULATOR) == of_emulator;
    let (mut forgotten, mut failed) = (0, None);
    for vault in every_vault(world)? {
        match vault.forget_everything(is_meant) {
            Ok(count) => forgotten += count,
            // The last one ends the command; the others are said now, with their own way out.
            Err(error) => {
                if let Some(before) = failed.replace(error) {
                    output.error(&before);
                }
            }
        }
    }
    match (failed, forgotten) {
        (Some(error), _) => return Err(error),
        (None, 0) => output.talk().say("nobody was signed in"),
        (None, 1) => output.talk().say("1 session is forgotten"),
        (None, count) => output
            .talk()
            .say(&format!("{count} sessions are forgotten")),
    }
    Ok(())
}

//! `logout`: the index forgets at once, whatever state the store is in.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::args::Logout;
use crate::cli::output::Output;
use crate::cli::parts::{Parts, World};
use crate::error::{Error, Kind, Result};
use crate::store::IndexEntry;

pub(super) fn run(args: &Logout, world: &World, output: &mut Output) -> Result<u8> {
    let parts = Parts::new(world, &BTreeMap::new())?;
    let index = parts.vault.index()?;
    let chosen: Vec<&IndexEntry> = if args.all {
        index.entries().collect()
    } else {
        let tenancy = parts.tenancy()?;
        let entry = match &args.account {
            Some(user) => index.find(&tenancy, user),
            None => index.active(&tenancy),
        };
        match (entry, &args.account) {
            (Some(entry), _) => vec![entry],
            (None, Some(user)) => {
                return Err(Error::new(
                    Kind::SignInNeeded,
                    format!("{user} is not signed in, so there is nothing to forget"),
                    "`acspass account list` shows who is",
                ));
            }
            (None, None) => Vec::new(),
        }
    };
    if chosen.is_empty() {
        output.talk().say("nobody was signed in");
    }
    let mut failed = None;
    for entry in chosen {
        let forgotten = parts.vault.forget(&entry.key());
        let name = &entry.account.username;
        match forgotten {
            Ok(_) => output.talk().say(&format!("{name} is signed out")),
            // The last one ends the command; the others are said now, with their own way out.
            Err(error) => {
                if let Some(before) = failed.replace(error) {
                    output.error(&before);
                }
            }
        }
    }
    if args.all && index.elsewhere().next().is_some() {
        output.talk().warn(
            "sessions in other stores were left alone: run this with each of those stores chosen",
        );
    }
    match failed {
        Some(error) => Err(error),
        None => {
            output.result("", &json!({}))?;
            Ok(0)
        }
    }
}

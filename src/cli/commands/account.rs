//! `account list` and `account switch`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::args::AccountSwitch;
use crate::cli::output::Output;
use crate::cli::parts::{Parts, World};
use crate::error::{Error, Kind, Result};
use crate::shapes;

use super::status;

pub(super) fn list(world: &World, output: &mut Output) -> Result<u8> {
    let parts = Parts::new(world, &BTreeMap::new())?;
    let overview = parts.overview(usize::MAX)?;
    match output.is_json {
        true => output.result("", &shapes::account_list(&overview.accounts()))?,
        false => output.result(&status::text(&overview), &())?,
    }
    Ok(0)
}

pub(super) fn switch(args: &AccountSwitch, world: &World, output: &mut Output) -> Result<u8> {
    let parts = Parts::new(world, &BTreeMap::new())?;
    let tenancy = parts.tenancy()?;
    let index = parts.vault.index()?;
    let entry = index.find(&tenancy, &args.user).ok_or_else(|| {
        Error::new(
            Kind::SignInNeeded,
            format!("{} is not signed in", args.user),
            format!("run `acspass login --account {}`", args.user),
        )
    })?;
    parts.vault.activate(&entry.key())?;
    output.talk().say(&format!(
        "{} is now the active account",
        entry.account.username
    ));
    let expires_on = entry
        .entra_tokens
        .iter()
        .find(|token| token.scopes == parts.config.scopes)
        .map(|token| token.expires_on.to_string());
    let json = json!({"account": shapes::account(&entry.account), "expiresOn": expires_on});
    output.result("", &json)?;
    Ok(0)
}

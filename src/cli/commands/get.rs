//! `get`: the main job, one fresh token on standard output.

use std::collections::BTreeMap;

use serde_json::json;

use crate::account::Account;
use crate::cli::Stdin;
use crate::cli::args::Get;
use crate::cli::first_run;
use crate::cli::keyboard::Keyboard;
use crate::cli::output::Output;
use crate::cli::parts::World;
use crate::cli::sign_in::Desk;
use crate::config::Setting;
use crate::error::Result;
use crate::session::{Peek, Token};

pub(super) fn run(args: &Get, world: &World, stdin: Stdin, output: &mut Output) -> Result<u8> {
    let mut flags = BTreeMap::new();
    if let Some(text) = &args.min_validity {
        flags.insert(Setting::MinValidity, text.clone());
    }
    let keyboard = Keyboard::new(stdin);
    let asks = !args.no_interactive && world.somebody_is_there(&keyboard);
    let parts = first_run::parts(world, &flags, !args.entra, asks.then_some(&keyboard))?;
    let mut wish = parts.wish(args.entra)?;
    wish.force = args.force_refresh;
    let token = match parts.session()?.peek(args.account.as_deref(), wish)? {
        Peek::Fresh(token) => token,
        Peek::Stale(renewal) => {
            let desk = match may_sign_in(args, world, &keyboard) {
                true => Some(Desk::new(&parts, false, keyboard)?),
                false => None,
            };
            let way = desk.as_ref().map(|desk| desk.way(None, args.timeout));
            let net = || parts.net(!args.entra);
            parts.block_on(renewal.run(net, way.as_ref()))?
        }
    };
    output.result(token.secret.expose(), &json(&token))?;
    Ok(0)
}

/// The emulator's users are not people, so nobody has to be there for them.
fn may_sign_in(args: &Get, world: &World, keyboard: &Keyboard) -> bool {
    let somebody_is_there = world.somebody_is_there(keyboard);
    !args.no_interactive && (args.interactive || somebody_is_there || world.global.emulator)
}

fn json(token: &Token) -> serde_json::Value {
    json!({
        "token": token.secret.expose(),
        "expiresOn": token.expires_on.to_string(),
        "expiresInSeconds": token.expires_in_seconds,
        "account": account_json(&token.account),
    })
}

/// An account as every command's JSON names it.
pub(super) fn account_json(account: &Account) -> serde_json::Value {
    json!({
        "username": account.username,
        "homeAccountId": account.home_account_id,
        "tenantId": account.tenant_id,
    })
}

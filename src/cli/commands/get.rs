//! `get`: the main job, one fresh token on standard output.

use std::collections::BTreeMap;

use crate::cli::Stdin;
use crate::cli::args::{Get, Wanted};
use crate::cli::output::Output;
use crate::cli::parts::{Parts, World};
use crate::cli::sign_in::Desk;
use crate::config::Setting;
use crate::error::Result;
use crate::session::{Peek, Token};
use crate::shapes;

pub(super) fn run(args: &Get, world: &World, stdin: Stdin, output: &mut Output) -> Result<u8> {
    let parts = parts(&args.wanted, world)?;
    let token = token(&parts, &args.wanted, args.entra, stdin)?;
    output.result(token.secret.expose(), &shapes::token(&token))?;
    Ok(0)
}

pub(super) fn parts<'w>(wanted: &Wanted, world: &'w World) -> Result<Parts<'w>> {
    let mut flags = BTreeMap::new();
    if let Some(text) = &wanted.min_validity {
        flags.insert(Setting::MinValidity, text.clone());
    }
    Parts::new(world, &flags)
}

/// A fresh token: the kept one, or else what a renewal or a sign-in brings.
pub(super) fn token(
    parts: &Parts<'_>,
    wanted: &Wanted,
    entra: bool,
    stdin: Stdin,
) -> Result<Token> {
    let mut wish = parts.wish(entra)?;
    wish.force = wanted.force_refresh;
    match parts.session()?.peek(wanted.account.as_deref(), wish)? {
        Peek::Fresh(token) => Ok(token),
        Peek::Stale(renewal) => {
            let desk = match may_sign_in(wanted, parts.world, stdin.is_terminal) {
                true => Some(Desk::new(parts, false, stdin)?),
                false => None,
            };
            let way = desk.as_ref().map(|desk| desk.way(None, wanted.timeout));
            let net = || parts.net(!entra);
            parts.block_on(renewal.run(net, way.as_ref()))
        }
    }
}

/// The emulator's users are not people, so nobody has to be there for them.
fn may_sign_in(wanted: &Wanted, world: &World, stdin_is_terminal: bool) -> bool {
    let somebody_is_there = stdin_is_terminal && world.stderr_is_terminal;
    !wanted.no_interactive && (wanted.interactive || somebody_is_there || world.global.emulator)
}

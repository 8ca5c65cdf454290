//! `get`: the main job, one fresh token on standard output.

use std::collections::BTreeMap;

use crate::cli::Stdin;
use crate::cli::args::Get;
use crate::cli::output::Output;
use crate::cli::parts::{Parts, World};
use crate::cli::sign_in::Desk;
use crate::config::Setting;
use crate::error::Result;
use crate::session::Peek;
use crate::shapes;

pub(super) fn run(args: &Get, world: &World, stdin: Stdin, output: &mut Output) -> Result<u8> {
    let mut flags = BTreeMap::new();
    if let Some(text) = &args.min_validity {
        flags.insert(Setting::MinValidity, text.clone());
    }
    let parts = Parts::new(world, &flags)?;
    let mut wish = parts.wish(args.entra)?;
    wish.force = args.force_refresh;
    let token = match parts.session()?.peek(args.account.as_deref(), wish)? {
        Peek::Fresh(token) => token,
        Peek::Stale(renewal) => {
            let desk = match may_sign_in(args, world, stdin.is_terminal) {
                true => Some(Desk::new(&parts, false, stdin)?),
                false => None,
            };
            let way = desk.as_ref().map(|desk| desk.way(None, args.timeout));
            let net = || parts.net(!args.entra);
            parts.block_on(renewal.run(net, way.as_ref()))?
        }
    };
    output.result(token.secret.expose(), &shapes::token(&token))?;
    Ok(0)
}

/// The emulator's users are not people, so nobody has to be there for them.
fn may_sign_in(args: &Get, world: &World, stdin_is_terminal: bool) -> bool {
    let somebody_is_there = stdin_is_terminal && world.stderr_is_terminal;
    !args.no_interactive && (args.interactive || somebody_is_there || world.global.emulator)
}

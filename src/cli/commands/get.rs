//! `get`: the main job, one fresh token on standard output.

use std::collections::BTreeMap;

use crate::cli::Stdin;
use crate::cli::args::{Get, Wanted};
use crate::cli::context::{Context, Environment};
use crate::cli::first_run;
use crate::cli::output::Output;
use crate::cli::prompt::Keyboard;
use crate::cli::sign_in::{Opening, SignInUi};
use crate::config::Setting;
use crate::error::Result;
use crate::json;
use crate::session::{CacheLookup, Token};

pub(super) fn run(args: &Get, env: &Environment, stdin: Stdin, output: &mut Output) -> Result<u8> {
    let keyboard = Keyboard::new(stdin);
    let context = context(&args.wanted, env, !args.entra, &keyboard)?;
    let token = token(&context, &args.wanted, args.entra, keyboard)?;
    output.result(token.secret.expose(), &json::token(&token))?;
    Ok(0)
}

/// The real parts; what is not configured is asked for where somebody is there to answer.
pub(super) fn context<'w>(
    wanted: &Wanted,
    env: &'w Environment,
    with_resource: bool,
    keyboard: &Keyboard,
) -> Result<Context<'w>> {
    let mut flags = BTreeMap::new();
    if let Some(text) = &wanted.min_validity {
        flags.insert(Setting::MinValidity, text.clone());
    }
    let asks = !wanted.no_interactive && env.is_interactive(keyboard);
    first_run::context(env, &flags, with_resource, asks.then_some(keyboard))
}

/// A fresh token: the kept one, or else what a renewal or a sign-in brings.
pub(super) fn token(
    context: &Context<'_>,
    wanted: &Wanted,
    entra: bool,
    keyboard: Keyboard,
) -> Result<Token> {
    let mut request = context.token_request(entra)?;
    request.force = wanted.force_refresh;
    let account = context.requested_account(wanted.account.as_deref())?;
    match context
        .session()?
        .cached_token(account.as_deref(), request)?
    {
        CacheLookup::Fresh(token) => Ok(token),
        CacheLookup::Stale(renewal) => {
            let ui = match opening(wanted, context.env, &keyboard) {
                Some(opening) => Some(SignInUi::new(
                    context,
                    opening,
                    account.as_deref(),
                    keyboard,
                )?),
                None => None,
            };
            let options = ui.as_ref().map(|ui| ui.options(None, wanted.timeout));
            let net = || context.net(!entra);
            context.block_on(renewal.run(net, options.as_ref()))
        }
    }
}

/// How a sign-in opens its page, if one is allowed. The emulator's users sign in by themselves: no
/// person has to be there, and none is asked for a click. With `--interactive` a person sees the pages.
fn opening(wanted: &Wanted, env: &Environment, keyboard: &Keyboard) -> Option<Opening> {
    if env.global.emulator && !wanted.interactive {
        return Some(Opening::UserAgent);
    }
    let may_ask = wanted.interactive || env.is_interactive(keyboard);
    (may_ask && !wanted.no_interactive).then_some(Opening::Browser)
}

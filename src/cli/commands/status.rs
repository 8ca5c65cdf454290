//! `status`: prints the accounts in the index. Does not call the store.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::{Kind, Result};
use crate::json;
use crate::session::{AccountState, Overview, TokenState};
use crate::time::in_words;

/// The number of accounts that are printed as text.
const MOST_AS_TEXT: usize = 10;

pub(crate) fn run(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let most = match output.is_json {
        true => usize::MAX,
        false => MOST_AS_TEXT,
    };
    let overview = context.overview(most)?;
    match output.is_json {
        true => {
            let store = context.session_store.store_name();
            let accounts = overview.accounts();
            let json = json::status(&context.config.profile, store, &accounts);
            output.result("", &json)?;
        }
        false => {
            let text = format!("{}\n{}", heading(&context), text(&overview));
            output.result(&text, &())?;
        }
    }
    Ok(match overview.active_can_get_token() {
        true => 0,
        false => Kind::SignInNeeded.exit_code(),
    })
}

fn heading(context: &Context) -> String {
    let config = &context.config;
    let resource = config.resource_unchecked();
    let endpoint = resource.as_ref().map(|resource| resource.endpoint.as_str());
    format!(
        "profile  {}\nstore    {}\ntenant   {} at {}\nresource {}\n",
        config.profile,
        context.session_store.store_name(),
        config.authority.tenant(),
        config.authority.host(),
        endpoint.unwrap_or("none that can be used: `acspass get` says why"),
    )
}

/// Returns the accounts as text.
pub(super) fn text(overview: &Overview) -> String {
    let mut text = String::new();
    let accounts = overview.accounts();
    for state in &accounts {
        let mark = if state.active { "*" } else { " " };
        let _ = writeln!(
            text,
            "{mark} {}  (tenant {})",
            state.account.username, state.account.tenant_id
        );
        let tokens = [
            ("Entra token", state.entra),
            ("Communication token", state.communication),
        ];
        for (name, token) in tokens {
            let _ = writeln!(text, "    {name:<20} {}", describe(token));
        }
        let _ = writeln!(text, "    {:<20} {}", "next get", next(state));
    }
    if overview.shown.is_incomplete {
        text.push_str(
            "the list of accounts was damaged: `acspass doctor` restores those that are still stored\n",
        );
    }
    if accounts.is_empty() {
        text.push_str("nobody is signed in: run `acspass login`\n");
    }
    if overview.shown.lacks_active() {
        text.push_str("no account is the active one: `acspass account switch USER` makes it so\n");
    }
    let left = overview.shown.left;
    if left > 0 {
        let _ = writeln!(text, "and {left} more: `acspass account list` lists them");
    }
    text.trim_end().to_owned()
}

fn describe(token: Option<TokenState>) -> String {
    let Some(token) = token else {
        return "none".to_owned();
    };
    let expires_on = token.expires_on;
    let state = match token.fresh {
        _ if token.left.is_zero() => return format!("expired at {expires_on}"),
        true => "fresh",
        false => "not fresh",
    };
    let left = in_words(token.left);
    format!("{state}, until {expires_on} (another {left})")
}

fn next(state: &AccountState) -> &'static str {
    let fresh = |token: Option<TokenState>| token.is_some_and(|token| token.fresh);
    if fresh(state.communication) {
        "prints the kept token, without network"
    } else if fresh(state.entra) {
        "exchanges the Entra token"
    } else if state.can_renew {
        "renews the session, then exchanges"
    } else {
        "needs a sign-in"
    }
}

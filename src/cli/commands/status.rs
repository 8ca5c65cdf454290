//! `status`: prints the accounts in the index. Does not call the store.

use std::sync::Arc;

use askama::Template;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::{Output, render};
use crate::error::{Kind, Result};
use crate::json;
use crate::session::{AccountState, Overview, TokenState};
use crate::store::IndexPage;
use crate::time::in_words;

/// The number of accounts that are printed as text.
const MAX_ACCOUNTS_AS_TEXT: usize = 10;

pub(crate) fn run(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let most = match output.is_json {
        true => usize::MAX,
        false => MAX_ACCOUNTS_AS_TEXT,
    };
    let overview = context.overview(most)?;
    match output.is_json {
        true => {
            let store = context.session_store.store_name();
            let accounts = overview.accounts();
            let json = json::status(&context.config.profile, store, &accounts);
            output.print_result("", &json)?;
        }
        false => {
            let text = format!("{}\n{}", heading(&context), text(&overview)?);
            output.print_result(&text, &())?;
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
        config.authority.host_and_port(),
        endpoint.unwrap_or("none that can be used: `acspass get` says why"),
    )
}

/// Returns the accounts as text.
pub(super) fn text(overview: &Overview) -> Result<String> {
    let text = render(&Accounts {
        accounts: overview.accounts(),
        page: &overview.shown,
    })?;
    Ok(text.trim_end().to_owned())
}

#[derive(Template)]
#[template(path = "status.txt")]
struct Accounts<'o> {
    accounts: Vec<AccountState>,
    page: &'o IndexPage,
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

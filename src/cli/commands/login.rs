//! `login`: signs in and says who is signed in, until when, and where that is kept.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::Stdin;
use crate::cli::args::{Login, PromptArg};
use crate::cli::context::Environment;
use crate::cli::first_run;
use crate::cli::output::Output;
use crate::cli::prompt::Keyboard;
use crate::cli::sign_in::{self, Opening, SignInUi};
use crate::config::Setting;
use crate::entra::Prompt;
use crate::error::{Error, Result};
use crate::json;
use crate::time::{Moment, in_words};

pub(super) fn run(
    args: &Login,
    env: &Environment,
    stdin: Stdin,
    output: &mut Output,
) -> Result<u8> {
    let keyboard = Keyboard::new(stdin);
    let asks = env.is_interactive(&keyboard);
    let context = first_run::context(env, &flags(args), false, asks.then_some(&keyboard))?;
    context.config.check_resource()?;
    let session = context.session()?;
    let entra = context.entra()?;
    let opening = match args.no_browser {
        true => Opening::Printed,
        false => Opening::Browser,
    };
    let user = context.requested_account(args.account.as_deref())?;
    let ui = SignInUi::new(&context, opening, user.as_deref(), keyboard)?;
    let prompt = args.prompt.map(|prompt| match prompt {
        PromptArg::SelectAccount => Prompt::SelectAccount,
        PromptArg::Login => Prompt::Login,
        PromptArg::Consent => Prompt::Consent,
        PromptArg::None => Prompt::None,
    });
    let options = ui.options(prompt, args.timeout);
    let scopes = &context.config.scopes;
    let record = context.block_on(session.login(&entra, &options, user.as_deref(), scopes))?;
    let expires_on = record
        .entra_token(scopes)
        .map(|token| token.expires_on)
        .ok_or_else(|| Error::internal("a sign-in kept no token"))?;
    let now = Moment::now(env.clock.as_ref()).by_service(record.clock.as_ref());
    let left = expires_on.since(now);
    let messages = output.messages();
    messages.print(&format!(
        "{} is signed in. The Entra token is good until {expires_on} (another {})",
        record.account.username,
        in_words(left),
    ));
    match context.sessions.is_persistent() {
        true => messages.print(&format!(
            "The session is kept in {}",
            place(context.sessions.store_name())
        )),
        false => messages.warn(
            "the store is memory: nothing is kept, and the session is gone when this command ends",
        ),
    }
    let json = json!({
        "account": json::account(&record.account),
        "expiresOn": expires_on.to_string(),
    });
    output.result("", &json)?;
    Ok(0)
}

/// Where a store keeps things, for a sentence.
pub(in crate::cli) fn place(store: &str) -> &'static str {
    match store {
        "file" => "sealed files",
        "keyutils" => "the kernel's keyring, until you log out of this machine",
        _ => "the keyring",
    }
}

fn flags(args: &Login) -> BTreeMap<Setting, String> {
    let scopes = (!args.scope.is_empty()).then(|| args.scope.join(" "));
    [
        (Setting::Tenant, args.tenant.clone()),
        (Setting::ClientId, args.client_id.clone()),
        (Setting::Scopes, scopes),
        (Setting::Port, args.port.map(|port| port.to_string())),
        (Setting::RedirectUri, args.redirect_uri.clone()),
    ]
    .into_iter()
    .filter_map(|(setting, text)| Some((setting, text?)))
    .chain(sign_in::typed(args))
    .collect()
}

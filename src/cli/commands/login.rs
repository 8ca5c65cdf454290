//! `login`: signs in and prints the account, its expiry and the store.

use std::sync::Arc;

use serde_json::json;

use crate::cli::args::Login;
use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::profile::store_description;
use crate::cli::runtime::block_on;
use crate::cli::sign_in::{browser::PageOpener, login_options::LoginOptions, ui::SignInUi};
use crate::config::{Purpose, Setting, SignInChoice};
use crate::error::{Error, Result};
use crate::json;
use crate::time::LocalClocks;

use super::setup_questions;

pub(crate) fn run(args: &Login, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    env.login_options.get_or_init(|| LoginOptions::new(args));
    let flags = flags(args);
    let context = Context::new(env, &flags)?;
    // A sign-in requests the scope of an exchange service. It needs no resource.
    let purpose = match context.config.uses_exchange_service() {
        true => Purpose::CommunicationToken,
        false => Purpose::SignIn,
    };
    let context = context.require_settings(purpose);
    let context = context.or_else(|lacking| setup_questions::ask(*lacking, &flags, true))?;
    context.config.check_issuer()?;
    let sessions = context.sessions()?;
    let entra = context.entra()?;
    let opening = match args.no_browser {
        true => PageOpener::Printed,
        false => PageOpener::Browser,
    };
    let user = context.requested_account(args.account.as_deref())?;
    let ui = SignInUi::new(&context, opening, user.as_deref());
    let options = ui.options(args.prompt, args.timeout);
    let scopes = &context.config.scopes;
    let record = block_on(sessions.login(&entra, &options, user.as_deref(), scopes))?;
    let token = record.entra_token(scopes);
    let token = token.ok_or_else(|| Error::internal("a sign-in saved no Entra token"))?;
    if record.refresh_token.is_none() && context.config.needs_two_tokens() {
        env.messages.warn(
            "Entra issued no refresh token, and the exchange service needs a second token: `acspass \
             get` will fail. Ask your administrator to permit `offline_access` for the application",
        );
    }
    let expires_on = token.expires_on;
    let now =
        LocalClocks::read(env.clock.as_ref()).estimate_server_time(record.time_sample.as_ref());
    let expiry = env
        .local_times(now)
        .expiry(expires_on, expires_on.since(now));
    env.messages
        .print(&format!("Signed in as {}.", record.account.username));
    env.messages.print(&format!("The Entra token {expiry}."));
    match context.session_store.is_persistent() {
        true => env.messages.print(&format!(
            "The session is saved in {}.",
            store_description(&context.session_store)
        )),
        false => env
            .messages
            .warn("the session is not saved, because the store is `memory`"),
    }
    let account = json::account(&record.account);
    let json = json!({"account": account, "expiresOn": expires_on.to_string()});
    output.print_result("", &json)
}

fn flags(args: &Login) -> Flags {
    let method = match (args.device_code, args.paste, args.no_browser) {
        (true, _, _) => Some(SignInChoice::DeviceCode),
        (_, true, _) => Some(SignInChoice::Paste),
        // It overrides the method of the profile.
        (_, _, true) => Some(SignInChoice::Browser),
        _ => None,
    };
    let scopes = (!args.scope.is_empty()).then(|| args.scope.join(" "));
    let method = method.map(|method| method.as_str().to_owned());
    let flags = [
        (Setting::Tenant, args.tenant.clone()),
        (Setting::ClientId, args.client_id.clone()),
        (Setting::Scopes, scopes),
        (Setting::Port, args.port.map(|port| port.to_string())),
        (Setting::RedirectUri, args.redirect_uri.clone()),
        (Setting::SignIn, method),
    ];
    let flags = flags.into_iter();
    flags
        .filter_map(|(setting, text)| Some((setting, text?)))
        .collect()
}

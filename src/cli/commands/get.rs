//! `get`: prints one fresh token.

use std::borrow::Cow;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::args::{Format, Get, TokenOptions};
use crate::cli::clipboard;
use crate::cli::context::{Context, Flags};
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::cli::sign_in::account_picker;
use crate::cli::sign_in::{browser::PageOpener, ui::SignInUi};
use crate::config::{Purpose, Setting};
use crate::error::{Error, Result};
use crate::json;
use crate::session::{CacheLookup, Token, TokenKind, TokenRequest};

use super::setup_questions;

pub(crate) fn run(args: &Get, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let (options, entra) = (&args.options, args.entra);
    let context = context(options, env, purpose(entra))?;
    let token = token(&context, options, entra)?;
    let secret = token.secret.expose();
    let text = match args.output {
        Format::Text | Format::Json | Format::Dotenv => Cow::from(secret),
        Format::Env => assignments(secret, entra, &context).into(),
        Format::Header => format!("Authorization: Bearer {secret}").into(),
    };
    output.print_result(&text, &json::token(&token))
}

/// Copies the token to the clipboard, and prints nothing on standard output.
pub(crate) fn copy(args: &Get, env: &Arc<Environment>) -> Result<u8> {
    let (options, entra, format) = (&args.options, args.entra, args.output);
    if format != Format::Text {
        return Err(Error::usage(
            format!("--copy copies the token alone, and does not work with `-o {format}`"),
            "Remove one of them.",
        ));
    }
    let context = context(options, env, purpose(entra))?;
    let token = token(&context, options, entra)?;
    let rest = clipboard::copy(token.secret.expose(), env)?;
    let what = match entra {
        true => "the Entra token",
        false => "the access token",
    };
    env.messages.end_status();
    env.messages.print(&format!("Copied {what}. {rest}"));
    Ok(0)
}

/// Returns shell assignments of the token and of the resource's endpoint, if that is known.
fn assignments(token: &str, is_entra: bool, context: &Context) -> String {
    let name = match is_entra {
        true => var::ACSPASS_ENTRA_TOKEN,
        false => var::AZURE_COMMUNICATION_ACCESS_TOKEN,
    };
    let resource = context.config.resource().ok();
    let endpoint = resource.as_ref().map(|resource| resource.endpoint.as_str());
    let endpoints = [
        var::COMMUNICATION_SERVICES_ENDPOINT,
        var::AZURE_COMMUNICATION_ENDPOINT,
    ];
    let endpoints = endpoints.into_iter().zip(endpoint.into_iter().cycle());
    let lines: Vec<String> = iter::once((name, token))
        .chain(endpoints)
        .map(|(name, value)| format!("{name}={}", shell_words::quote(value)))
        .collect();
    lines.join("\n")
}

fn purpose(entra: bool) -> Purpose {
    match entra {
        true => Purpose::SignIn,
        false => Purpose::CommunicationToken,
    }
}

/// Builds the context. Missing settings are asked for if that is allowed.
pub(super) fn context(
    options: &TokenOptions,
    env: &Arc<Environment>,
    purpose: Purpose,
) -> Result<Context> {
    let min_validity = options.min_validity.iter().cloned();
    let flags = Flags::from_iter(min_validity.map(|text| (Setting::MinValidity, text)));
    let context = Context::new(env, &flags)?.require_settings(purpose);
    context.or_else(|lacking| setup_questions::ask(*lacking, &flags, !options.no_interactive))
}

/// Returns the cached token if the freshness rule permits it, or else a renewed one.
pub(super) fn token(context: &Context, options: &TokenOptions, entra: bool) -> Result<Token> {
    let mut request = context.token_request(entra)?;
    request.force_refresh = options.force_refresh;
    let account = context.requested_account(options.account.as_deref())?;
    let opening = opening(options, &context.env);
    acquire(context, request, account, opening, options.timeout)
}

/// Returns the cached token for a request, or else a renewed one. `opening` is how a sign-in opens its
/// page, and `None` allows no sign-in.
pub(super) fn acquire(
    context: &Context,
    request: TokenRequest,
    mut account: Option<String>,
    opening: Option<PageOpener>,
    timeout: Duration,
) -> Result<Token> {
    let needs_exchange = matches!(request.kind, TokenKind::Communication(_));
    let sessions = context.sessions()?;
    let mut lookup = sessions.cached_token(account.as_deref(), request.clone())?;
    // The users of the embedded emulator are all known, and it signs them in by itself.
    if let CacheLookup::Miss(renewal) = &lookup
        && !renewal.has_session()
        && opening.is_some()
        && !context.env.global.emulator
        && let Some(picked) =
            account_picker::choose_or_sign_in(context, &sessions, account.as_deref())?
    {
        lookup = sessions.cached_token(Some(&picked.home_account_id), request)?;
        account = Some(picked.username);
    }
    match lookup {
        CacheLookup::Hit(token) => Ok(token),
        CacheLookup::Miss(renewal) => {
            let ui = opening.map(|opening| SignInUi::new(context, opening, account.as_deref()));
            let sign_in = ui.as_ref().map(|ui| ui.options(None, timeout));
            block_on(renewal.run(
                || context.renewal_services(needs_exchange),
                sign_in.as_ref(),
            ))
        }
    }
}

/// Returns how a sign-in opens its page; `None` if no sign-in is allowed. The emulator's user agent
/// signs in without a user, except with `--interactive`.
fn opening(options: &TokenOptions, env: &Environment) -> Option<PageOpener> {
    if env.global.emulator && !options.interactive {
        return Some(PageOpener::UserAgent);
    }
    let is_allowed = options.interactive || env.is_interactive();
    (is_allowed && !options.no_interactive).then_some(PageOpener::Browser)
}

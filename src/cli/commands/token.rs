//! `token issue`, `token revoke` and `token exchange`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::acs::{CommunicationUserId, CreatedUser, TokenLifetime, TokenScope, teams_token};
use crate::cli::args::{TokenExchange, TokenIssue};
use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::config::with_source;
use crate::entra::check_client_id;
use crate::error::{Error, Kind, Result};
use crate::input::guid;
use crate::json;
use crate::jwt;
use crate::secret::EntraToken;
use crate::text::quoted;

use super::inspect::read_token;

/// A command that pipes an Entra token in.
const EXAMPLE: &str = "acspass get --entra | acspass token exchange";

pub(crate) fn issue(args: &TokenIssue, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let lifetime = args.valid_for.map(TokenLifetime::new).transpose()?;
    let scopes = TokenScope::list(&args.scope)?;
    let user = args.user.as_deref().map(CommunicationUserId::parse);
    let user = user.transpose()?;
    let context = Context::new(env, &Flags::new())?;
    let client = context.identity_client()?;
    let Some(user) = user else {
        let created = block_on(client.create_user_with_token(&scopes, lifetime));
        return print_created(&created.map_err(cut_short)?, env, output);
    };
    let issued = block_on(client.issue_token(&user, &scopes, lifetime)).map_err(cut_short)?;
    let json = json::issued(&issued, env.clock.now());
    output.print_result(issued.token.expose(), &json)
}

pub(crate) fn revoke(user: &str, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let user = CommunicationUserId::parse(user)?;
    let context = Context::new(env, &Flags::new())?;
    let client = context.identity_client()?;
    block_on(client.revoke_tokens(&user)).map_err(cut_short)?;
    env.messages.print(
        "Revoked all tokens of the identity. The service takes up to 15 minutes to refuse them \
         everywhere.",
    );
    output.print_result("", &json!({}))
}

pub(crate) fn exchange(
    args: &TokenExchange,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let token = EntraToken::new(read_token(args.file.as_deref(), env, EXAMPLE)?.as_str());
    let decoded = jwt::decode(token.expose());
    let is_readable = decoded.is_some();
    let claims = decoded.map(|decoded| decoded.claims).unwrap_or_default();
    if ["skypeid", "acsScope"]
        .iter()
        .any(|name| claims.contains_key(*name))
    {
        return Err(Error::usage(
            "this is a Communication access token, not an Entra token",
            format!("Run `{EXAMPLE}`."),
        ));
    }
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let missing = |what: &str, flag: &str| match is_readable {
        true => Error::usage(
            format!("the Entra token has no {what}"),
            format!("Add `{flag} ID`."),
        ),
        false => Error::usage(
            "the input is not an Entra token: it does not consist of three Base64url parts",
            format!("Run `{EXAMPLE}`. For an encrypted token, add `--client-id ID --user-id ID`."),
        ),
    };
    let client_id = args
        .client_id
        .as_deref()
        .map(|text| check_client_id(text).map_err(|error| with_source(error, "--client-id")));
    let app_id = client_id
        .transpose()?
        .or_else(|| claim("appid"))
        .or_else(|| claim("azp"))
        .ok_or_else(|| missing("application id (appid or azp)", "--client-id"))?;
    let user_id =
        args.user_id.as_deref().map(|text| {
            guid(text).ok_or_else(|| {
            Error::usage(
                format!("invalid object id {} for --user-id: not a GUID", quoted(text)),
                "Copy the Object ID of the user from the portal, under Microsoft Entra ID, Users.",
            )
        })
        });
    let user_id = user_id
        .transpose()?
        .or_else(|| claim("oid"))
        .ok_or_else(|| missing("object id of a user (oid)", "--user-id"))?;
    let context = Context::new(env, &Flags::new())?;
    context.config.resource()?;
    let now = env.clock.now();
    if let Some(note) = teams_token::check(token.expose(), &app_id, &user_id, now)? {
        tracing::info!("{note}");
    }
    let client = context.identity_client()?;
    let issued = block_on(client.exchange_teams_user_token(&token, &app_id, &user_id))?;
    let json = json::issued(&issued, env.clock.now());
    output.print_result(issued.token.expose(), &json)
}

/// Prints the id of an identity, and its token if there is one.
pub(super) fn print_created(
    created: &CreatedUser,
    env: &Environment,
    output: &mut Output,
) -> Result<u8> {
    let text = match &created.token {
        Some(issued) => format!("{}\n{}", created.id, issued.token.expose()),
        None => created.id.to_string(),
    };
    output.print_result(&text, &json::created(created, env.clock.now()))
}

/// Adds to an interruption that it does not undo a request under way.
pub(super) fn cut_short(error: Error) -> Error {
    match error.kind() {
        Kind::Interrupted => error.with_hint(
            "Check the result: the service may still have processed the request under way.",
        ),
        _ => error,
    }
}

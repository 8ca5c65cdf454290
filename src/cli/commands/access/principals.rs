//! The principals of a command: their object ids, or names that Microsoft Graph looks up.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::acs::{AccessClient, AccessFamily, check_object_id};
use crate::cli::args::{AccessOptions, KeylessExchange};
use crate::cli::commands::{bulk, get};
use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::runtime::block_on;
use crate::cli::sign_in::browser::PageOpener;
use crate::config::{Setting, default_scopes};
use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::graph::{Directory, DirectoryUser, UserLookup, check_name};
use crate::input;
use crate::secret::EntraToken;
use crate::session::{TokenKind, TokenRequest};
use crate::text::{quoted, shown};

/// The time limit of a sign-in for a look-up.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(300);
/// A list on standard input.
const LIST: &str = "-";

/// The resource's assignments, and the principals of the command.
pub(super) struct Prepared {
    /// An embedded emulator runs as long as this.
    _context: Context,
    pub(super) access: AccessClient,
    /// The tenant of the principals, if the command needs it.
    pub(super) tenant_id: Option<String>,
    principals: Vec<String>,
    /// Whether the principals are of standard input.
    pub(super) is_list: bool,
    directory: Option<Directory>,
}

/// A principal with its object id.
pub(super) struct Resolved {
    pub(super) object_id: String,
    /// The name for messages: the user principal name if it was looked up.
    pub(super) name: String,
    user_principal_name: Option<String>,
}

impl Resolved {
    /// Adds the name that was looked up to the JSON of a result.
    pub(super) fn add_name(&self, mut json: Value) -> Value {
        if let Some(name) = &self.user_principal_name {
            json["userPrincipalName"] = json!(name);
        }
        json
    }
}

impl Prepared {
    /// Checks the arguments before any request, then looks for what the command needs: the tenant if
    /// `needs_tenant`, and the directory if there is a name.
    pub(super) fn new(
        context: Context,
        resolves: bool,
        users: &[String],
        needs_tenant: bool,
    ) -> Result<Prepared> {
        let kind = keyless(context.config.exchange)?;
        let is_list = users.len() == 1 && users[0] == LIST;
        let mut principals = match users {
            _ if is_list => read(&context.env)?,
            several if several.iter().any(|user| user == LIST) => {
                return Err(Error::usage(
                    "`-` cannot be used with other users",
                    "Use `-` alone, to read all users from standard input.",
                ));
            }
            users => users.to_vec(),
        };
        let mut seen = HashSet::new();
        principals.retain(|text| {
            let lower = || text.trim().to_lowercase();
            seen.insert(input::guid(text).unwrap_or_else(lower))
        });
        let has_names = check(&principals, resolves)?;
        let client = context.identity_client()?;
        let (mut directory, mut tenant_id) = (None, None);
        if has_names {
            let (token, tenant) = graph_token(&context)?;
            let address = context.config.graph()?;
            directory = Some(Directory::new(context.http.clone(), address, token));
            tenant_id = Some(tenant);
        }
        if tenant_id.is_none() && (needs_tenant || kind == KeylessExchange::TeamsExtension) {
            tenant_id = Some(tenant(&context)?);
        }
        let family = match kind {
            KeylessExchange::Entra => AccessFamily::Entra,
            KeylessExchange::TeamsExtension => AccessFamily::TeamsExtension {
                tenant_id: tenant_id.clone().unwrap_or_default(),
            },
        };
        Ok(Prepared {
            access: AccessClient::new(client, family),
            _context: context,
            tenant_id,
            principals,
            is_list,
            directory,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.principals.len()
    }

    /// Returns a principal as it was named.
    pub(super) fn shown(&self, number: usize) -> String {
        shown(&self.principals[number])
    }

    /// Returns a principal with its object id. With `is_grant`, a name must be a user principal name:
    /// a display name is not unique, and its user can have changed it.
    pub(super) async fn resolve(&self, number: usize, is_grant: bool) -> Result<Resolved> {
        let text = &self.principals[number];
        if let Some(object_id) = input::guid(text) {
            return Ok(Resolved {
                name: object_id.clone(),
                object_id,
                user_principal_name: None,
            });
        }
        let directory = self.directory.as_ref();
        let directory = directory.ok_or_else(|| Error::internal("a name without a directory"))?;
        match directory.find_user(text).await? {
            UserLookup::One(user) if is_grant => Err(Error::usage(
                format!("{} is not the user principal name of a user", quoted(text)),
                candidates("Check that this is the user, then use the name", &[user]),
            )),
            UserLookup::Named(user) | UserLookup::One(user) => Ok(Resolved {
                object_id: user.object_id,
                name: user.user_principal_name.clone(),
                user_principal_name: Some(user.user_principal_name),
            }),
            UserLookup::None => Err(Error::usage(
                format!("your tenant has no user {}", quoted(text)),
                "Check the name. For a user of another tenant, pass the object id and `--tenant \
                 TENANT`.",
            )),
            UserLookup::Several(users) => {
                let fits = format!("several users have the name {}", quoted(text));
                Err(Error::usage(
                    fits,
                    candidates("Use one of these names", &users),
                ))
            }
        }
    }
}

/// Returns a hint with the user principal names of these users.
fn candidates(what: &str, users: &[DirectoryUser]) -> String {
    let names = users.iter();
    let names: Vec<_> = names.map(|user| shown(&user.user_principal_name)).collect();
    format!("{what}:\n\n  {}", names.join("\n  "))
}

/// Returns the context of a command with these options.
pub(super) fn context(options: &AccessOptions, env: &Arc<Environment>) -> Result<Context> {
    Context::new(env, &flags(options))
}

/// Returns the flags of the command line. With `--exchange`, the scopes of the profile may be of
/// another exchange, and this command uses none of them.
fn flags(options: &AccessOptions) -> Flags {
    let mut flags = Flags::new();
    if let Some(exchange) = options.exchange {
        let (kind, text) = match exchange {
            KeylessExchange::Entra => (ExchangeKind::Entra, "entra"),
            KeylessExchange::TeamsExtension => (ExchangeKind::TeamsExtension, "teams-extension"),
        };
        flags.insert(Setting::Exchange, text.to_owned());
        flags.insert(Setting::Scopes, default_scopes(kind).to_owned());
    }
    if let Some(tenant) = &options.tenant {
        flags.insert(Setting::Tenant, tenant.clone());
    }
    flags
}

fn keyless(exchange: ExchangeKind) -> Result<KeylessExchange> {
    match exchange {
        ExchangeKind::Entra => Ok(KeylessExchange::Entra),
        ExchangeKind::TeamsExtension => Ok(KeylessExchange::TeamsExtension),
        ExchangeKind::Key | ExchangeKind::Service => Err(Error::usage(
            match exchange {
                ExchangeKind::Service => "the exchange `service` has no assignments",
                _ => "the exchange `key` has no assignments",
            },
            "Add `--exchange entra`, or `--exchange teams-extension`.",
        )),
    }
}

fn read(env: &Environment) -> Result<Vec<String>> {
    if env.stdin.is_terminal {
        env.messages.print(
            "Type or paste users, one per line, then press Ctrl-D. Nothing changes before that.",
        );
    }
    let example = "Pipe in object ids or names, one per line.";
    let principals = bulk::read_list(env, example).map(|text| input::principals(&text))?;
    match principals.is_empty() {
        false => Ok(principals),
        true => Err(Error::usage("the list of users is empty", example)),
    }
}

/// Checks every principal. Returns whether there is a name to look up.
fn check(principals: &[String], resolves: bool) -> Result<bool> {
    let mut names = principals.iter().filter(|text| input::guid(text).is_none());
    let Some(name) = names.next() else {
        return Ok(false);
    };
    if resolves {
        let mut all = std::iter::once(name).chain(names);
        return all
            .try_for_each(|name| check_name(name).map(drop))
            .map(|()| true);
    }
    let more = names.count();
    check_object_id(name).map(|_| false).map_err(|error| {
        let error = error.with_hint(
            "Copy the Object ID from the portal, under Microsoft Entra ID, Users or Groups. For the \
             name of a user of your tenant, add `--resolve`.",
        );
        match more {
            0 => error,
            more => {
                let message = format!("{}, and {more} more", error.message());
                error.with_message(message)
            }
        }
    })
}

/// Returns the tenant of the settings as a GUID.
fn tenant(context: &Context) -> Result<String> {
    let authority = &context.config.authority;
    let tenant_id = block_on(authority.tenant_id(&context.http))?;
    tenant_id.ok_or_else(|| {
        Error::usage(
            "no tenant is configured, and the object ids belong to one",
            "Add `--tenant TENANT`.",
        )
    })
}

/// Returns a Graph token of the signed-in user, and that user's tenant.
fn graph_token(context: &Context) -> Result<(EntraToken, String)> {
    let env = &context.env;
    let address = context.config.graph()?;
    let host = address.url().host_str().unwrap_or_default();
    env.messages.print(&format!(
        "--resolve requests the permission User.ReadBasic.All through your own session, and sends the \
         names to Microsoft Graph at {host}."
    ));
    let kind = TokenKind::Entra(vec![address.scope()]);
    let request = TokenRequest::new(kind, context.config.min_validity);
    let opening = match env.global.emulator {
        true => Some(PageOpener::UserAgent),
        false => env.is_interactive().then_some(PageOpener::Browser),
    };
    let token = get::acquire(context, request, None, opening, SIGN_IN_TIMEOUT);
    let token = token.map_err(|error| match (error.kind(), error.code()) {
        (Kind::SignInNeeded, Some("AADSTS65001")) => error.with_hint(format!(
            "Run `ACSPASS_EXCHANGE=key acspass login --scope {}` to consent, or pass object ids without `--resolve`.",
            address.scope()
        )),
        _ => error,
    })?;
    let tenant_id = token.account.tenant_id.clone();
    Ok((EntraToken::new(token.secret.expose()), tenant_id))
}

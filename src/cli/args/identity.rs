//! What can be typed about a resource's identities and their tokens.

use clap::{Args, Subcommand};

use super::duration::duration;

/// Create and delete ACS identities
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  acspass user create
  acspass user create --scope chat --scope voip --valid-for 1h
  acspass user delete 8:acs:1b5cc06b-…_00000007-…
  acspass user create --count 100 > ids.txt && acspass user delete - < ids.txt
  acspass user create --emulator")]
pub(crate) enum User {
    Create(UserCreate),
    Delete(UserDelete),
}

/// Create an identity, and issue its first token where scopes are named
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass user create
  acspass user create --scope chat --scope voip --valid-for 1h
  acspass user create --count 100 > ids.txt

Prints the id, and the token on a second line where scopes were named.")]
pub(crate) struct UserCreate {
    /// What the token may do: chat, voip, chat.join, chat.join.limited, voip.join; repeat it, or
    /// separate scopes by commas
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// How long the token lives, 1h to 24h [default: the service's own, 24h]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "scope")]
    pub(crate) valid_for: Option<std::time::Duration>,
    /// Create this many; what failed is listed at the end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: Option<u32>,
}

/// Delete an identity, its tokens and its data, without asking
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass user delete 8:acs:1b5cc06b-…_00000007-…
  acspass user delete - < ids.txt

With `-` ids are read from standard input, one a line; what failed is listed at the end.")]
pub(crate) struct UserDelete {
    /// The identity's id, or `-`
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Accepted for habit's sake: nothing is asked anyway
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Issue, revoke and exchange Communication tokens
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  acspass token issue --scope chat --scope voip --valid-for 1h
  acspass token issue --user 8:acs:1b5cc06b-…_00000007-… --scope voip
  acspass token revoke --user 8:acs:1b5cc06b-…_00000007-…
  acspass token exchange entra-token.txt")]
pub(crate) enum Token {
    Issue(TokenIssue),
    Revoke(TokenRevoke),
    #[command(alias = "get-for-teams-user")]
    Exchange(TokenExchange),
}

/// Issue a token for an identity, or for a new one
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass token issue --scope chat --scope voip --valid-for 1h
  acspass token issue --user 8:acs:1b5cc06b-…_00000007-… --scope voip

Without --user an identity is created in the same request, and its id is printed before the token. \
Earlier tokens stay good; to refresh a token, issue again.")]
pub(crate) struct TokenIssue {
    /// The identity's id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// What the token may do: chat, voip, chat.join, chat.join.limited, voip.join; repeat it, or
    /// separate scopes by commas
    #[arg(long, value_name = "SCOPE", required = true)]
    pub(crate) scope: Vec<String>,
    /// How long the token lives, 1h to 24h [default: the service's own, 24h]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) valid_for: Option<std::time::Duration>,
}

/// Revoke every token that was issued for an identity so far; takes up to 15 minutes
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass token revoke --user 8:acs:1b5cc06b-…_00000007-…")]
pub(crate) struct TokenRevoke {
    /// The identity's id
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
    /// Accepted for habit's sake: nothing is asked anyway
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Exchange a Teams user's Entra token for a Communication token
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass get --entra | acspass token exchange
  acspass token exchange entra-token.txt --client-id GUID --user-id GUID

The Entra token is read from FILE or standard input, never from the command line. The client id \
and the user's object id are the token's own where it can be read.")]
pub(crate) struct TokenExchange {
    /// A file that holds the Entra token; standard input where it is missing or `-`
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<std::path::PathBuf>,
    /// The application that the token was issued to
    #[arg(long, value_name = "GUID")]
    pub(crate) client_id: Option<String>,
    /// The user's object id (oid)
    #[arg(long, value_name = "GUID")]
    pub(crate) user_id: Option<String>,
}

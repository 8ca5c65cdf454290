//! What can be typed about a resource's identities and their tokens.

use clap::{Args, Subcommand};

use super::duration::duration;

/// Create and delete ACS identities
#[derive(Debug, Subcommand)]
#[command(after_help = include_str!("../../../assets/help/user.txt"))]
pub(crate) enum User {
    Create(UserCreate),
    Delete(UserDelete),
}

/// Create an identity, and issue its first token where scopes are named
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/user-create.txt"))]
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
#[command(after_help = include_str!("../../../assets/help/user-delete.txt"))]
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
#[command(after_help = include_str!("../../../assets/help/token.txt"))]
pub(crate) enum Token {
    Issue(TokenIssue),
    Revoke(TokenRevoke),
    #[command(alias = "get-for-teams-user")]
    Exchange(TokenExchange),
}

/// Issue a token for an identity, or for a new one
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/token-issue.txt"))]
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
#[command(after_help = include_str!("../../../assets/help/token-revoke.txt"))]
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
#[command(after_help = include_str!("../../../assets/help/token-exchange.txt"))]
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

//! Arguments of the commands for sign-in, tokens and accounts.

use clap::{Args, Subcommand, ValueEnum};

use super::duration::duration;

/// Sign in, through the browser or on another device
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/login.txt"))]
pub(crate) struct Login {
    /// The user to sign in; another one is refused, and nothing changes
    #[arg(long, value_name = "USER")]
    pub(crate) account: Option<String>,
    /// What Entra asks of the user
    #[arg(long, value_enum)]
    pub(crate) prompt: Option<PromptArg>,
    /// The tenant: a GUID, a domain or `organizations` [env: ACSPASS_TENANT_ID]
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// The application (client) id [env: ACSPASS_CLIENT_ID]
    #[arg(long, value_name = "GUID")]
    pub(crate) client_id: Option<String>,
    /// An Entra scope; may be repeated [env: ACSPASS_SCOPES]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// Show a code to enter on any other device; many organizations forbid it
    #[arg(long, conflicts_with_all = ["paste", "no_browser", "port", "redirect_uri", "prompt"])]
    pub(crate) device_code: bool,
    /// Paste the address that the browser ends on: for SSH and remote editors
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) paste: bool,
    /// Print the address instead of opening a browser, and wait for the answer
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// The port that the answer comes to; 0 takes a free one
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// The redirect URI, where the registered one has a path: http and loopback only, but with
    /// --paste
    #[arg(long, value_name = "URI")]
    pub(crate) redirect_uri: Option<String>,
    /// How long the user may take
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) timeout: std::time::Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum PromptArg {
    SelectAccount,
    Login,
    Consent,
    None,
}

/// Print one fresh Communication token
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/get.txt"))]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) token: TokenOptions,
    /// Print the Entra token instead
    #[arg(long)]
    pub(crate) entra: bool,
}

/// Which token to get, and how.
#[derive(Debug, Args)]
pub(crate) struct TokenOptions {
    /// The signed-in user whose token it is, or the beginning of the name; without it, the active
    /// account
    #[arg(long, value_name = "USER")]
    pub(crate) account: Option<String>,
    /// How much the token must have left, like 90s, 10m, 1h30m [default: 10m]
    #[arg(long, value_name = "DURATION")]
    pub(crate) min_validity: Option<String>,
    /// Redeem and exchange again, whatever is kept
    #[arg(long)]
    pub(crate) force_refresh: bool,
    /// Allow interactive sign-in without a terminal; with --emulator, show its pages
    #[arg(long, conflicts_with = "no_interactive")]
    pub(crate) interactive: bool,
    /// Never ask a person to sign in
    #[arg(long)]
    pub(crate) no_interactive: bool,
    /// How long a sign-in may take, or be waited for
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) timeout: std::time::Duration,
}

/// Run a command with a fresh token in its environment
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/exec.txt"))]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) token: TokenOptions,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

/// Forget one account, or all
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/logout.txt"))]
pub(crate) struct Logout {
    /// The account to forget, or the beginning of its name
    #[arg(long, value_name = "USER", conflicts_with = "all")]
    pub(crate) account: Option<String>,
    /// Forget every account of every profile
    #[arg(long)]
    pub(crate) all: bool,
}

/// See and choose among signed-in accounts
#[derive(Debug, Subcommand)]
#[command(after_help = include_str!("../../../assets/help/account.txt"))]
pub(crate) enum Account {
    /// List the signed-in accounts
    #[command(after_help = include_str!("../../../assets/help/account-list.txt"))]
    List,
    Switch(AccountSwitch),
}

/// Make another account the active one
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/account-switch.txt"))]
pub(crate) struct AccountSwitch {
    /// A username, a home account id, or the beginning of either
    #[arg(value_name = "USER")]
    pub(crate) user: Option<String>,
}

/// Decode the header and claims of a token, verifying nothing
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/inspect.txt"))]
pub(crate) struct Inspect {
    /// A file that holds the token; standard input where it is missing or `-`
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<std::path::PathBuf>,
}

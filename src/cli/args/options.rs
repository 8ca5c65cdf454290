//! The arguments of the commands that have several.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::entra::Prompt;
use crate::time::parse_duration;

/// Reads a duration such as `90s` or `1h30m`; the error has the hint in it.
fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| format!("{error}: {}", error.hint()))
}

/// Sign in, through the browser or on another device
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/login.txt"))]
pub(crate) struct Login {
    /// The user to sign in; another one is refused, and nothing changes
    #[arg(long, value_name = "USER")]
    pub(crate) account: Option<String>,
    /// What Entra asks of the user
    #[arg(long, value_enum)]
    pub(crate) prompt: Option<Prompt>,
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
    pub(crate) timeout: Duration,
}

impl ValueEnum for Prompt {
    fn value_variants<'a>() -> &'a [Prompt] {
        use Prompt::{Consent, Login, None, SelectAccount};
        &[SelectAccount, Login, Consent, None]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
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
    pub(crate) timeout: Duration,
}

/// Serve fresh tokens to this machine's apps
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/serve.txt"))]
pub(crate) struct Serve {
    /// The port; 0 takes a free one. Sockets that systemd hands over have their own
    #[arg(long, value_name = "N", default_value_t = crate::serve::PORT)]
    pub(crate) port: u16,
    /// Open the dashboard; where a service runs already, that one's
    #[arg(long)]
    pub(crate) open: bool,
    /// A web origin whose pages may ask, like `https://app.contoso.com`; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Run by itself from now on, as a systemd user service
    #[arg(long, conflicts_with_all = ["uninstall", "status"])]
    pub(crate) install: bool,
    /// Stop that service, and remove it
    #[arg(long, conflicts_with_all = ["status", "port", "allow_origin"])]
    pub(crate) uninstall: bool,
    /// Show whether a service runs and answers, and who must sign in
    #[arg(long, conflicts_with_all = ["port", "allow_origin"])]
    pub(crate) status: bool,
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
    pub(crate) valid_for: Option<Duration>,
    /// Create this many; what failed is listed at the end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: Option<u32>,
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
    pub(crate) valid_for: Option<Duration>,
}

/// Exchange a Teams user's Entra token for a Communication token
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/token-exchange.txt"))]
pub(crate) struct TokenExchange {
    /// A file that holds the Entra token; standard input where it is missing or `-`
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The application that the token was issued to
    #[arg(long, value_name = "GUID")]
    pub(crate) client_id: Option<String>,
    /// The user's object id (oid)
    #[arg(long, value_name = "GUID")]
    pub(crate) user_id: Option<String>,
}

/// Run the emulator of Entra ID and ACS Identity until stopped
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/emulator.txt"))]
pub(crate) struct Emulator {
    /// The port for https; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) https_port: u16,
    /// The port for http; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) http_port: u16,
    /// How long its Entra tokens live
    #[arg(long, value_name = "DURATION", default_value = "75m", value_parser = duration)]
    pub(crate) token_life: Duration,
    /// A name beside localhost that it answers to, for a proxy or relay in front of it; repeatable
    #[arg(long = "host-name", value_name = "NAME")]
    pub(crate) host_names: Vec<String>,
}

//! The arguments of the commands that have several.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::format::Format;
use crate::entra::Prompt;
use crate::time::{Timestamp, parse_duration};

/// Parses a duration such as `90s` or `1h30m`. The error is the hint, as in all parsers here.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.hint().to_owned())
}

/// Parses the time limit of a sign-in.
fn time_limit(text: &str) -> Result<Duration, String> {
    let hint = "Use a duration of 1s or more, such as 90s or 10m.";
    let limit = duration(text)?;
    (limit.as_secs() > 0)
        .then_some(limit)
        .ok_or_else(|| hint.to_owned())
}

/// Checks a duration that the configuration parses again, in the order of its sources.
fn duration_text(text: &str) -> Result<String, String> {
    duration(text).map(|_| text.to_owned())
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let hint = "Use a time like 2027-01-31T12:00:00Z.";
    Timestamp::parse_rfc3339(text).ok_or_else(|| hint.to_owned())
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    let hint = "Use a number from 1 to 65535, or 0 for a free port.";
    text.parse().map_err(|_| hint.to_owned())
}

pub(super) fn count(text: &str) -> Result<u32, String> {
    let count = text
        .parse()
        .ok()
        .filter(|count| (1..=1_000_000).contains(count));
    count.ok_or_else(|| "Use a number from 1 to 1000000.".to_owned())
}

/// Sign in, in a browser or on another device
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Sign in as this user; fail if another user signs in
    #[arg(long, value_name = "USER")]
    pub(crate) account: Option<String>,
    /// Choose the page that Entra shows
    #[arg(long, value_enum)]
    pub(crate) prompt: Option<Prompt>,
    /// Sign in to this tenant: a GUID, a domain or `organizations` [env: ACSPASS_TENANT_ID]
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Use this application (client) id [env: ACSPASS_CLIENT_ID]
    #[arg(long, value_name = "GUID")]
    pub(crate) client_id: Option<String>,
    /// Request this Entra scope; repeatable [env: ACSPASS_SCOPES]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// Show a code to enter on any device; many organisations block this
    #[arg(long, conflicts_with_all = ["paste", "no_browser", "port", "redirect_uri", "prompt"])]
    pub(crate) device_code: bool,
    /// Paste the final address of the browser: for SSH and remote editors
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) paste: bool,
    /// Print the address to open instead of opening a browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Listen for the redirect on this port; 0 selects a free one
    #[arg(long, value_name = "N", value_parser = port)]
    pub(crate) port: Option<u16>,
    /// Use this redirect URI: http and loopback only, except with --paste
    #[arg(long, value_name = "URI")]
    pub(crate) redirect_uri: Option<String>,
    /// Limit the time allowed to finish signing in
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = time_limit)]
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
    /// Use this account: a username, or the beginning of it [default: the active account]
    #[arg(long, value_name = "USER")]
    pub(crate) account: Option<String>,
    /// Require this much remaining validity, such as 90s, 10m or 1h30m [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration_text)]
    pub(crate) min_validity: Option<String>,
    /// Ignore cached tokens and request a new one
    #[arg(long)]
    pub(crate) force_refresh: bool,
    /// Allow interactive sign-in without a terminal; with --emulator, show its pages
    #[arg(long, conflicts_with = "no_interactive")]
    pub(crate) interactive: bool,
    /// Never sign in interactively
    #[arg(long)]
    pub(crate) no_interactive: bool,
    /// Limit the time allowed to finish signing in
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = time_limit)]
    pub(crate) timeout: Duration,
}

/// Print a Communication access token
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) options: TokenOptions,
    /// Print the Entra token instead
    #[arg(long)]
    pub(crate) entra: bool,
    /// Copy the token to the clipboard for 45 seconds instead of printing it
    #[arg(long)]
    pub(crate) copy: bool,
    // Replaces the global option, which has the same id and therefore gets the value too.
    /// Set the output format: env is shell assignments, header is an HTTP header
    #[arg(short, long, value_parser = Format::of_tokens(), default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// Run a command with an access token in its environment
#[derive(Debug, Args)]
#[command(override_usage = "acspass exec [OPTIONS] [-- CMD...]")]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) options: TokenOptions,
    /// Run a token service for CMD alone, so that CMD gets new tokens
    #[arg(long)]
    pub(crate) server: bool,
    /// Give CMD the user's Entra token as a managed identity; implies --server
    #[arg(long)]
    pub(crate) managed_identity: bool,
    /// Run this command with these arguments [default: $SHELL]
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Serve access tokens to apps on this machine
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Listen on this port; 0 selects a free one
    #[arg(long, value_name = "N", default_value_t = crate::serve::PORT, value_parser = port)]
    pub(crate) port: u16,
    /// Open the dashboard, also of a service that already runs
    #[arg(long)]
    pub(crate) open: bool,
    /// Allow web pages of this origin, such as `https://app.contoso.com`; repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Install as a systemd user service, or as a program that starts at login
    #[arg(long, conflicts_with_all = ["uninstall", "status"])]
    pub(crate) install: bool,
    /// Stop and remove the installed service
    #[arg(long, conflicts_with_all = ["status", "port", "allow_origin"])]
    pub(crate) uninstall: bool,
    /// Show the state of the service
    #[arg(long, conflicts_with_all = ["port", "allow_origin"])]
    pub(crate) status: bool,
}

/// Create an identity, and issue a token if --scope is given
#[derive(Debug, Args)]
pub(crate) struct UserCreate {
    /// Allow this in the token: chat, voip, chat.join, chat.join.limited or voip.join; repeatable,
    /// or separated by commas
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// Set the lifetime of the token, 1h to 24h [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "scope")]
    pub(crate) valid_for: Option<Duration>,
    /// Create this many identities
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) count: Option<u32>,
}

/// Issue a token for an identity, or for a new one
#[derive(Debug, Args)]
pub(crate) struct TokenIssue {
    /// Issue it for this identity, `8:acs:…` [default: a new identity]
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Allow this in the token: chat, voip, chat.join, chat.join.limited or voip.join; repeatable,
    /// or separated by commas
    #[arg(long, value_name = "SCOPE", required = true)]
    pub(crate) scope: Vec<String>,
    /// Set the lifetime of the token, 1h to 24h [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) valid_for: Option<Duration>,
}

/// Exchange an Entra token of a Teams user for a Communication access token
#[derive(Debug, Args)]
pub(crate) struct TokenExchange {
    /// Read the Entra token from this file; `-` is standard input [default: -]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Name the application of the token [default: from the token]
    #[arg(long, value_name = "GUID")]
    pub(crate) client_id: Option<String>,
    /// Name the object id (oid) of the user [default: from the token]
    #[arg(long, value_name = "GUID")]
    pub(crate) user_id: Option<String>,
}

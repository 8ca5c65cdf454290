//! What can be typed: one struct a command, its doc comment the help.
//!
//! Nothing is looked up here; what was typed is all that is known.

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Sign in as a Teams user and get Azure Communication Services tokens.
#[derive(Debug, Parser)]
#[command(
    name = "acspass",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    after_help = "Examples:
  acspass get --emulator                 try it: no account, no resource, no network
  acspass login                          sign in once, in the browser
  acspass get                            print one fresh Communication token
  TOKEN=$(acspass get --no-interactive)  in a script: exit code 4 where a sign-in is needed

Settings come from flags, then the environment, then a profile, then defaults; `acspass config
list` shows each and where it came from. Exit codes: 0 done, 1 our fault, 2 usage or
configuration, 3 sign-in refused, 4 sign-in needed, 5 refused by a service, 6 unreachable,
7 token store, 130 interrupted. There is no telemetry and no update check."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Use this profile of config.toml [env: ACSPASS_PROFILE]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub(crate) profile: Option<String>,
    /// How the result is printed
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t = Format::Text,
        hide_possible_values = false,
        help_heading = "Global options"
    )]
    pub(crate) output: Format,
    /// Say nothing but errors
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    pub(crate) quiet: bool,
    /// Say more: -v each step, -vv all; no secret is ever shown
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
    /// Whether messages are coloured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Global options")]
    pub(crate) color: Color,
    /// Use the embedded emulator in this very process: no account, no resource, no network
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) emulator: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(alias = "signin")]
    Login(Login),
    #[command(alias = "get-token", alias = "print-access-token")]
    Get(Get),
    #[command(alias = "whoami")]
    Status(Status),
    Logout(Logout),
    #[command(subcommand)]
    Account(Account),
    #[command(name = "switch", hide = true)]
    Switch(AccountSwitch),
    #[command(alias = "decode")]
    Inspect(Inspect),
    #[command(subcommand)]
    User(User),
    #[command(subcommand)]
    Token(Token),
    #[command(subcommand)]
    Config(Config),
    Setup(Setup),
    Doctor(Doctor),
    Emulator(Emulator),
    Completions(Completions),
    Man(Man),
}

/// Sign in, through the browser or on another device
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass login
  acspass login --account ada@contoso.com --prompt login
  acspass login --device-code                enter a code on any other device
  acspass login --paste                      over SSH: paste the browser's last address
  acspass login --no-browser --port 8400     print the address; forward the port with ssh -L
  acspass login --emulator                   against the embedded emulator

Prints who is signed in, until when, and where that is stored; never a token.")]
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
#[command(after_help = "Examples:
  acspass get
  acspass get --account ada@contoso.com --min-validity 30m
  acspass get -o json | jq -r .expiresOn
  acspass get --emulator                     try it without account, resource and network

A token is fresh with more than 10 minutes left. A fresh one that is kept is printed without any
network; else it is renewed. Where a person must sign in, that happens first if one is there
(standard input and standard error are terminals), else the exit code is 4.")]
pub(crate) struct Get {
    /// The signed-in user whose token it is; without it, the active account
    #[arg(long, value_name = "USER")]
    pub(crate) account: Option<String>,
    /// How much the token must have left, like 90s, 10m, 1h30m [default: 10m]
    #[arg(long, value_name = "DURATION")]
    pub(crate) min_validity: Option<String>,
    /// Redeem and exchange again, whatever is kept
    #[arg(long)]
    pub(crate) force_refresh: bool,
    /// Print the Entra token instead
    #[arg(long)]
    pub(crate) entra: bool,
    /// Sign in where it must be, even where nobody seems to be there
    #[arg(long, conflicts_with = "no_interactive")]
    pub(crate) interactive: bool,
    /// Never sign in
    #[arg(long)]
    pub(crate) no_interactive: bool,
    /// How long a sign-in may take, or be waited for
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) timeout: std::time::Duration,
}

/// Show who is signed in, and what is fresh until when
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass status
  acspass status -o json | jq '.accounts[] | select(.active)'

Reads no secret and shows none. Exit code 0 where the active account can give a token without a
person, as far as is known, and 4 where not.")]
pub(crate) struct Status {}

/// Forget one account, or all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass logout
  acspass logout --account ada@contoso.com
  acspass logout --all

Without a name the active account is forgotten. The browser's own session is not ended.")]
pub(crate) struct Logout {
    /// The account to forget
    #[arg(long, value_name = "USER", conflicts_with = "all")]
    pub(crate) account: Option<String>,
    /// Forget every account of every profile
    #[arg(long)]
    pub(crate) all: bool,
}

/// See and choose among signed-in accounts
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  acspass account list
  acspass account switch ada@contoso.com")]
pub(crate) enum Account {
    List(AccountList),
    Switch(AccountSwitch),
}

/// List the signed-in accounts
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass account list -o json")]
pub(crate) struct AccountList {}

/// Make another account the active one
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass account switch ada@contoso.com")]
pub(crate) struct AccountSwitch {
    /// A username, or a home account id
    #[arg(value_name = "USER")]
    pub(crate) user: String,
}

/// Decode the header and claims of a token, verifying nothing
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass get | acspass inspect
  acspass inspect token.txt -o json

The token is read from FILE or standard input. It is never taken as the argument itself, where
every process of the machine could see it.")]
pub(crate) struct Inspect {
    /// A file that holds the token; standard input where it is missing or `-`
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<std::path::PathBuf>,
}

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
    /// What the token may do: chat, voip, chat.join, chat.join.limited, voip.join; may be repeated
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// How long the token lives, 1h to 24h [default: the service's own, 24h]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "scope")]
    pub(crate) valid_for: Option<std::time::Duration>,
    /// Create this many; what failed is listed at the end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: Option<u32>,
}

/// Delete an identity, its tokens and its data, at once
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
  acspass token issue --scope chat --scope voip
  acspass token issue --user 8:acs:1b5cc06b-…_00000007-… --scope voip --valid-for 1h
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
  acspass token issue --scope chat --scope voip
  acspass token issue --user 8:acs:1b5cc06b-…_00000007-… --scope voip --valid-for 1h

Without --user an identity is created in the same request, and its id is printed before the token.
Earlier tokens stay good; to refresh a token, issue again.")]
pub(crate) struct TokenIssue {
    /// The identity's id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// What the token may do: chat, voip, chat.join, chat.join.limited, voip.join; may be repeated
    #[arg(long, value_name = "SCOPE", required = true)]
    pub(crate) scope: Vec<String>,
    /// How long the token lives, 1h to 24h [default: the service's own, 24h]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) valid_for: Option<std::time::Duration>,
}

/// Revoke every token that was issued for an identity so far, at once
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

The Entra token is read from FILE or standard input, never from the command line. The client id
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

/// See and change settings
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  acspass config set tenant contoso.com
  acspass config set client-id 11111111-2222-3333-4444-555555555555
  acspass config set connection-string < connection-string.txt
  acspass --profile work config set tenant fabrikam.com
  acspass config list")]
pub(crate) enum Config {
    Path(ConfigPath),
    List(ConfigList),
    Get(ConfigGet),
    Set(ConfigSet),
    Unset(ConfigUnset),
}

/// Print where the configuration file is
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cat \"$(acspass config path)\"")]
pub(crate) struct ConfigPath {}

/// List every setting, its value, and where it came from
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass config list
  acspass --profile work config list -o json")]
pub(crate) struct ConfigList {}

/// Print one setting's value
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass config get tenant")]
pub(crate) struct ConfigGet {
    /// The setting's name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

/// Set a value in the profile
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass config set tenant contoso.com
  acspass config set scopes Teams.ManageCalls
  acspass config set connection-string       asks for it unseen, and keeps it in the store")]
pub(crate) struct ConfigSet {
    /// The setting's name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// The value; several for a list. `connection-string` takes none: it is read from standard
    /// input, or asked for
    #[arg(value_name = "VALUE")]
    pub(crate) values: Vec<String>,
}

/// Remove a value from the profile
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass config unset scopes
  acspass config unset connection-string     removes it from the store too")]
pub(crate) struct ConfigUnset {
    /// The setting's name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

/// Print how to register the Entra application and grant consent
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass setup
  acspass setup -o json | jq -r .script > setup.sh
  acspass setup -o json | jq -r .adminConsentUrl

Prints portal steps, a script for the Azure CLI, the admin-consent address and a message to send to
an admin, filled in with what is configured. It contacts nobody and changes nothing.")]
pub(crate) struct Setup {}

/// Check everything that a token depends on, and say what to do
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass doctor
  acspass doctor --offline
  acspass doctor -o json | jq '.checks[] | select(.result == \"fail\")'

One line each, `ok`, `warn`, `fail` or `skipped`, with what to do. Safe to paste in public: no secret
and no user name; tenant, client id and resource are shortened. Ends with the exit code of the first
check that failed, which explains the others. Nothing is changed.")]
pub(crate) struct Doctor {
    /// Contact nothing, neither the network nor the keyring
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Run the emulator of Entra ID and ACS Identity until stopped
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass emulator
  acspass emulator --http-port 8080 --https-port 8443 -o json

Prints how to point any client at it, then runs until Ctrl-C. It is an emulator: its keys are
published and worthless, and it listens on this machine only.")]
pub(crate) struct Emulator {
    /// The port for https; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) https_port: u16,
    /// The port for http; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) http_port: u16,
    /// How long its Entra tokens live
    #[arg(long, value_name = "DURATION", default_value = "75m", value_parser = duration)]
    pub(crate) token_life: std::time::Duration,
}

/// Print a shell's completion script
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass completions bash > ~/.local/share/bash-completion/completions/acspass
  acspass completions zsh > ~/.zfunc/_acspass
  acspass completions fish > ~/.config/fish/completions/acspass.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page, or write one for each command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass man | man -l -
  acspass man --folder ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<std::path::PathBuf>,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::time::parse_duration(text).map_err(|error| format!("{error}: {}", error.hint()))
}

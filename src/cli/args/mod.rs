//! What can be typed: one struct a command, its doc comment the help.
//!
//! Nothing is looked up here; what was typed is all that is known.

mod identity;
mod machine;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use identity::{
    Token, TokenExchange, TokenIssue, TokenRevoke, User, UserCreate, UserDelete,
};
pub(crate) use machine::{Completions, Config, ConfigSet, Doctor, Emulator, Man, Serve, Setup};

/// Sign in as a Teams user and get Azure Communication Services tokens.
#[derive(Debug, Parser)]
#[command(
    name = "acspass",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    after_help = "Examples:
  acspass get --emulator                 try it: no account, no network
  acspass login                          sign in once, in the browser
  acspass get                            print one fresh Communication token
  TOKEN=$(acspass get --no-interactive)  in a script: exit code 4 if signed out

Settings come from flags, then the environment, then a profile, then defaults; `acspass config \
list` shows each and where it came from. Exit codes: 0 done, 1 our fault, 2 usage or \
configuration, 3 sign-in refused, 4 sign-in needed, 5 refused by a service, 6 unreachable, \
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
    Exec(Exec),
    Serve(Serve),
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
  acspass login --device-code             enter a code on any other device
  acspass login --paste                   over SSH: paste the browser's address
  acspass login --no-browser --port 8400  over SSH: forward the port (ssh -L)
  acspass login --emulator                against the embedded emulator

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
  acspass get --emulator                  try it: no account, no network

A token is fresh with more than 10 minutes left. A fresh one that is kept is printed without any \
network; else it is renewed. Where a person must sign in, that happens first if one is there \
(standard input and standard error are terminals), else the exit code is 4. Such a person is also \
asked for the settings that are missing; they are kept in the profile.")]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Print the Entra token instead
    #[arg(long)]
    pub(crate) entra: bool,
}

/// Which token is wanted, and what may be done for it.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
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
#[command(after_help = "Examples:
  acspass exec -- npm start
  acspass exec --account ada@contoso.com -- ./call.py --to 8:echo123
  acspass exec --min-validity 30m -- python3 bot.py
  acspass exec --emulator -- sh -c 'echo \"$COMMUNICATION_SERVICES_ENDPOINT\"'

CMD finds the Communication token in AZURE_COMMUNICATION_ACCESS_TOKEN, and the resource's endpoint \
in COMMUNICATION_SERVICES_ENDPOINT and AZURE_COMMUNICATION_ENDPOINT. Connection strings, access \
keys and tokens that this shell has set do not reach it: they may belong to another resource. The \
token in the environment is not renewed while CMD runs.

The exit code is CMD's own; 127 where there is no such command, 126 where it cannot be run, and \
those of acspass where there is no token. Signals reach CMD.")]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

/// Show who is signed in, and what is fresh until when
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass status
  acspass status -o json | jq '.accounts[] | select(.active)'

Reads no secret and shows none. Exit code 0 where the active account can give a token without a \
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
    /// The account to forget, or the beginning of its name
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
  acspass account switch                  choose from a list, at a terminal
  acspass account switch ada@contoso.com
  acspass account switch ada

If USER fits several accounts, the command lists them with their tenants and changes nothing.")]
pub(crate) struct AccountSwitch {
    /// A username, a home account id, or the beginning of either
    #[arg(value_name = "USER")]
    pub(crate) user: Option<String>,
}

/// Decode the header and claims of a token, verifying nothing
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass get | acspass inspect
  acspass inspect token.txt -o json

The token is read from FILE or standard input. It is never taken as the argument itself, where \
every process of the machine could see it.")]
pub(crate) struct Inspect {
    /// A file that holds the token; standard input where it is missing or `-`
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<std::path::PathBuf>,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::time::parse_duration(text).map_err(|error| format!("{error}: {}", error.hint()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use textwrap::core::display_width;

    use super::Cli;

    /// What stands below the options of a command and of all below it.
    fn below_options(command: &clap::Command, found: &mut Vec<(String, String)>) {
        let text = command.get_after_help().map(ToString::to_string);
        found.push((command.get_name().to_owned(), text.unwrap_or_default()));
        for command in command.get_subcommands() {
            below_options(command, found);
        }
    }

    #[test]
    fn the_help_fits_a_terminal_of_80_columns() {
        let mut found = Vec::new();
        below_options(&Cli::command(), &mut found);
        assert!(found.len() > 20, "{}", found.len());
        for (command, text) in found {
            let lines: Vec<&str> = text.lines().collect();
            assert!(!lines.is_empty(), "{command} has no example");
            for (number, line) in lines.iter().enumerate() {
                if line.starts_with(' ') {
                    assert!(display_width(line) <= 80, "{command}: {line}");
                    continue;
                }
                // The terminal's width breaks a paragraph: a break of its own would make it ragged.
                let next = lines.get(number + 1).copied().unwrap_or_default();
                let is_text = |line: &str| !line.is_empty() && !line.starts_with(' ');
                let goes_on = is_text(line) && is_text(next);
                assert!(!goes_on, "{command}: {line}");
            }
        }
    }
}

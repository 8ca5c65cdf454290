//! `profile list`: the target of each profile, and the accounts that are signed in there.
//!
//! Reads `config.toml` and the index. Calls neither a store nor a service, and reads no secret.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::acs::Endpoint;
use crate::cli::environment::Environment;
use crate::cli::hints::global_options::program;
use crate::cli::io::output::Output;
use crate::cli::io::report::Report;
use crate::cli::io::style::Mark;
use crate::config::{self, Profile, Setting, Sources};
use crate::error::Result;
use crate::session::has_shared_username;
use crate::text::{printable, shown};

use super::accounts::{AccountReader, Accounts, BINDING};

/// The number of accounts of a profile that are printed as text.
const MAX_ACCOUNTS_AS_TEXT: usize = 10;
/// The width of the labels, in columns.
const LABEL_COLUMNS: usize = 15;
const ACCOUNT: &str = "    Account";

pub(super) fn run(env: &Environment, output: &mut Output) -> Result<u8> {
    let file = env.config_file()?;
    let flag = env.global.profile.as_deref();
    let (active, _) = config::selected_profile(flag, &env.variables, &file);
    if let Err(error) = config::choose_profile(flag, &env.variables, &file) {
        env.messages.warn(&format!("{error}. {}", error.hint()));
    }
    let mut reader = AccountReader::new(env);
    let rows = file.all_names().into_iter().map(|name| {
        let profile = file.profile(name).unwrap_or_default();
        row(name, name == active, &profile, &mut reader)
    });
    let rows: Vec<Row> = rows.collect();
    if output.is_json {
        let profiles: Vec<Value> = rows.iter().map(json).collect();
        output.print_json(&json!({ "profiles": profiles }))?;
    } else {
        let mut report = output.report();
        for row in &rows {
            add(&mut report, row);
        }
        output.print_report(report)?;
    }
    report_variables(env);
    Ok(0)
}

/// A profile in the list.
struct Row {
    name: String,
    is_active: bool,
    tenant: Option<String>,
    authority_host: Option<String>,
    /// Whether the profile has an authority host of its own.
    names_authority: bool,
    client_id: Option<String>,
    endpoint: Option<String>,
    exchange: Option<String>,
    /// `None` if they cannot be read.
    accounts: Option<Accounts>,
}

/// Reads the profile alone, without the environment.
fn row(name: &str, is_active: bool, profile: &Profile, reader: &mut AccountReader<'_>) -> Row {
    let none = BTreeMap::new();
    let sources = Sources::new(&none, profile);
    let text = |setting| sources.find(setting).map(|found| shown(&found.text));
    let endpoint = profile.value(Setting::Endpoint);
    Row {
        name: shown(name),
        is_active,
        tenant: text(Setting::Tenant),
        authority_host: text(Setting::AuthorityHost),
        names_authority: profile.value(Setting::AuthorityHost).is_some(),
        client_id: text(Setting::ClientId),
        // An invalid value can be a secret in the wrong place.
        endpoint: endpoint.map(|endpoint| match Endpoint::parse(&endpoint) {
            Ok(endpoint) => endpoint.as_str().to_owned(),
            Err(_) => "(not an endpoint)".to_owned(),
        }),
        exchange: text(Setting::Exchange),
        accounts: reader.accounts(profile),
    }
}

fn json(row: &Row) -> Value {
    let accounts = row.accounts.as_ref().map(|accounts| {
        let shown = accounts.signed_in.iter().map(|(account, active)| {
            json!({
                "username": account.username,
                "homeAccountId": account.home_account_id,
                "active": active,
            })
        });
        shown.collect::<Vec<Value>>()
    });
    json!({
        "name": row.name,
        "active": row.is_active,
        "tenant": row.tenant,
        "authorityHost": row.authority_host,
        "clientId": row.client_id,
        "endpoint": row.endpoint,
        "exchange": row.exchange,
        "accounts": accounts,
    })
}

fn add(report: &mut Report, row: &Row) {
    let (mark, in_use) = match row.is_active {
        true => ("*", " (in use)"),
        false => (" ", ""),
    };
    report.heading(&format!("{mark} {}{in_use}", row.name));
    let or_unset = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    let mut tenant = or_unset(&row.tenant);
    if let (true, Some(host)) = (row.names_authority, &row.authority_host) {
        tenant.push_str(&format!(" at {host}"));
    }
    let mut resource = or_unset(&row.endpoint);
    if let Some(exchange) = row.exchange.as_deref().filter(|name| *name != "key") {
        resource.push_str(&format!(", exchange {exchange}"));
    }
    report.row("    Tenant", LABEL_COLUMNS, &tenant);
    report.row("    Client id", LABEL_COLUMNS, &or_unset(&row.client_id));
    report.row("    Resource", LABEL_COLUMNS, &resource);
    match &row.accounts {
        Some(accounts) => add_accounts(report, accounts, &row.name),
        None => report.marked_row(ACCOUNT, LABEL_COLUMNS, (Mark::Warning, "not readable"), ""),
    }
}

fn add_accounts(report: &mut Report, accounts: &Accounts, profile: &str) {
    let is_shared = has_shared_username(accounts.signed_in.iter().map(|(account, _)| account));
    for (account, active) in accounts.signed_in.iter().take(MAX_ACCOUNTS_AS_TEXT) {
        let id = match is_shared {
            true => format!(", home account id {}", account.home_account_id),
            false => String::new(),
        };
        let name = printable(&account.username);
        match active {
            true => {
                let rest = format!("{id}, active");
                report.marked_row(ACCOUNT, LABEL_COLUMNS, (Mark::Good, &name), &rest);
            }
            false => report.row(ACCOUNT, LABEL_COLUMNS, &format!("{name}{id}")),
        }
    }
    let acspass = program(Some(profile));
    let more = accounts
        .signed_in
        .len()
        .saturating_sub(MAX_ACCOUNTS_AS_TEXT);
    if more > 0 {
        let more = format!("{more} more: run `{acspass} account list`");
        report.row(ACCOUNT, LABEL_COLUMNS, &more);
    }
    if accounts.is_incomplete {
        let restore = format!(": run `{acspass} doctor`");
        let mark = (Mark::Warning, "incomplete");
        report.marked_row(ACCOUNT, LABEL_COLUMNS, mark, &restore);
    } else if accounts.signed_in.is_empty() {
        report.row(ACCOUNT, LABEL_COLUMNS, "none");
    }
}

/// Names the variables that select other accounts than those of the profiles.
fn report_variables(env: &Environment) {
    let variables = BINDING.iter().flat_map(|setting| setting.variables());
    let set = variables.filter(|name| env.variable(name).is_some());
    let set: Vec<&str> = set.copied().collect();
    if !set.is_empty() && !env.global.emulator {
        env.messages.print(&format!(
            "Variables of this shell have precedence over the profiles: {}. Run `acspass status` to see \
             the accounts in use.",
            set.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::cli::io::style::Style;

    const ADA: &str = "ada@contoso.example";
    const BEN: &str = "ben@contoso.example";

    fn accounts(usernames: &[&str]) -> Option<Accounts> {
        let accounts = usernames.iter().enumerate().map(|(at, username)| Account {
            home_account_id: format!("{at}.t"),
            username: (*username).to_owned(),
            tenant_id: "t".to_owned(),
            object_id: at.to_string(),
        });
        Some(Accounts {
            signed_in: accounts.zip((0..).map(|at| at == 0)).collect(),
            is_incomplete: false,
        })
    }

    fn row_with(accounts: Option<Accounts>) -> Row {
        Row {
            name: "work".to_owned(),
            is_active: true,
            tenant: Some("contoso.example".to_owned()),
            authority_host: Some("https://login.microsoftonline.com".to_owned()),
            names_authority: false,
            client_id: None,
            endpoint: Some("https://contoso.communication.azure.com".to_owned()),
            exchange: Some("key".to_owned()),
            accounts,
        }
    }

    fn lines(row: &Row, style: Style, columns: Option<usize>) -> Vec<String> {
        let mut report = Report::new(style, columns);
        add(&mut report, row);
        let lines = report.into_text();
        lines.lines().map(str::to_owned).collect()
    }

    #[test]
    fn active_account_is_marked_and_each_line_fits_the_terminal() {
        let style = Style {
            is_coloured: false,
            has_symbols: true,
        };
        let row = row_with(accounts(&[ADA, BEN]));
        let wide = [
            "* work (in use)",
            "    Tenant     contoso.example",
            "    Client id  not set",
            "    Resource   https://contoso.communication.azure.com",
            "    Account    \u{2713} ada@contoso.example, active",
            "    Account    ben@contoso.example",
        ];
        assert_eq!(lines(&row, style, Some(80)), wide);
        let narrow = [
            "* work (in use)",
            "    Tenant     contoso.example",
            "    Client id  not set",
            "    Resource",
            "      https://contoso.communication.azure.com",
            "    Account",
            "      \u{2713} ada@contoso.example, active",
            "    Account    ben@contoso.example",
        ];
        assert_eq!(lines(&row, style, Some(40)), narrow);
    }

    #[test]
    fn target_names_another_authority_and_another_exchange() {
        let row = Row {
            is_active: false,
            authority_host: Some("https://login.microsoftonline.us".to_owned()),
            names_authority: true,
            endpoint: None,
            exchange: Some("entra".to_owned()),
            ..row_with(accounts(&[]))
        };
        let expected = [
            "  work",
            "    Tenant     contoso.example at https://login.microsoftonline.us",
            "    Client id  not set",
            "    Resource   not set, exchange entra",
            "    Account    none",
        ];
        assert_eq!(lines(&row, Style::default(), None), expected);
    }

    #[test]
    fn same_usernames_have_their_ids_and_a_long_list_ends_with_a_command() {
        let shown = |accounts| lines(&row_with(accounts), Style::default(), None);
        let twice = shown(accounts(&[ADA, ADA]));
        let expected = [
            format!("    Account    {ADA}, home account id 0.t, active"),
            format!("    Account    {ADA}, home account id 1.t"),
        ];
        assert_eq!(twice[4..], expected);
        let names: Vec<String> = (0..12)
            .map(|at| format!("user{at}@contoso.example"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let many = shown(accounts(&names));
        assert_eq!(many.len(), 4 + MAX_ACCOUNTS_AS_TEXT + 1);
        let last = "    Account    2 more: run `acspass --profile work account list`";
        assert_eq!(many.last().map(String::as_str), Some(last));
    }

    #[test]
    fn accounts_that_are_not_known_are_not_none() {
        let unreadable = lines(&row_with(None), Style::default(), None);
        assert_eq!(unreadable[4], "    Account    not readable");
        assert_eq!(json(&row_with(None))["accounts"], Value::Null);
        assert_eq!(json(&row_with(accounts(&[])))["accounts"], json!([]));
        let damaged = Some(Accounts {
            signed_in: Vec::new(),
            is_incomplete: true,
        });
        let damaged = lines(&row_with(damaged), Style::default(), None);
        let restore = "    Account    incomplete: run `acspass --profile work doctor`";
        assert_eq!(damaged[4], restore);
    }
}

//! `status`: what the index knows, without a call to the store.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::output::Output;
use crate::cli::parts::{Parts, World};
use crate::error::{Kind, Result};
use crate::exchange::TokenSource;
use crate::store::{Few, IndexEntry};
use crate::time::{Moment, Timestamp, in_words};

/// Accounts that a person is shown unasked.
const MOST_AS_TEXT: usize = 10;

pub(super) fn run(world: &World, output: &mut Output) -> Result<u8> {
    let parts = Parts::new(world, &BTreeMap::new())?;
    let most = match output.is_json {
        true => usize::MAX,
        false => MOST_AS_TEXT,
    };
    let view = View::new(&parts, most)?;
    match output.is_json {
        true => {
            let json = StatusForm {
                profile: &parts.config.profile,
                store: parts.vault.store_name(),
                accounts: view.accounts(),
            };
            output.result("", &json)?;
        }
        false => {
            let text = format!("{}\n{}", heading(&parts), view.text());
            output.result(&text, &())?;
        }
    }
    Ok(match view.active_can_give() {
        true => 0,
        false => Kind::SignInNeeded.exit_code(),
    })
}

fn heading(parts: &Parts<'_>) -> String {
    let config = &parts.config;
    let resource = config.any_resource();
    format!(
        "profile  {}\nstore    {}\ntenant   {} at {}\nresource {}\n",
        config.profile,
        parts.vault.store_name(),
        config.authority.tenant(),
        config.authority.host(),
        match &resource {
            Ok(resource) => resource.endpoint.as_str(),
            Err(_) => "none that can be used: `acspass get` says why",
        },
    )
}

#[derive(Serialize)]
struct StatusForm<'a> {
    profile: &'a str,
    store: &'a str,
    accounts: Vec<AccountForm<'a>>,
}

/// An account in JSON. There may be a thousand of them, so they are written without a tree between.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountForm<'a> {
    username: &'a str,
    home_account_id: &'a str,
    tenant_id: &'a str,
    active: bool,
    entra_token: Option<TokenForm>,
    communication_token: Option<TokenForm>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenForm {
    expires_on: String,
    fresh: bool,
}

/// The accounts of the configured application and tenant, as the index has them.
pub(super) struct View {
    shown: Few,
    source: Option<TokenSource>,
    scopes: Vec<String>,
    min_validity: std::time::Duration,
    now: Moment,
}

impl View {
    /// So many accounts at most, the active one first.
    pub(super) fn new(parts: &Parts<'_>, most: usize) -> Result<Self> {
        Ok(View {
            shown: match parts.tenancy() {
                Ok(tenancy) => parts.vault.first(&tenancy, most)?,
                // Without a client id nobody can be signed in.
                Err(_) => Few::default(),
            },
            source: parts
                .config
                .any_resource()
                .ok()
                .map(|resource| parts.token_source(&resource)),
            scopes: parts.config.scopes.clone(),
            min_validity: parts.config.min_validity,
            now: Moment::now(parts.world.clock.as_ref()),
        })
    }

    fn active_can_give(&self) -> bool {
        self.shown.entries.iter().any(|entry| {
            let fresh = |at: Option<Timestamp>| at.is_some_and(|at| self.is_fresh(entry, at));
            entry.active
                && (entry.can_renew || fresh(self.communication(entry)) || fresh(self.entra(entry)))
        })
    }

    fn entra(&self, entry: &IndexEntry) -> Option<Timestamp> {
        let mut tokens = entry.entra_tokens.iter();
        tokens
            .find(|token| token.scopes == self.scopes)
            .map(|token| token.expires_on)
    }

    fn communication(&self, entry: &IndexEntry) -> Option<Timestamp> {
        let mut tokens = entry.communication_tokens.iter();
        tokens
            .find(|token| Some(&token.source) == self.source.as_ref())
            .map(|token| token.expires_on)
    }

    fn left(&self, entry: &IndexEntry, expires_on: Timestamp) -> std::time::Duration {
        expires_on.since(self.now.by_service(entry.clock.as_ref()))
    }

    fn is_fresh(&self, entry: &IndexEntry, expires_on: Timestamp) -> bool {
        self.left(entry, expires_on) > self.min_validity
    }

    pub(super) fn accounts(&self) -> Vec<AccountForm<'_>> {
        let token = |entry: &IndexEntry, at: Option<Timestamp>| {
            at.map(|at| TokenForm {
                expires_on: at.to_string(),
                fresh: self.is_fresh(entry, at),
            })
        };
        self.shown
            .entries
            .iter()
            .map(|entry| AccountForm {
                username: &entry.account.username,
                home_account_id: &entry.account.home_account_id,
                tenant_id: &entry.account.tenant_id,
                active: entry.active,
                entra_token: token(entry, self.entra(entry)),
                communication_token: token(entry, self.communication(entry)),
            })
            .collect()
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for entry in &self.shown.entries {
            let mark = if entry.active { "*" } else { " " };
            let _ = writeln!(
                text,
                "{mark} {}  (tenant {})",
                entry.account.username, entry.account.tenant_id
            );
            let tokens = [
                ("Entra token", self.entra(entry)),
                ("Communication token", self.communication(entry)),
            ];
            for (name, at) in tokens {
                let _ = writeln!(text, "    {name:<20} {}", self.describe(entry, at));
            }
            let _ = writeln!(text, "    {:<20} {}", "next get", self.next(entry));
        }
        if text.is_empty() {
            text.push_str("nobody is signed in: run `acspass login`\n");
        }
        if self.shown.left > 0 {
            let _ = writeln!(
                text,
                "and {} more: `acspass account list` lists them",
                self.shown.left
            );
        }
        text.trim_end().to_owned()
    }

    fn describe(&self, entry: &IndexEntry, at: Option<Timestamp>) -> String {
        let Some(at) = at else {
            return "none".to_owned();
        };
        let left = self.left(entry, at);
        match (left.is_zero(), self.is_fresh(entry, at)) {
            (true, _) => format!("expired at {at}"),
            (false, true) => format!("fresh, until {at} (another {})", in_words(left)),
            (false, false) => format!("not fresh, until {at} (another {})", in_words(left)),
        }
    }

    fn next(&self, entry: &IndexEntry) -> &'static str {
        let fresh = |at: Option<Timestamp>| at.is_some_and(|at| self.is_fresh(entry, at));
        if fresh(self.communication(entry)) {
            "prints the kept token, without network"
        } else if fresh(self.entra(entry)) {
            "exchanges the Entra token"
        } else if entry.can_renew {
            "renews the session, then exchanges"
        } else {
            "needs a sign-in"
        }
    }
}

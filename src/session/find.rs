//! Finds the session of a name, and explains a missing one.
//!
//! All commands, the token service and the dashboard use this file, so a name means the same account
//! everywhere. The sessions stay as they are; a damaged index is repaired.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::account::{Account, NameMatch};
use crate::error::{Error, Kind, Result};
use crate::store::{IndexEntry, IndexPage};
use crate::text::{one_line, quoted, shell_word};

use super::sessions::Sessions;

/// More accounts than this are counted, not listed.
const MAX_LISTED_ACCOUNTS: usize = 10;
/// Longest username that is listed, in characters.
const MAX_NAME_LENGTH: usize = 120;

impl Sessions {
    /// Finds the session of `user`: a home account id, a username in any case, or an
    /// unambiguous prefix of either. Returns `None` if no session has such a name.
    ///
    /// # Errors
    /// [`Kind::Usage`] if several sessions match equally well: it lists them with their tenants. As
    /// [`SessionStore::index`](crate::store::SessionStore::index).
    pub fn find_session(&self, user: &str) -> Result<Option<IndexEntry>> {
        check_name(user)?;
        let fitting = self.store.find_by_name(&self.application, user)?;
        require_unambiguous(user, fitting, MAX_LISTED_ACCOUNTS, account_of)
    }

    /// Finds the session of `user` for a sign-in, which may be of a new user: a prefix with `@` may be
    /// the whole name of a new user, and does not match.
    pub(super) fn find_session_for_sign_in(&self, user: &str) -> Result<Option<IndexEntry>> {
        check_name(user)?;
        let mut fitting = self.store.find_by_name(&self.application, user)?;
        fitting.retain(|entry| !user.contains('@') || is_whole(user, entry));
        require_unambiguous(user, fitting, MAX_LISTED_ACCOUNTS, account_of)
    }

    /// Finds the account of `user` at an authority with only these users: one with a session, as
    /// [`Sessions::find_session`] does, or else one without. A whole name has precedence over a prefix.
    /// Returns `None` if no account has such a name.
    ///
    /// # Errors
    /// [`Kind::Usage`] if several accounts match equally well: it lists them with their tenants. As
    /// [`Sessions::find_session`].
    pub fn find_session_among(&self, user: &str, users: &[Account]) -> Result<Option<Account>> {
        check_name(user)?;
        let best = users
            .iter()
            .filter_map(|account| account.match_name(user))
            .max();
        if best.is_none_or(|fit| fit == NameMatch::Prefix)
            && let Some(entry) = self.find_session(user)?
        {
            return Ok(Some(entry.account));
        }
        let mut fitting = users.to_vec();
        fitting.retain(|account| best.is_some() && account.match_name(user) == best);
        // No command lists accounts without a session, so all of them are listed here.
        require_unambiguous(user, fitting, usize::MAX, |account| account)
    }

    /// Finds the session of `user`, as [`Sessions::find_session`] does.
    ///
    /// # Errors
    /// As [`Sessions::find_session`]; [`Kind::SignInNeeded`] if no session has such a name: it lists the
    /// accounts that are signed in.
    pub fn require_session(&self, user: &str) -> Result<IndexEntry> {
        self.find_session(user)?
            .ok_or_else(|| self.no_session_error(Some(user)))
    }

    /// Returns the error of a `command` without the name of an account. It lists the accounts, or asks
    /// for a sign-in if there is none.
    pub fn account_required_error(&self, command: &str) -> Error {
        match self.list_accounts(None) {
            Ok(None) => not_signed_in_error(),
            Ok(Some(list)) => Error::usage(
                "no account was named",
                format!("Run `{command}` with one of the signed-in accounts:\n\n{list}"),
            ),
            Err(error) => error,
        }
    }

    /// Returns the error for a missing session, or for a missing active one: it lists the accounts
    /// that are signed in, and names one that is similar to `user`.
    pub fn no_session_error(&self, user: Option<&str>) -> Error {
        match user {
            Some(user) => self.missing_session_or_sign_in(user, "--account"),
            None => self.missing_active_session(),
        }
        .unwrap_or_else(|error| error)
    }

    /// Returns the error of `acspass logout --account` for an account that is not signed in.
    pub fn sign_out_error(&self, user: &str) -> Error {
        let hint = "No account of this profile is signed in, so there is nothing to sign out. \
                    `acspass account list` shows the accounts. For another profile, add `--profile \
                    NAME`.";
        self.missing_session(user, hint, "acspass logout --account", "")
            .unwrap_or_else(|error| error)
    }

    /// Returns the error of `acspass account switch` for an account that is not signed in.
    pub fn switch_error(&self, user: &str) -> Error {
        self.missing_session_or_sign_in(user, "acspass account switch")
            .unwrap_or_else(|error| error)
    }

    fn missing_session_or_sign_in(&self, user: &str, choice: &str) -> Result<Error> {
        // A sign-in needs a whole username.
        let login = match user.contains('@') {
            true => format!("`acspass login --account {}`", shell_word(user, "USER")),
            false => "`acspass login`".to_owned(),
        };
        let without_accounts = format!("Run {login}.");
        self.missing_session(
            user,
            &without_accounts,
            choice,
            &format!(", or run {login}"),
        )
    }

    /// Returns the error for an account that is not signed in: it lists the others, or else has the hint
    /// `without_accounts`. `choice`, before a username, chooses another account; `instead` follows that advice.
    fn missing_session(
        &self,
        user: &str,
        without_accounts: &str,
        choice: &str,
        instead: &str,
    ) -> Result<Error> {
        let verb = match choice.starts_with("acspass ") {
            true => "Run",
            false => "Use",
        };
        let hint = match (self.list_accounts(Some(user))?, self.similar_name(user)?) {
            (None, _) => without_accounts.to_owned(),
            (Some(list), Some(similar)) => format!(
                "{verb} `{choice} {}` for the similar account{instead}. Signed in:\n\n{list}",
                shell_word(&similar, "USER")
            ),
            (Some(list), None) => format!(
                "{verb} `{choice} USER` with a signed-in account{instead}. Signed in:\n\n{list}"
            ),
        };
        let message = format!("{} is not signed in", quoted(user));
        Ok(Error::new(Kind::SignInNeeded, message, hint))
    }

    fn missing_active_session(&self) -> Result<Error> {
        let page = self.listed(None)?;
        let user = match page.entries.as_slice() {
            [] => return self.no_session_here_error(),
            [only] => shell_word(&only.account.username, "USER"),
            _ => "USER".into(),
        };
        let list = format_accounts(page.entries.iter().map(account_of), MAX_LISTED_ACCOUNTS);
        let message = "no account is active";
        let hint = format!(
            "Run `acspass account switch {user}`, or add `--account {user}`. Signed in:\n\n{list}"
        );
        Ok(Error::new(Kind::SignInNeeded, message, hint))
    }

    /// Returns the error for a store without sessions. Another store may have them, as after a migration
    /// that a running process does not know.
    fn no_session_here_error(&self) -> Result<Error> {
        let index = self.store.index()?;
        let mut elsewhere = index.elsewhere();
        let other = elsewhere.find(|entry| entry.application == self.application);
        let Some(IndexEntry { store, .. }) = other else {
            return Ok(not_signed_in_error());
        };
        let hint = format!(
            "The store {store} has sessions: run `acspass config set store {store}` to use it, or \
             `acspass login` to sign in here."
        );
        Ok(not_signed_in_error().with_hint(hint))
    }

    /// Returns the name of the signed-in account with the most similar username, as for a typing error:
    /// its home account id if other accounts have this username.
    fn similar_name(&self, user: &str) -> Result<Option<String>> {
        let index = self.index()?;
        let accounts: Vec<&Account> = index.entries().map(account_of).collect();
        let similar = accounts
            .iter()
            .filter_map(|account| Some((typing_errors(user, &account.username)?, account)));
        let Some((_, nearest)) = similar.min_by_key(|(errors, _)| *errors) else {
            return Ok(None);
        };
        Ok(Some(match has_shared_username(accounts.iter().copied()) {
            true => nearest.home_account_id.clone(),
            false => nearest.username.clone(),
        }))
    }

    /// Lists the accounts for a message, one a line, without `except`: the index may still list an
    /// account without a session. Returns `None` if there is none.
    ///
    /// # Errors
    /// As [`SessionStore::index`](crate::store::SessionStore::index).
    pub fn list_accounts(&self, except: Option<&str>) -> Result<Option<String>> {
        let page = self.listed(except)?;
        let accounts = page.entries.iter().map(account_of);
        Ok((!page.entries.is_empty()).then(|| format_accounts(accounts, MAX_LISTED_ACCOUNTS)))
    }

    /// Returns all accounts: one that is not listed can share its username with a listed one.
    fn listed(&self, except: Option<&str>) -> Result<IndexPage> {
        let mut page = self.store.list(&self.application, usize::MAX)?;
        page.entries
            .retain(|entry| except.is_none_or(|name| !is_whole(name, entry)));
        Ok(page)
    }
}

/// Returns the number of typing errors in `typed`, if it is similar to the username. The part before `@`
/// decides, because the usernames of a tenant have the rest in common. `typed` may lack the rest.
fn typing_errors(typed: &str, username: &str) -> Option<usize> {
    let [typed, username] = [typed.trim(), username].map(str::to_lowercase);
    let parts = |name: &str| {
        let (local, domain) = name.split_once('@').unzip();
        (local.unwrap_or(name).to_owned(), domain.map(str::to_owned))
    };
    let ((local, domain), (other_local, other_domain)) = (parts(&typed), parts(&username));
    let length = local.chars().count();
    let limit = (length / 3).clamp(1, 2);
    let errors = strsim::damerau_levenshtein(&local, &other_local);
    let domain_errors = match (domain, other_domain) {
        (Some(domain), Some(other)) => strsim::damerau_levenshtein(&domain, &other),
        _ => 0,
    };
    let is_similar = errors <= limit && errors < length && domain_errors <= 1;
    let total = errors + domain_errors;
    (is_similar && total > 0).then_some(total)
}

/// Returns whether the name is the account's whole username or home account id.
fn is_whole(name: &str, entry: &IndexEntry) -> bool {
    entry.account.match_name(name) >= Some(NameMatch::Username)
}

fn account_of(entry: &IndexEntry) -> &Account {
    &entry.account
}

/// Returns the match if it is the only one. At most `limit` accounts are listed.
fn require_unambiguous<T>(
    user: &str,
    mut fitting: Vec<T>,
    limit: usize,
    account: impl Fn(&T) -> &Account,
) -> Result<Option<T>> {
    if fitting.len() <= 1 {
        return Ok(fitting.pop());
    }
    let is_shared = has_shared_username(fitting.iter().map(&account));
    let name = match is_shared {
        true => "home account id",
        false => "whole username",
    };
    Err(Error::usage(
        format!(
            "{} is ambiguous: {} accounts match",
            quoted(user),
            fitting.len()
        ),
        format!(
            "Use the {name} of one account:\n\n{}",
            format_accounts(fitting.iter().map(account), limit)
        ),
    ))
}

/// Refuses a name that is empty, as from a variable that is not set: it would fit every account.
fn check_name(user: &str) -> Result<()> {
    match user.trim().is_empty() {
        false => Ok(()),
        true => Err(Error::usage(
            "the account name is empty",
            "Name an account. `acspass account list` lists the signed-in accounts.",
        )),
    }
}

/// Returns whether two of the accounts have the same username, as in two tenants.
pub fn has_shared_username<'a>(accounts: impl Iterator<Item = &'a Account>) -> bool {
    let mut names = HashSet::new();
    let mut names = accounts.map(|account| names.insert(account.username.to_lowercase()));
    !names.all(|is_new| is_new)
}

/// Lists at most `limit` accounts, one a line, and the number of further ones. Names the home account
/// ids only if two accounts have the same username.
fn format_accounts<'a>(accounts: impl Iterator<Item = &'a Account>, limit: usize) -> String {
    let accounts: Vec<&Account> = accounts.collect();
    let has_duplicates = has_shared_username(accounts.iter().copied());
    let left = accounts.len().saturating_sub(limit);
    let mut lines = String::new();
    for account in accounts.into_iter().take(limit) {
        let [username, tenant, id] = [
            &account.username,
            &account.tenant_id,
            &account.home_account_id,
        ]
        .map(|text| one_line(text, MAX_NAME_LENGTH));
        let id = match has_duplicates {
            true => format!(", home account id {id}"),
            false => String::new(),
        };
        let _ = writeln!(lines, "  {username}  (tenant {tenant}{id})");
    }
    if left > 0 {
        let _ = writeln!(lines, "  and {left} more; `acspass account list` lists all");
    }
    lines.trim_end().to_owned()
}

fn not_signed_in_error() -> Error {
    Error::new(
        Kind::SignInNeeded,
        "no account is signed in",
        "Run `acspass login`.",
    )
}

#[cfg(test)]
mod tests {
    use super::typing_errors;

    #[test]
    fn similar_names_differ_by_a_typing_error() {
        for (typed, username, errors) in [
            ("bne", "ben@contoso.example", Some(1)),
            ("Bne@Contoso.example", "ben@contoso.example", Some(1)),
            ("ben@contoso.exmaple", "ben@contoso.example", Some(1)),
            ("alexnadr", "alexander@contoso.example", Some(2)),
            ("ben@contoso.example", "ada@contoso.example", None),
            ("bob@contoso.example", "ben@contoso.example", None),
            ("ben@fabrikam.example", "ben@contoso.example", None),
            ("ben@contoso.example", "ben@contoso.example", None),
            ("b", "c@contoso.example", None),
        ] {
            assert_eq!(typing_errors(typed, username), errors, "{typed}");
        }
    }
}

//! The accounts that are signed in with a profile, by the index.

use std::collections::BTreeMap;

use crate::account::Account;
use crate::cli::environment::{EMULATOR, Environment};
use crate::cli::stores::configured_store;
use crate::config::{self, Config, Profile, Setting, Sources, StoreChoice};
use crate::error::Error;
use crate::store::Index;

/// The settings to which sessions are bound.
pub(super) const BINDING: [Setting; 3] =
    [Setting::AuthorityHost, Setting::Tenant, Setting::ClientId];

/// The accounts that are signed in with a profile.
#[derive(Default)]
pub(super) struct Accounts {
    /// The accounts, and whether each is the active one, which is the first.
    pub(super) signed_in: Vec<(Account, bool)>,
    /// Whether the index was damaged and may lack some.
    pub(super) is_incomplete: bool,
}

/// Finds the accounts of profiles, by one read of the index for each store.
pub(super) struct AccountReader<'e> {
    env: &'e Environment,
    indexes: Vec<(StoreChoice, Option<Index>)>,
    warnings: Vec<String>,
}

impl<'e> AccountReader<'e> {
    pub(super) fn new(env: &'e Environment) -> Self {
        AccountReader {
            env,
            indexes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Returns the accounts with the binding of the profile. They are in the store that commands with
    /// the profile use in this shell. With the emulator, all profiles have its accounts.
    pub(super) fn accounts(&mut self, profile: &Profile) -> Option<Accounts> {
        let none = BTreeMap::new();
        let sources = Sources {
            restricted_to: Some(&BINDING),
            ..Sources::new(&none, profile)
        };
        let is_emulator = self.env.global.emulator;
        let config = Config::resolve(String::new(), &sources);
        let application = config.and_then(|config| config.application()).ok();
        if application.is_none() && !is_emulator {
            // No account can have signed in without these settings.
            return Some(Accounts::default());
        }
        let index = self.index(profile)?;
        let entries = index.entries().filter(|entry| match is_emulator {
            true => entry.application.authority_host == EMULATOR,
            false => Some(&entry.application) == application.as_ref(),
        });
        let signed_in = entries.map(|entry| (entry.account.clone(), entry.active));
        let mut signed_in: Vec<(Account, bool)> = signed_in.collect();
        signed_in.sort_by_key(|(_, active)| !active);
        let application = application.as_ref().filter(|_| !is_emulator);
        Some(Accounts {
            signed_in,
            is_incomplete: application.is_some_and(|it| index.is_incomplete(it)),
        })
    }

    /// Returns the index for the store of the profile; `None` after a warning if it cannot be read.
    fn index(&mut self, profile: &Profile) -> Option<&Index> {
        let store = match config::chosen_store(&self.env.sources(profile)) {
            Ok(store) => store,
            Err(error) => {
                self.warn(&error);
                return None;
            }
        };
        let at = self.indexes.iter().position(|(read, _)| *read == store);
        let at = match at {
            Some(at) => at,
            None => {
                let opened = configured_store(self.env, store);
                let index = opened.and_then(|store| store.index());
                let index = index.inspect_err(|error| self.warn(error)).ok();
                self.indexes.push((store, index));
                self.indexes.len() - 1
            }
        };
        self.indexes[at].1.as_ref()
    }

    /// Prints a warning once: an index that one store cannot read, no other one can.
    fn warn(&mut self, error: &Error) {
        let text = format!("could not list the accounts: {error}. {}", error.hint());
        if !self.warnings.contains(&text) {
            self.env.messages.warn(&text);
            self.warnings.push(text);
        }
    }
}

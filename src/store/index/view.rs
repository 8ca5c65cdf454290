//! The sessions in the index, as one process reads them.

use super::contents::Contents;
use super::entry::{IndexEntry, IndexPage, StoreAndLogin};
use crate::account::{EntraApplication, SessionKey};

/// The sessions of all stores, at the time of reading the index.
#[derive(Debug, Clone)]
pub struct Index {
    location: StoreAndLogin,
    contents: Contents,
}

impl Index {
    pub(super) fn new(contents: Contents, location: &StoreAndLogin) -> Self {
        let location = location.clone();
        Index { location, contents }
    }

    /// Returns an index with the sessions of this page.
    pub(crate) fn of_page(page: IndexPage, location: StoreAndLogin) -> Self {
        let contents = Contents {
            entries: page.entries,
            lost: None,
        };
        Index { location, contents }
    }

    /// Returns all sessions in this store that this login can use.
    pub fn entries(&self) -> impl Iterator<Item = &IndexEntry> {
        self.contents
            .entries
            .iter()
            .filter(|entry| self.location.includes(entry))
    }

    /// Returns the sessions in this store of this application in this tenant.
    pub fn of_application<'a, 't>(
        &'a self,
        application: &'t EntraApplication,
    ) -> impl Iterator<Item = &'a IndexEntry> + use<'a, 't> {
        self.entries()
            .filter(move |entry| entry.application == *application)
    }

    /// Returns the active session, which commands without `--account` use.
    pub fn active(&self, application: &EntraApplication) -> Option<&IndexEntry> {
        self.of_application(application).find(|entry| entry.active)
    }

    /// Returns the best matches of a name: the session with this home account id, else those with
    /// this username, else those whose username or home account id has this prefix. A name with
    /// more than one match is ambiguous.
    pub fn best_name_matches(
        &self,
        application: &EntraApplication,
        name: &str,
    ) -> Vec<&IndexEntry> {
        let mut matches: Vec<_> = self
            .of_application(application)
            .filter_map(|entry| Some((entry.account.match_name(name)?, entry)))
            .collect();
        let best = matches.iter().map(|(rank, _)| *rank).max();
        matches.retain(|(rank, _)| Some(*rank) == best);
        matches.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Returns the entry of this session.
    pub fn entry(&self, key: &SessionKey) -> Option<&IndexEntry> {
        self.entries().find(|entry| entry.is(key))
    }

    /// Returns whether the index was damaged and may lack sessions of this application.
    pub(crate) fn is_incomplete(&self, application: &EntraApplication) -> bool {
        let lost = self.contents.lost.as_ref();
        lost.is_some_and(|lost| !lost.is_restored(application, &self.location))
    }

    /// Returns the sessions of other stores, which this store cannot load.
    pub fn elsewhere(&self) -> impl Iterator<Item = &IndexEntry> {
        self.contents
            .entries
            .iter()
            .filter(|entry| entry.store != self.location.store)
    }
}

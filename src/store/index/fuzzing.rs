//! The entry point of a fuzz target: see `crate::fuzzing`.

use super::contents;
use super::entry::StoreAndLogin;
use super::search::{Query, find};
use crate::account::EntraApplication;
use crate::store::token_store::MemoryStore;

/// Reads an index by lines and in full. What the first finds, the second finds too.
pub(crate) fn index(bytes: &[u8]) {
    let location = StoreAndLogin::of(&MemoryStore::new());
    let application = EntraApplication {
        authority_host: "a".to_owned(),
        tenant: "t".to_owned(),
        client_id: "c".to_owned(),
    };
    let all = contents::read(Some(bytes));
    for query in [
        Query::Active,
        Query::First(1),
        Query::First(usize::MAX),
        Query::ByName("u"),
    ] {
        let Some(page) = find(bytes, &application, &location, query) else {
            continue;
        };
        // A search that ends at the active session has not read the rest.
        let Ok(all) = &all else {
            assert!(matches!(query, Query::Active), "damage is not detected");
            continue;
        };
        let mut entries = all.entries.clone();
        entries.retain(|entry| location.includes(entry) && entry.application == application);
        entries.sort_by_key(|entry| !entry.active);
        match query {
            Query::Active => entries.retain(|entry| entry.active),
            Query::First(limit) => {
                assert_eq!(page.remaining, entries.len().saturating_sub(limit));
                entries.truncate(limit);
            }
            Query::ByName(name) => {
                entries.retain(|entry| entry.account.match_name(name).is_some());
            }
        }
        assert_eq!(page.entries, entries);
    }
}

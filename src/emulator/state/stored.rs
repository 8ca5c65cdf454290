//! Identities in the form of a snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::resource::{Identity, IdentityTable};
use super::revocations::{ScheduledRevocations, StoredRevocation};
use crate::time::Timestamp;

/// All identities of a resource, with the validity of their tokens.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StoredIdentities {
    /// The number of tokens that were issued.
    issued: u64,
    /// The last serial of each second of Unix time in which tokens were issued.
    issued_by: BTreeMap<i64, u64>,
    created: Vec<StoredIdentity>,
    exchanged: Vec<StoredIdentity>,
    /// The revocations with a delay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scheduled: Vec<StoredRevocation>,
}

/// An identity. Members with a default are left out, because there may be many identities.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredIdentity {
    name: String,
    #[serde(default, skip_serializing_if = "is_default")]
    revoked: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_id: Option<String>,
    /// Seconds of Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_issued: Option<i64>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl StoredIdentity {
    fn new(name: &str, identity: &Identity) -> StoredIdentity {
        StoredIdentity {
            name: name.to_owned(),
            revoked: identity.revoked,
            deleted: identity.deleted,
            custom_id: identity.custom_id.as_deref().map(str::to_owned),
            last_issued: identity.last_issued.map(Timestamp::unix_seconds),
        }
    }

    fn restored(&self, id: Uuid) -> Identity {
        Identity {
            id,
            revoked: self.revoked,
            deleted: self.deleted,
            custom_id: self.custom_id.as_deref().map(Box::from),
            last_issued: self.last_issued.map(Timestamp::from_unix_seconds),
        }
    }
}

impl StoredIdentities {
    pub(crate) fn new(table: &IdentityTable) -> StoredIdentities {
        let created = table.created.iter();
        let mut exchanged: Vec<StoredIdentity> = table
            .exchanged
            .iter()
            .map(|(name, identity)| StoredIdentity::new(name, identity))
            .collect();
        exchanged.sort_by(|one, other| one.name.cmp(&other.name));
        StoredIdentities {
            issued: table.issued,
            issued_by: table.issued_by.clone(),
            created: created
                .map(|identity| StoredIdentity::new(&identity.id.to_string(), identity))
                .collect(),
            exchanged,
            scheduled: table.scheduled.stored(),
        }
    }

    /// Returns the table.
    ///
    /// # Errors
    /// Returns path and description of the first value that contradicts another.
    pub(crate) fn restored(&self) -> Result<IdentityTable, (String, &'static str)> {
        let mut table = IdentityTable {
            issued: self.issued,
            issued_by: self.issued_by.clone(),
            scheduled: ScheduledRevocations::restored(&self.scheduled),
            ..IdentityTable::default()
        };
        for (index, stored) in self.created.iter().enumerate() {
            let path = |member: &str| format!("created[{index}].{member}");
            let id = Uuid::try_parse(&stored.name).unwrap_or_default();
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            // The first group of an id is its number, by which it is found.
            if id.to_string() != stored.name || id.as_u128() >> 96 != u128::from(number) {
                return Err((path("name"), "is not the id of this place"));
            }
            if let Some(custom_id) = &stored.custom_id
                && table
                    .custom
                    .insert(Box::from(&**custom_id), index)
                    .is_some()
            {
                return Err((path("customId"), "occurs twice"));
            }
            table.created.push(stored.restored(id));
        }
        for (index, stored) in self.exchanged.iter().enumerate() {
            let restored = stored.restored(Uuid::nil());
            if table
                .exchanged
                .insert(stored.name.clone(), restored)
                .is_some()
            {
                return Err((format!("exchanged[{index}].name"), "occurs twice"));
            }
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn table() -> IdentityTable {
        let now = Timestamp::from_unix_seconds(1_780_000_000);
        let mut table = IdentityTable::default();
        let (first, _) = table.create(Some("sally"));
        let (second, _) = table.create(None);
        let (third, _) = table.create(None);
        table.ensure("wf_x");
        for name in [&first, &second, "wf_x"] {
            table.issue(name, now);
        }
        table.revoke(&second, now, Duration::ZERO);
        table.revoke("wf_x", now, Duration::from_secs(60));
        table.delete(&third);
        table
    }

    #[test]
    fn a_restored_table_equals_the_stored_one() {
        let stored = StoredIdentities::new(&table());
        let text = serde_json::to_string(&stored).expect("plain data");
        let read: StoredIdentities = serde_json::from_str(&text).expect("its own form");
        let mut restored = read.restored().expect("a valid table");
        assert_eq!(StoredIdentities::new(&restored), stored);
        let (again, is_new) = restored.create(Some("sally"));
        assert_eq!((again.as_str(), is_new), (&*stored.created[0].name, false));
        let now = Timestamp::from_unix_seconds(1_780_000_000);
        assert!(restored.is_valid(&again, 1, now));
        assert!(!restored.is_valid(&stored.created[1].name, 2, now));
        assert!(restored.find(&stored.created[2].name).is_none());
        assert!(restored.is_valid("wf_x", 3, now));
        let later = now.plus(Duration::from_secs(60));
        assert!(!restored.is_valid("wf_x", 3, later));
    }

    #[test]
    fn contradictory_identities_are_refused() {
        let wrong = |change: fn(&mut StoredIdentities)| {
            let mut stored = StoredIdentities::new(&table());
            change(&mut stored);
            stored.restored().expect_err("a contradiction").0
        };
        let path = wrong(|stored| stored.created.swap(0, 1));
        assert_eq!(path, "created[0].name");
        let path = wrong(|stored| stored.created[1].custom_id = Some("sally".to_owned()));
        assert_eq!(path, "created[1].customId");
        let path = wrong(|stored| {
            stored
                .exchanged
                .push(StoredIdentity::new("wf_x", &Identity::default()))
        });
        assert_eq!(path, "exchanged[1].name");
    }
}

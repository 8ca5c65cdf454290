//! The state of a resource: its identities, the validity of their tokens, and the principals that may exchange a
//! token without its key.
//!
//! Each token has a serial number, so that a revocation separates tokens of the same second.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use uuid::Uuid;

use super::requests::RequestRates;
use super::revocations::ScheduledRevocations;
use crate::emulator::world::World;
use crate::emulator::world::resource::{Assignment, ExchangeKind, Resource};
use crate::time::Timestamp;

/// All identities of the resource. An identity's name is the part of its id after
/// `8:acs:<resource>_`.
#[derive(Debug, Default)]
pub(crate) struct IdentityTable {
    /// Identities that were created; the first group of an id is its number, from one.
    pub(super) created: Vec<Identity>,
    /// Identities that an exchange created.
    pub(super) exchanged: HashMap<String, Identity>,
    /// The index in `created` of each custom id.
    pub(super) custom: HashMap<Box<str>, usize>,
    /// The number of tokens that were issued.
    pub(super) issued: u64,
    /// The last serial of each second in which tokens were issued that may still be valid.
    pub(super) issued_by: BTreeMap<i64, u64>,
    pub(super) scheduled: ScheduledRevocations,
}

/// The longest life of a token in seconds.
const MAX_LIFETIME_SECONDS: i64 = 86_400;

/// An identity. It is small, because there may be many.
#[derive(Debug, Default, Clone)]
pub(crate) struct Identity {
    pub(super) id: Uuid,
    /// Tokens up to this serial are revoked.
    pub(super) revoked: u64,
    pub(super) deleted: bool,
    pub(crate) custom_id: Option<Box<str>>,
    pub(crate) last_issued: Option<Timestamp>,
}

impl IdentityTable {
    /// Creates an identity, or finds the one with this custom id. Returns its name and whether it is
    /// new.
    pub(crate) fn create(&mut self, custom_id: Option<&str>) -> (String, bool) {
        if let Some(index) = custom_id.and_then(|custom_id| self.custom.get(custom_id)) {
            return (self.created[*index].id.to_string(), false);
        }
        let index = self.created.len();
        // As with the service, an id begins with a small number; the rest is random.
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let rest = Uuid::new_v4().as_u128() & (u128::MAX >> 32);
        let identity = Identity {
            id: Uuid::from_u128((u128::from(number) << 96) | rest),
            custom_id: custom_id.map(Box::from),
            ..Identity::default()
        };
        if let Some(custom_id) = &identity.custom_id {
            self.custom.insert(custom_id.clone(), index);
        }
        let name = identity.id.to_string();
        self.created.push(identity);
        (name, true)
    }

    /// Creates the identity of an exchange unless it exists.
    pub(crate) fn ensure(&mut self, name: &str) {
        self.exchanged.entry(name.to_owned()).or_default().deleted = false;
    }

    /// Returns the identity of this name, unless it is unknown or deleted.
    pub(crate) fn find(&self, name: &str) -> Option<&Identity> {
        let exchanged = self.exchanged.get(name);
        let identity = exchanged.or_else(|| self.created.get(self.index_of(name)?))?;
        (!identity.deleted).then_some(identity)
    }

    fn find_mut(&mut self, name: &str) -> Option<&mut Identity> {
        match self.index_of(name) {
            Some(index) => self.created.get_mut(index),
            None => self.exchanged.get_mut(name),
        }
    }

    /// Returns the index of a created identity, deleted or not.
    fn index_of(&self, name: &str) -> Option<usize> {
        let id = Uuid::try_parse(name).ok()?;
        let index = usize::try_from(id.as_u128() >> 96).ok()?.checked_sub(1)?;
        let found = self.created.get(index)?;
        (found.id == id && id.to_string() == name).then_some(index)
    }

    /// Records a new token of this identity. Returns its serial.
    pub(crate) fn issue(&mut self, name: &str, now: Timestamp) -> u64 {
        self.issued += 1;
        let serial = self.issued;
        let second = now.unix_seconds();
        self.issued_by.insert(second, serial);
        while let Some(first) = self.issued_by.first_entry()
            && *first.key() < second.saturating_sub(MAX_LIFETIME_SECONDS)
        {
            first.remove();
        }
        if let Some(identity) = self.find_mut(name) {
            identity.last_issued = Some(now);
        }
        serial
    }

    /// Revokes every token of this identity that was issued so far, after a delay.
    pub(crate) fn revoke(&mut self, name: &str, now: Timestamp, delay: Duration) {
        self.revoke_up_to(name, self.issued, now, delay);
    }

    /// Revokes the tokens of this identity that were issued before this second of Unix time, after a
    /// delay.
    pub(crate) fn revoke_before(
        &mut self,
        name: &str,
        second: i64,
        now: Timestamp,
        delay: Duration,
    ) {
        let serials = self.issued_by.range(..second).map(|(_, serial)| *serial);
        let last = serials.max().unwrap_or_default();
        self.revoke_up_to(name, last, now, delay);
    }

    fn revoke_up_to(&mut self, name: &str, serial: u64, now: Timestamp, delay: Duration) {
        let revoked = match delay.is_zero() {
            true => serial,
            false => self.scheduled.add(name, serial, now, delay),
        };
        if let Some(identity) = self.find_mut(name) {
            identity.revoked = identity.revoked.max(revoked);
        }
    }

    /// Deletes an identity with its tokens, at once. Returns false if it never existed.
    pub(crate) fn delete(&mut self, name: &str) -> bool {
        let issued = self.issued;
        self.scheduled.remove(name);
        let Some(identity) = self.find_mut(name) else {
            return false;
        };
        identity.revoked = issued;
        identity.deleted = true;
        identity.last_issued = None;
        if let Some(custom_id) = identity.custom_id.take() {
            self.custom.remove(&custom_id);
        }
        true
    }

    /// Returns whether this identity's token with this serial is still valid.
    pub(crate) fn is_valid(&self, name: &str, serial: u64, now: Timestamp) -> bool {
        let identity = self.find(name);
        identity.is_some_and(|identity| serial > identity.revoked)
            && serial > self.scheduled.revoked(name, now)
    }
}

/// An assignment's kind, tenant and object id. The tenant of an Entra assignment is empty, because
/// its object id alone identifies it.
pub(crate) type Key = (ExchangeKind, String, String);

/// All assignments of a resource.
#[derive(Debug, Default)]
pub(crate) struct Assignments(pub(crate) BTreeMap<Key, Assignment>);

impl Assignments {
    pub(crate) fn new(assignments: &[Assignment]) -> Assignments {
        let keyed = assignments.iter().map(|one| {
            let tenant = match one.kind {
                ExchangeKind::Entra => String::new(),
                ExchangeKind::TeamsExtension => one.tenant_id.clone(),
            };
            ((one.kind, tenant, one.object_id.clone()), one.clone())
        });
        Assignments(keyed.collect())
    }

    /// Returns whether a user of this tenant, or a group or tenant with this user, may exchange a
    /// token that was issued to this app.
    pub(crate) fn admits(
        &self,
        world: &World,
        kind: ExchangeKind,
        tenant: &str,
        user: &str,
        app: &str,
    ) -> bool {
        self.0.iter().any(|((of, ..), assignment)| {
            let object_id = assignment.object_id.as_str();
            let is_principal = match assignment.principal_type.as_str() {
                "user" | "resourceAccount" => object_id == user,
                "tenant" => object_id == tenant,
                "group" => world
                    .groups_of(user, tenant)
                    .any(|group| group == object_id),
                _ => false,
            };
            *of == kind
                && is_principal
                && assignment.tenant_id == tenant
                && assignment.client_ids.iter().any(|client| client == app)
        })
    }
}

/// The state of a resource.
#[derive(Debug, Default)]
pub(crate) struct ResourceState {
    pub(crate) identities: IdentityTable,
    pub(crate) assignments: Assignments,
    pub(crate) rates: RequestRates,
}

impl ResourceState {
    /// Returns the state at the start.
    pub(crate) fn new(resource: &Resource) -> ResourceState {
        ResourceState {
            assignments: Assignments::new(&resource.assignments),
            ..ResourceState::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_780_000_000;

    #[test]
    fn a_revocation_separates_tokens_of_the_same_second() {
        let mut table = IdentityTable::default();
        let now = Timestamp::from_unix_seconds(NOW);
        let (name, _) = table.create(None);
        let before = table.issue(&name, now);
        table.revoke(&name, now, Duration::ZERO);
        let after = table.issue(&name, now);
        assert!(!table.is_valid(&name, before, now));
        assert!(table.is_valid(&name, after, now));
    }

    #[test]
    fn a_revocation_up_to_a_time_keeps_later_tokens() {
        let mut table = IdentityTable::default();
        let at = |second: i64| Timestamp::from_unix_seconds(NOW + second);
        let (name, _) = table.create(None);
        let tokens = [0, 1, 1, 2].map(|second| table.issue(&name, at(second)));
        let valid =
            |table: &IdentityTable| tokens.map(|serial| table.is_valid(&name, serial, at(2)));
        for (second, expected) in [
            (-1, [true, true, true, true]),
            (1, [false, true, true, true]),
            // An earlier time makes no revoked token valid again.
            (0, [false, true, true, true]),
            (2, [false, false, false, true]),
            (i64::MAX - NOW, [false; 4]),
        ] {
            table.revoke_before(&name, NOW + second, at(2), Duration::ZERO);
            assert_eq!(valid(&table), expected, "{second}");
        }
        table.issue(&name, at(MAX_LIFETIME_SECONDS + 3));
        assert_eq!(table.issued_by.len(), 1, "old seconds are removed");
    }

    #[test]
    fn each_revocation_with_a_delay_begins_at_its_own_time() {
        let mut table = IdentityTable::default();
        let at = |second: i64| Timestamp::from_unix_seconds(NOW + second);
        let delay = Duration::from_secs(60);
        let (name, _) = table.create(None);
        let first = table.issue(&name, at(0));
        table.revoke(&name, at(0), delay);
        let second = table.issue(&name, at(30));
        table.revoke(&name, at(30), delay);
        let valid = |table: &IdentityTable, time: i64| {
            [first, second].map(|serial| table.is_valid(&name, serial, at(time)))
        };
        for (time, expected) in [
            (59, [true, true]),
            (60, [false, true]),
            (89, [false, true]),
            (90, [false, false]),
        ] {
            assert_eq!(valid(&table, time), expected, "{time}");
        }
        // One that has begun is forgotten, and its tokens stay revoked.
        table.revoke(&name, at(70), delay);
        assert_eq!(valid(&table, 70), [false, true]);
        assert_eq!(valid(&table, 90), [false, false]);
        let fresh = table.issue(&name, at(150));
        assert!(table.is_valid(&name, fresh, at(1_000)));
    }

    #[test]
    fn a_deleted_identity_stays_deleted_and_can_be_deleted_again() {
        let mut table = IdentityTable::default();
        let (name, _) = table.create(Some("sally"));
        let now = Timestamp::from_unix_seconds(NOW);
        let serial = table.issue(&name, now);
        assert!(table.delete(&name));
        assert!(table.delete(&name));
        assert!(table.find(&name).is_none());
        assert!(!table.is_valid(&name, serial, now));
        let (again, new) = table.create(Some("sally"));
        assert!(new && again != name);
    }

    #[test]
    fn ids_count_up_and_only_whole_ids_are_found() {
        let mut table = IdentityTable::default();
        let (first, _) = table.create(None);
        let (second, _) = table.create(None);
        assert!(first.starts_with("00000001-"));
        assert!(second.starts_with("00000002-"));
        // An id with letters, so that its upper case differs.
        table.created[0].id = Uuid::from_u128((1 << 96) | 0xabcdef);
        let first = table.created[0].id.to_string();
        assert!(table.find(&first).is_some());
        for wrong in [
            first.to_uppercase(),
            first.replacen("00000001", "00000002", 1),
            first.replacen("00000001", "00000000", 1),
            first.replacen("00000001", "ffffffff", 1),
            format!("{first}0"),
            String::new(),
        ] {
            assert!(table.find(&wrong).is_none(), "{wrong} is not {first}");
            assert!(!table.delete(&wrong), "{wrong}");
        }
    }
}

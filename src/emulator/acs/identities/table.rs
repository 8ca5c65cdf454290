//! Which identities the resource has, and which of their tokens still count.
//!
//! In come creations, issues, revocations and deletions, out goes whether a token is still good.
//! Tokens are told apart by a serial number, not by their second: one that was issued right after
//! a revocation lives, one from right before it does not.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::time::Timestamp;

/// All identities of the resource, named by what follows `8:acs:<resource>_` in their ids.
#[derive(Debug, Default)]
pub(in crate::emulator) struct IdentityTable {
    /// Ordinary users; the first group of their ids counts them from one.
    created: Vec<Identity>,
    /// Users whom an exchange brought into being.
    exchanged: HashMap<String, Identity>,
    /// Which of the created ones a custom id stands for.
    custom: HashMap<Box<str>, usize>,
    /// How many tokens were issued.
    issued: u64,
    /// The last serial of each second in which tokens were issued, for as long as those can live.
    issued_by: BTreeMap<i64, u64>,
}

/// The longest life of a token in seconds.
const LONGEST_LIFE: i64 = 86_400;

/// One identity, kept small: there may be many.
#[derive(Debug, Default, Clone)]
pub(in crate::emulator) struct Identity {
    id: Uuid,
    /// Tokens up to this serial are revoked.
    revoked: u64,
    deleted: bool,
    pub(in crate::emulator) custom_id: Option<Box<str>>,
    pub(in crate::emulator) last_issued: Option<Timestamp>,
}

impl IdentityTable {
    /// Creates an identity, or finds the one that has this custom id; true where it is new.
    pub(in crate::emulator) fn create(&mut self, custom_id: Option<&str>) -> (String, bool) {
        if let Some(place) = custom_id.and_then(|custom_id| self.custom.get(custom_id)) {
            return (self.created[*place].id.to_string(), false);
        }
        let place = self.created.len();
        // Like the service's own, an id begins with a small number; the rest is nobody's guess.
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let rest = Uuid::new_v4().as_u128() & (u128::MAX >> 32);
        let identity = Identity {
            id: Uuid::from_u128((u128::from(number) << 96) | rest),
            custom_id: custom_id.map(Box::from),
            ..Identity::default()
        };
        if let Some(custom_id) = &identity.custom_id {
            self.custom.insert(custom_id.clone(), place);
        }
        let name = identity.id.to_string();
        self.created.push(identity);
        (name, true)
    }

    /// Makes sure that this user, whom an exchange vouches for, has an identity.
    pub(in crate::emulator) fn admit(&mut self, name: &str) {
        let identity = self.exchanged.entry(name.to_owned()).or_default();
        identity.deleted = false;
    }

    /// The identity of this name, unless it is unknown or deleted.
    pub(in crate::emulator) fn find(&self, name: &str) -> Option<&Identity> {
        let identity = match self.exchanged.get(name) {
            Some(identity) => Some(identity),
            None => self.place(name).map(|place| &self.created[place]),
        };
        identity.filter(|identity| !identity.deleted)
    }

    fn find_mut(&mut self, name: &str) -> Option<&mut Identity> {
        if self.exchanged.contains_key(name) {
            return self.exchanged.get_mut(name);
        }
        let place = self.place(name)?;
        self.created.get_mut(place)
    }

    /// Where a created identity is kept, deleted or not.
    fn place(&self, name: &str) -> Option<usize> {
        let id = Uuid::try_parse(name).ok()?;
        let place = usize::try_from(id.as_u128() >> 96).ok()?.checked_sub(1)?;
        let found = self.created.get(place)?;
        (found.id == id && id.to_string() == name).then_some(place)
    }

    /// Notes that a token is issued for this identity; its serial.
    pub(in crate::emulator) fn issue(&mut self, name: &str, now: Timestamp) -> u64 {
        self.issued += 1;
        let serial = self.issued;
        let second = now.unix_seconds();
        self.issued_by.insert(second, serial);
        while let Some(first) = self.issued_by.first_entry()
            && *first.key() < second.saturating_sub(LONGEST_LIFE)
        {
            first.remove();
        }
        if let Some(identity) = self.find_mut(name) {
            identity.last_issued = Some(now);
        }
        serial
    }

    /// Revokes every token that this identity was issued so far.
    pub(in crate::emulator) fn revoke(&mut self, name: &str) {
        let issued = self.issued;
        if let Some(identity) = self.find_mut(name) {
            identity.revoked = issued;
        }
    }

    /// Revokes the tokens that this identity was issued before this second of Unix time; a second
    /// that has not come yet means all of them.
    pub(in crate::emulator) fn revoke_before(&mut self, name: &str, second: i64) {
        let serials = self.issued_by.range(..second).map(|(_, serial)| *serial);
        let last = serials.max().unwrap_or_default();
        if let Some(identity) = self.find_mut(name) {
            identity.revoked = identity.revoked.max(last);
        }
    }

    /// Deletes an identity with its tokens; false where there never was one.
    pub(in crate::emulator) fn delete(&mut self, name: &str) -> bool {
        self.revoke(name);
        let Some(identity) = self.find_mut(name) else {
            return false;
        };
        identity.deleted = true;
        identity.last_issued = None;
        if let Some(custom_id) = identity.custom_id.take() {
            self.custom.remove(&custom_id);
        }
        true
    }

    /// Whether the token of this serial still speaks for this identity.
    pub(in crate::emulator) fn honours(&self, name: &str, serial: u64) -> bool {
        self.find(name)
            .is_some_and(|identity| serial > identity.revoked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_780_000_000;

    #[test]
    fn a_revocation_parts_tokens_of_the_same_second() {
        let mut ledger = IdentityTable::default();
        let now = Timestamp::from_unix_seconds(NOW);
        let (name, _) = ledger.create(None);
        let before = ledger.issue(&name, now);
        ledger.revoke(&name);
        let after = ledger.issue(&name, now);
        assert!(!ledger.honours(&name, before));
        assert!(ledger.honours(&name, after));
    }

    #[test]
    fn a_revocation_up_to_a_time_spares_later_tokens() {
        let mut ledger = IdentityTable::default();
        let at = |second: i64| Timestamp::from_unix_seconds(NOW + second);
        let (name, _) = ledger.create(None);
        let tokens = [0, 1, 1, 2].map(|second| ledger.issue(&name, at(second)));
        let honoured = |ledger: &IdentityTable| tokens.map(|serial| ledger.honours(&name, serial));
        for (second, expected) in [
            (-1, [true, true, true, true]),
            (1, [false, true, true, true]),
            // A time that lies further back revives nothing.
            (0, [false, true, true, true]),
            (2, [false, false, false, true]),
            (i64::MAX - NOW, [false; 4]),
        ] {
            ledger.revoke_before(&name, NOW + second);
            assert_eq!(honoured(&ledger), expected, "{second}");
        }
        ledger.issue(&name, at(LONGEST_LIFE + 3));
        assert_eq!(ledger.issued_by.len(), 1, "no second is kept for ever");
    }

    #[test]
    fn a_deleted_identity_stays_deleted_and_can_be_deleted_again() {
        let mut ledger = IdentityTable::default();
        let (name, _) = ledger.create(Some("sally"));
        let serial = ledger.issue(&name, Timestamp::from_unix_seconds(NOW));
        assert!(ledger.delete(&name));
        assert!(ledger.delete(&name));
        assert!(ledger.find(&name).is_none());
        assert!(!ledger.honours(&name, serial));
        let (again, new) = ledger.create(Some("sally"));
        assert!(new && again != name);
    }

    #[test]
    fn ids_count_up_and_only_whole_ids_are_found() {
        let mut ledger = IdentityTable::default();
        let (first, _) = ledger.create(None);
        let (second, _) = ledger.create(None);
        assert!(first.starts_with("00000001-"));
        assert!(second.starts_with("00000002-"));
        for wrong in [
            first.to_uppercase(),
            first.replace("00000001", "00000002"),
            first.replace("00000001", "00000000"),
            first.replace("00000001", "ffffffff"),
            format!("{first}0"),
            String::new(),
        ] {
            assert!(
                wrong == first || ledger.find(&wrong).is_none(),
                "{wrong} is not {first}"
            );
            assert!(wrong == first || !ledger.delete(&wrong), "{wrong}");
        }
    }
}

//! Splits items that are larger than a store's limit for one item.
//!
//! A large item is stored as a small head under the item's name, and parts under names with a
//! generation. The head has the generation, the number of parts, the length and the SHA-256. A write
//! stores the parts of a new generation, then the head, and then deletes the old parts. So the head
//! always names a complete generation, even after a crash. A reader detects a concurrent write by
//! the digest, and reads again.
//!
//! A writer has the lock of the item's session. Two concurrent writers would delete each other's
//! parts.

use sha2::{Digest, Sha256};

use super::token_store::{LoginSession, TokenStore};
use crate::error::{Error, Kind, Result};
use crate::secret::SecretBytes;
use crate::text::hex;

/// The start of a head. An item with this start is always stored in parts.
const MAGIC: &str = "acspass parts 1 ";

/// More parts than any session needs. It limits the reads for a damaged head.
const MAX_PARTS: usize = 1000;

/// The number of reads in case of concurrent writes.
const READS: usize = 5;

/// A store that splits the items of another store, which limits their size.
#[derive(Debug)]
pub struct Split<S> {
    store: S,
    limit: usize,
}

impl<S: TokenStore> Split<S> {
    /// Splits items longer than `limit` bytes, which is more than a head has.
    pub(super) fn over(store: S, limit: usize) -> Self {
        Split { store, limit }
    }

    /// Removes the item's parts of all generations but this one, including those of a writer that
    /// crashed.
    fn remove_old_parts(&self, item: &str, kept: Option<&str>) -> Result<()> {
        let kept = kept.map(|generation| part_name(item, generation, ""));
        for name in self.store.items()? {
            let stays = kept.as_ref().is_some_and(|kept| name.starts_with(kept));
            if item_of_part(&name) == Some(item) && !stays {
                self.store.delete(&name)?;
            }
        }
        Ok(())
    }
}

impl<S: TokenStore> TokenStore for Split<S> {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        let mut torn = None;
        for _ in 0..READS {
            let Some(first) = self.store.load(item)? else {
                return Ok(None);
            };
            let Some((generation, parts)) = parse_head(first.expose()) else {
                return Ok(Some(first));
            };
            let mut bytes = Vec::new();
            for number in 0..parts {
                let part = self.store.load(&part_name(item, generation, number))?;
                bytes.extend_from_slice(part.as_ref().map_or(&[], |part| part.expose()));
            }
            if head(&bytes, generation, self.limit).as_bytes() == first.expose() {
                return Ok(Some(SecretBytes::new(bytes)));
            }
            // A write is in progress, or the item is damaged.
            torn = Some(SecretBytes::new([first.expose(), &bytes].concat()));
        }
        // The item is damaged. Its bytes are returned, so that the caller can quarantine them.
        Ok(torn)
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        let bytes = value.expose();
        let before = self.store.load(item)?;
        let before = before.as_ref().and_then(|first| parse_head(first.expose()));
        if bytes.len() <= self.limit && !bytes.starts_with(MAGIC.as_bytes()) {
            self.store.save(item, value)?;
            return match before {
                Some(_) => self.remove_old_parts(item, None),
                None => Ok(()),
            };
        }
        if bytes.len().div_ceil(self.limit) > MAX_PARTS {
            return Err(Error::new(
                Kind::Store,
                format!(
                    "an item of {} bytes is too large for the store",
                    bytes.len()
                ),
                "Run `acspass config set store file` to use encrypted files.",
            ));
        }
        // Before the write, so that leftover parts do not use up the space.
        self.remove_old_parts(item, before.map(|(generation, _)| generation))?;
        let generation = uuid::Uuid::new_v4().simple().to_string();
        for (number, part) in bytes.chunks(self.limit).enumerate() {
            let part = SecretBytes::new(part.to_vec());
            self.store
                .save(&part_name(item, &generation, number), &part)?;
        }
        let head = SecretBytes::new(head(bytes, &generation, self.limit).into_bytes());
        self.store.save(item, &head)?;
        self.remove_old_parts(item, Some(&generation))
    }

    fn delete(&self, item: &str) -> Result<bool> {
        // The head first: after a crash, the other parts belong to no item.
        let existed = self.store.delete(item)?;
        self.remove_old_parts(item, None)?;
        Ok(existed)
    }

    fn items(&self) -> Result<Vec<String>> {
        let mut items = self.store.items()?;
        // Parts without a head are listed as an item, so that it can be deleted.
        for name in &mut items {
            if let Some(item) = item_of_part(name) {
                *name = item.to_owned();
            }
        }
        items.sort();
        items.dedup();
        Ok(items)
    }

    fn is_persistent(&self) -> bool {
        self.store.is_persistent()
    }

    fn lacks_room(&self, failure: &Error) -> bool {
        self.store.lacks_room(failure)
    }

    fn login_session(&self) -> LoginSession {
        self.store.login_session()
    }

    fn has_ended(&self, login: &str) -> bool {
        self.store.has_ended(login)
    }

    fn removal_by_hand(&self, item: &str) -> String {
        let by_hand = self.store.removal_by_hand(item);
        format!("{by_hand}, and so each `part of {item}`")
    }
}

/// Returns the head of an item that is stored in parts of `limit` bytes.
fn head(bytes: &[u8], generation: &str, limit: usize) -> String {
    let (parts, length) = (bytes.len().div_ceil(limit), bytes.len());
    let digest = hex(&Sha256::digest(bytes));
    format!("{MAGIC}{generation} {parts} {length} {digest}")
}

/// Returns the generation and the number of parts in a head; `None` if these are the bytes of an item.
fn parse_head(bytes: &[u8]) -> Option<(&str, usize)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let words: Vec<&str> = text.strip_prefix(MAGIC)?.split(' ').collect();
    let [generation, parts, length, digest] = words[..] else {
        return None;
    };
    let (parts, length): (usize, usize) = (parts.parse().ok()?, length.parse().ok()?);
    // A head in another form is damaged.
    let head = format!("{MAGIC}{generation} {parts} {length} {digest}");
    (head == text && parts <= MAX_PARTS).then_some((generation, parts))
}

fn part_name(item: &str, generation: &str, number: impl std::fmt::Display) -> String {
    format!("part of {item}: {generation} {number}")
}

/// Returns the item of a part; `None` if the name is not a part's.
fn item_of_part(name: &str) -> Option<&str> {
    let (item, _) = name.strip_prefix("part of ")?.rsplit_once(": ")?;
    Some(item)
}

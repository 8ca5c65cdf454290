//! Items that are larger than what a store takes under one name.
//!
//! A large item is kept as a small head under the item's own name, which says of how many parts
//! it is, of which generation, how long and with which SHA-256; and the parts, under names that
//! carry the generation. The parts of a new generation are written first, then the head, then the
//! old parts go. So whatever dies in between, the head names a generation that is there whole,
//! and a reader who is overtaken sees by the digest that it is and looks again.
//!
//! Who writes one item holds its session's lock: two writers at once would take each other's
//! parts for leftovers.

use sha2::{Digest, Sha256};

use super::{Login, TokenStore};
use crate::error::{Error, Kind, Result};
use crate::secret::SecretBytes;

/// What a head begins with. An item that begins so by itself is kept in parts, whatever its size.
const MAGIC: &str = "acspass parts 1 ";

/// More than any session needs; a damaged head must not send a reader through millions.
const MOST_PARTS: usize = 1000;

/// How often a reader looks again. Whoever overtakes it this often does nothing but write.
const LOOKS: usize = 5;

/// A store over one that takes no more than so many bytes under a name.
#[derive(Debug)]
pub(super) struct Split<S> {
    store: S,
    limit: usize,
}

/// What a head says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    generation: String,
    parts: usize,
    length: usize,
    digest: String,
}

/// What came of one look at an item.
enum Lookup {
    Whole(SecretBytes),
    /// The head does not fit the parts: somebody is writing, or it is damaged. With all of it.
    Torn(SecretBytes),
}

impl<S: TokenStore> Split<S> {
    /// Splits what is longer than `limit`, which leaves room for a head.
    pub(super) fn new(store: S, limit: usize) -> Self {
        Split { store, limit }
    }

    fn look_up(&self, item: &str) -> Result<Option<Lookup>> {
        let Some(first) = self.store.load(item)? else {
            return Ok(None);
        };
        let Some(head) = Head::read(first.expose()) else {
            return Ok(Some(Lookup::Whole(first)));
        };
        let mut bytes = Vec::new();
        for number in 0..head.parts {
            let part = self
                .store
                .load(&part_name(item, &head.generation, number))?;
            bytes.extend_from_slice(part.as_ref().map_or(&[], |part| part.expose()));
        }
        Ok(Some(
            if Head::of(&bytes, &head.generation, self.limit) == head {
                Lookup::Whole(SecretBytes::new(bytes))
            } else {
                Lookup::Torn(SecretBytes::new([first.expose(), &bytes].concat()))
            },
        ))
    }

    /// Removes the item's parts of all generations but this one: those of the item that was
    /// replaced, and those whose writer died before it came to the head.
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
        for _ in 0..LOOKS {
            match self.look_up(item)? {
                Some(Lookup::Torn(bytes)) => torn = Some(bytes),
                Some(Lookup::Whole(bytes)) => return Ok(Some(bytes)),
                None => return Ok(None),
            }
        }
        // Damaged for good. It is given out as it is, since nobody takes it for a session, and
        // whoever sets it aside loses nothing of it.
        Ok(torn)
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        let bytes = value.expose();
        let before = self.store.load(item)?;
        let before = before.and_then(|first| Head::read(first.expose()));
        if bytes.len() <= self.limit && !bytes.starts_with(MAGIC.as_bytes()) {
            self.store.save(item, value)?;
            return match before {
                Some(_) => self.remove_old_parts(item, None),
                None => Ok(()),
            };
        }
        let generation = uuid::Uuid::new_v4().simple().to_string();
        let head = Head::of(bytes, &generation, self.limit);
        if head.parts > MOST_PARTS {
            return Err(Error::new(
                Kind::Store,
                format!("an item of {} bytes is too large to be kept", bytes.len()),
                "choose another store",
            ));
        }
        // Before anything is written, so that leftovers do not take the room it needs.
        self.remove_old_parts(item, before.map(|head| head.generation).as_deref())?;
        for (number, part) in bytes.chunks(self.limit).enumerate() {
            let part = SecretBytes::new(part.to_vec());
            self.store
                .save(&part_name(item, &generation, number), &part)?;
        }
        let head = SecretBytes::new(head.write().into_bytes());
        self.store.save(item, &head)?;
        self.remove_old_parts(item, Some(&generation))
    }

    fn delete(&self, item: &str) -> Result<bool> {
        // The head first: what is left after a crash belongs to no item.
        let existed = self.store.delete(item)?;
        self.remove_old_parts(item, None)?;
        Ok(existed)
    }

    fn items(&self) -> Result<Vec<String>> {
        let mut items = self.store.items()?;
        // Parts without a head are an item too: one that is to be deleted.
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

    fn login(&self) -> Login {
        self.store.login()
    }

    fn has_ended(&self, login: &str) -> bool {
        self.store.has_ended(login)
    }

    fn removal_by_hand(&self, item: &str) -> String {
        let by_hand = self.store.removal_by_hand(item);
        format!("{by_hand}, and so each `part of {item}`")
    }
}

impl Head {
    fn of(bytes: &[u8], generation: &str, limit: usize) -> Self {
        let digest = Sha256::digest(bytes);
        Head {
            generation: generation.to_owned(),
            parts: bytes.len().div_ceil(limit),
            length: bytes.len(),
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    fn write(&self) -> String {
        let Head {
            generation,
            parts,
            length,
            digest,
        } = self;
        format!("{MAGIC}{generation} {parts} {length} {digest}")
    }

    /// `None` where this is no head but an item's own bytes.
    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_prefix(MAGIC)?;
        let mut words = text.split(' ');
        let head = Head {
            generation: words.next()?.to_owned(),
            parts: words.next()?.parse().ok()?,
            length: words.next()?.parse().ok()?,
            digest: words.next()?.to_owned(),
        };
        // Written by nobody but us, so anything else is damage, not a longer item.
        (head.write().as_bytes() == bytes && head.parts <= MOST_PARTS).then_some(head)
    }
}

fn part_name(item: &str, generation: &str, number: impl std::fmt::Display) -> String {
    format!("part of {item}: {generation} {number}")
}

/// The item that a part belongs to; `None` where the name is not a part's.
fn item_of_part(name: &str) -> Option<&str> {
    let (item, _) = name.strip_prefix("part of ")?.rsplit_once(": ")?;
    Some(item)
}

//! Items in parts, over a store that takes so much and no more and that dies when it is told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::store::split::Split;

/// Windows' limit.
pub(super) const LIMIT: usize = 2560;

/// A store double with a limit, which fails for good after so many calls that change something:
/// as a process that is killed between two of them.
#[derive(Default)]
pub(super) struct Narrow {
    items: MemoryStore,
    changes_left: Mutex<Option<usize>>,
    /// Called before each read: what others do meanwhile.
    #[expect(clippy::type_complexity, reason = "one field of a double")]
    meanwhile: Mutex<Option<Box<dyn Fn(&MemoryStore) + Send>>>,
}

impl Narrow {
    /// Lets the store fail for good after so many changes; `None` ends that.
    pub(super) fn crash_after(&self, changes: Option<usize>) {
        *self.changes_left.lock().unwrap() = changes;
    }

    /// The names of the items as the store has them.
    pub(super) fn names(&self) -> Vec<String> {
        self.items.items().unwrap()
    }

    fn change(&self) -> Result<()> {
        let mut left = self.changes_left.lock().unwrap();
        match &mut *left {
            Some(0) => Err(FailingStore::error()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl TokenStore for Arc<Narrow> {
    fn name(&self) -> &'static str {
        "narrow"
    }
    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        if let Some(meanwhile) = &*self.meanwhile.lock().unwrap() {
            meanwhile(&self.items);
        }
        self.items.load(item)
    }
    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        assert!(value.expose().len() <= LIMIT, "more than the store takes");
        self.change()?;
        self.items.save(item, value)
    }
    fn delete(&self, item: &str) -> Result<bool> {
        self.change()?;
        self.items.delete(item)
    }
    fn items(&self) -> Result<Vec<String>> {
        self.items.items()
    }
    fn is_persistent(&self) -> bool {
        true
    }
    fn removal_by_hand(&self, item: &str) -> String {
        format!("dig out `{item}`")
    }
}

/// Different for each length, so that a mix of two would show.
fn value(length: usize) -> SecretBytes {
    let seed = length.wrapping_mul(2_654_435_761);
    SecretBytes::new((0..length).map(|at| (seed ^ (at * 31)) as u8).collect())
}

const LENGTHS: [usize; 13] = [
    0,
    1,
    100,
    LIMIT - 1,
    LIMIT,
    LIMIT + 1,
    2 * LIMIT - 1,
    2 * LIMIT,
    2 * LIMIT + 1,
    6000,
    4 * LIMIT,
    4 * LIMIT + 1,
    20_000,
];

#[test]
fn items_of_any_length_round_trip_and_leave_no_parts() {
    let narrow = Arc::new(Narrow::default());
    let store = Split::over(Arc::clone(&narrow), LIMIT);
    for before in LENGTHS {
        for after in LENGTHS {
            store.save("item", &value(before)).unwrap();
            store.save("item", &value(after)).unwrap();
            assert_eq!(store.load("item").unwrap(), Some(value(after)));
            assert_eq!(store.items().unwrap(), ["item"]);
            let parts = if after > LIMIT {
                after.div_ceil(LIMIT)
            } else {
                0
            };
            assert_eq!(narrow.items.items().unwrap().len(), 1 + parts);
        }
    }
    assert!(store.delete("item").unwrap());
    assert!(!store.delete("item").unwrap());
    assert_eq!(store.load("item").unwrap(), None);
    assert_eq!(narrow.items.items().unwrap(), [""; 0]);
}

#[test]
fn an_item_that_looks_like_a_head_is_not_taken_for_one() {
    let store = Split::over(Arc::new(Narrow::default()), LIMIT);
    for text in [
        "acspass parts 1 ",
        "acspass parts 1 g 0 0 e3b0c44298fc1c149afbf4c8996fb924",
        "acspass parts 1 g 99999999999 99999999999 x",
    ] {
        let value = SecretBytes::new(text.as_bytes().to_vec());
        store.save("item", &value).unwrap();
        assert_eq!(store.load("item").unwrap(), Some(value));
    }
}

#[test]
fn oversized_item_is_refused_before_a_write() {
    let narrow = Arc::new(Narrow::default());
    let store = Split::over(Arc::clone(&narrow), LIMIT);
    let error = store.save("item", &value(1000 * LIMIT + 1)).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert_eq!(narrow.items.items().unwrap(), [""; 0]);
}

#[test]
fn after_a_crash_between_any_two_calls_one_generation_is_whole() {
    let mut deaths = 0;
    for before in LENGTHS.map(Some).into_iter().chain([None]) {
        for after in LENGTHS.map(Some).into_iter().chain([None]) {
            for changes in 0.. {
                let narrow = Arc::new(Narrow::default());
                let store = Split::over(Arc::clone(&narrow), LIMIT);
                if let Some(before) = before {
                    store.save("item", &value(before)).unwrap();
                }
                store.save("item's neighbour", &value(6000)).unwrap();
                *narrow.changes_left.lock().unwrap() = Some(changes);
                let outcome = match after {
                    Some(after) => store.save("item", &value(after)),
                    None => store.delete("item").map(drop),
                };
                *narrow.changes_left.lock().unwrap() = None;

                // The next reader.
                let store = Split::over(Arc::clone(&narrow), LIMIT);
                let found = store.load("item").unwrap();
                let either = [before.map(value), after.map(value)];
                assert!(either.contains(&found), "{before:?} {after:?} {changes}");
                assert_eq!(store.load("item's neighbour").unwrap(), Some(value(6000)));
                // And the next save clears up.
                store.save("item", &value(6000)).unwrap();
                assert_eq!(narrow.items.items().unwrap().len(), 2 * (1 + 3));
                if outcome.is_ok() {
                    assert_eq!(found, after.map(value));
                    break;
                }
                deaths += 1;
            }
        }
    }
    assert!(deaths > 500, "{deaths}");
}

#[test]
fn reader_during_a_write_sees_one_whole_generation() {
    for overtaken_at in 0..12 {
        let narrow = Arc::new(Narrow::default());
        let store = Split::over(Arc::clone(&narrow), LIMIT);
        store.save("item", &value(6000)).unwrap();
        let other = Arc::new(Narrow::default());
        Split::over(Arc::clone(&other), LIMIT)
            .save("item", &value(7000))
            .unwrap();
        let calls = AtomicUsize::new(0);
        // The other's items in the place of ours, all at once: the old parts are gone.
        *narrow.meanwhile.lock().unwrap() = Some(Box::new(move |items| {
            if calls.fetch_add(1, Ordering::SeqCst) == overtaken_at {
                for name in items.items().unwrap() {
                    items.delete(&name).unwrap();
                }
                for name in other.items.items().unwrap() {
                    let value = other.items.load(&name).unwrap().unwrap();
                    items.save(&name, &value).unwrap();
                }
            }
        }));
        let found = store.load("item").unwrap();
        let either = [Some(value(6000)), Some(value(7000))];
        assert!(either.contains(&found), "{overtaken_at}");
    }
}

#[test]
fn damaged_item_is_returned_with_all_its_bytes() {
    let narrow = Arc::new(Narrow::default());
    let store = Split::over(Arc::clone(&narrow), LIMIT);
    store.save("item", &value(6000)).unwrap();
    let names = narrow.items.items().unwrap();
    let part = names.iter().find(|name| name.ends_with(" 1")).unwrap();
    narrow.items.delete(part).unwrap();
    let found = store.load("item").unwrap().unwrap();
    let whole = value(6000);
    assert!(found.expose().starts_with(b"acspass parts 1 "));
    assert!(found.expose().ends_with(&whole.expose()[2 * LIMIT..]));
}

//! The splitting of items and the index against models, with crashes between any two steps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::split::{LIMIT, Narrow};
use super::*;
use crate::store::split::Split;

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        // A case writes files.
        cases: default.cases.div_ceil(4),
        failure_persistence: None,
        ..default
    }
}

/// Names that begin and end like each other, and like the name of a part.
const ITEMS: [&str; 4] = ["item", "item: x", "item: x 1", "another"];

/// A change of an item; after `crash` writes and deletions of the store below, the process ends.
#[derive(Debug, Clone)]
struct Change {
    item: usize,
    /// The length of a new value; `None` deletes.
    length: Option<usize>,
    looks_like_head: bool,
    crash: Option<usize>,
}

fn change() -> impl Strategy<Value = Change> {
    const LENGTHS: [usize; 7] = [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 3 * LIMIT + 7];
    let length = prop_oneof![proptest::sample::select(&LENGTHS[..]), 0..5 * LIMIT];
    let length = proptest::option::weighted(0.8, length);
    let crash = proptest::option::weighted(0.5, 0..12_usize);
    (0..ITEMS.len(), length, any::<bool>(), crash).prop_map(
        |(item, length, looks_like_head, crash)| Change {
            item,
            length,
            looks_like_head,
            crash,
        },
    )
}

/// A value of this length that no other change writes.
fn value(number: usize, length: usize, looks_like_head: bool) -> SecretBytes {
    let start: &[u8] = if looks_like_head {
        b"acspass parts 1 "
    } else {
        b""
    };
    let rest = (0..length).map(|at| (number * 101 + at * 31) as u8);
    SecretBytes::new(start.iter().copied().chain(rest).collect())
}

/// What the index and the store below it do.
#[derive(Debug, Clone)]
enum Act {
    SignIn(usize),
    Renew(usize),
    Activate(usize),
    Forget(usize),
    /// A sign-in that ended after it wrote the item.
    SignInAndCrash(usize),
    /// A crash while the index was replaced: a draft stays.
    CrashInIndex(Vec<u8>),
    /// A part of the file was lost, as by a full disk or a crash of the machine.
    Damage {
        from: usize,
        length: usize,
        truncates: bool,
        sign_in: Option<usize>,
    },
}

const USERS: [&str; 5] = ["ada", "bob", "çelik", "d\"e\\e", "adam"];

fn act() -> impl Strategy<Value = Act> {
    let user = || 0..USERS.len();
    let damage = (
        0..6000_usize,
        0..2000_usize,
        any::<bool>(),
        proptest::option::of(user()),
    );
    prop_oneof![
        4 => user().prop_map(Act::SignIn),
        2 => user().prop_map(Act::Renew),
        2 => user().prop_map(Act::Activate),
        2 => user().prop_map(Act::Forget),
        1 => user().prop_map(Act::SignInAndCrash),
        1 => vec(any::<u8>(), 0..300).prop_map(Act::CrashInIndex),
        2 => damage.prop_map(|(from, length, truncates, sign_in)| Act::Damage {
            from,
            length,
            truncates,
            sign_in,
        }),
    ]
}

/// The sessions of the model.
#[derive(Debug, Default)]
struct Model {
    /// Users with an item in the store.
    stored: BTreeSet<usize>,
    /// Users in the index.
    listed: BTreeSet<usize>,
    active: Option<usize>,
}

impl Model {
    fn sign_in(&mut self, user: usize) {
        self.stored.insert(user);
        if self.listed.insert(user) && self.active.is_none() {
            self.active = Some(user);
        }
    }
}

/// The users that the index lists, and the active one.
fn listed(sessions: &SessionStore) -> (BTreeSet<usize>, Vec<usize>) {
    let index = sessions.index().expect("an index");
    let number = |entry: &IndexEntry| {
        let user = entry.account.object_id.trim_end_matches("-oid");
        USERS
            .iter()
            .position(|known| *known == user)
            .expect("a user")
    };
    let all: Vec<usize> = index.entries().map(number).collect();
    let users: BTreeSet<usize> = all.iter().copied().collect();
    assert_eq!(users.len(), all.len(), "a session is listed twice");
    let active = index.entries().filter(|entry| entry.active).map(number);
    (users, active.collect())
}

fn damage(path: &Path, from: usize, length: usize, truncates: bool) {
    let Ok(mut bytes) = fs::read(path) else {
        return;
    };
    let from = from.min(bytes.len());
    match truncates {
        true => bytes.truncate(from),
        false => bytes
            .iter_mut()
            .skip(from)
            .take(length)
            .for_each(|byte| *byte = 0),
    }
    fs::write(path, bytes).expect("damaged");
}

/// Does one act to the store and to the model.
fn perform(act: &Act, sessions: &SessionStore, folder: &Path, model: &mut Model) {
    let path = folder.join("index.json");
    match act {
        Act::SignIn(user) => {
            save(sessions, &record(USERS[*user]));
            model.sign_in(*user);
        }
        Act::Renew(user) => {
            let record = record(USERS[*user]);
            let renewed = sessions.save_renewed(&record, &lock(sessions, &record));
            assert_eq!(renewed.is_ok(), model.listed.contains(user));
            // A renewal does not undo a logout, not even of an item that a crash left.
            if renewed.is_err() {
                model.stored.remove(user);
            }
        }
        Act::Activate(user) => {
            let is_listed = model.listed.contains(user);
            let activated = sessions.activate(&record(USERS[*user]).key());
            assert_eq!(activated.is_ok(), is_listed);
            if is_listed {
                model.active = Some(*user);
            }
        }
        Act::Forget(user) => {
            let removed = sessions
                .forget(&record(USERS[*user]).key())
                .expect("forgotten");
            assert_eq!(removed.removed, model.stored.remove(user));
            model.listed.remove(user);
            model.active = model.active.filter(|active| active != user);
        }
        Act::SignInAndCrash(user) => {
            sessions.write(&record(USERS[*user])).expect("written");
            model.stored.insert(*user);
        }
        Act::CrashInIndex(bytes) => {
            fs::write(folder.join("index.json.draft"), bytes).expect("a draft")
        }
        Act::Damage {
            from,
            length,
            truncates,
            sign_in,
        } => {
            let before = fs::read(&path).ok();
            damage(&path, *from, *length, *truncates);
            let is_damaged = fs::read(&path).ok() != before;
            if let Some(user) = sign_in {
                save(sessions, &record(USERS[*user]));
                model.stored.insert(*user);
            }
            sessions.restore(&application()).expect("restored");
            let (users, active) = listed(sessions);
            // What the file lost, the store still has; what a logout removed stays away.
            assert!(users.is_superset(&model.listed), "a session is lost");
            assert!(users.is_subset(&model.stored), "a signed-out user is back");
            let may_be_active = |user: &usize| match sign_in {
                _ if model.active == Some(*user) || users.len() == 1 => true,
                Some(new) => is_damaged && user == new || model.active.is_none(),
                None => is_damaged && model.active.is_none(),
            };
            assert!(active.iter().all(may_be_active), "another user is active");
            model.listed = users;
            model.active = active.first().copied();
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// A reader finds the value of before a change or of after it, and other items as they were. The
    /// next change of an item removes what a crash left.
    #[test]
    fn items_follow_the_model_after_crashes(changes in vec(change(), 1..12)) {
        let narrow = Arc::new(Narrow::default());
        let mut model: BTreeMap<&str, Vec<Option<SecretBytes>>> =
            ITEMS.map(|item| (item, vec![None])).into();
        for (number, change) in changes.iter().enumerate() {
            let item = ITEMS[change.item];
            let new = change.length.map(|length| value(number, length, change.looks_like_head));
            narrow.crash_after(change.crash);
            // Each change is one process.
            let store = Split::over(Arc::clone(&narrow), LIMIT);
            let outcome = match &new {
                Some(new) => store.save(item, new),
                None => store.delete(item).map(drop),
            };
            narrow.crash_after(None);
            let possible = model.get_mut(item).expect("an item");
            match outcome {
                Ok(()) => *possible = vec![new],
                Err(_) => possible.push(new),
            }
            for (item, possible) in &mut model {
                let found = store.load(item).unwrap();
                prop_assert!(possible.contains(&found), "{item} after change {number}");
                *possible = vec![found];
            }
        }
        let store = Split::over(Arc::clone(&narrow), LIMIT);
        for item in ITEMS {
            store.save(item, &value(0, LIMIT + 1, false)).unwrap();
        }
        prop_assert_eq!(store.items().unwrap().len(), ITEMS.len());
        prop_assert_eq!(narrow.names().len(), ITEMS.len() * 3, "parts of a crash stay");
    }

    /// The index lists the sessions of the model, at most one of them active. Damage of the file loses
    /// no session that the store has, and no crash lists a user who signed out.
    #[test]
    fn index_follows_the_model_after_crashes_and_damage(acts in vec(act(), 1..14)) {
        let folder = TempDir::new().unwrap();
        let store = Arc::new(MemoryStore::new());
        let mut model = Model::default();
        for act in &acts {
            // Each act is one process.
            let sessions = over(&store, folder.path());
            perform(act, &sessions, folder.path(), &mut model);
            let (users, active) = listed(&sessions);
            prop_assert_eq!(&users, &model.listed, "{:?}", act);
            prop_assert_eq!(active, Vec::from_iter(model.active), "{:?}", act);
            let found = sessions.active(&application()).unwrap();
            prop_assert_eq!(found.is_some(), model.active.is_some());
            for (number, user) in USERS.iter().enumerate() {
                let name = format!("{user}@contoso.example");
                let found = sessions.find_by_name(&application(), &name).unwrap();
                prop_assert_eq!(found.len(), usize::from(users.contains(&number)), "{}", user);
            }
        }
        let sessions = over(&store, folder.path());
        for user in model.listed {
            prop_assert!(sessions.load(&record(USERS[user]).key()).unwrap().is_some(), "lost");
        }
    }
}

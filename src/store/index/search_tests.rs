//! The fast reader returns the same as the reader of the whole file, for any file.

use super::contents::{self, Contents, DamageNote};
use super::search::find;
use super::*;
use crate::account::{Account, EntraApplication};
use crate::exchange::CommunicationTokenSource;
use crate::exchange::ExchangeKind;
use crate::store::record::{Record, ShortLifetimeNote};
use crate::store::{LoginSession, MemoryStore, TokenStore};
use crate::time::Timestamp;
use crate::time::{ServerTimeSample, SettableClock};

/// A store with items of this login.
struct Kept(LoginSession);

impl TokenStore for Kept {
    fn name(&self) -> &'static str {
        "memory"
    }
    fn login_session(&self) -> LoginSession {
        self.0.clone()
    }
    fn load(&self, item: &str) -> crate::error::Result<Option<crate::secret::SecretBytes>> {
        MemoryStore::new().load(item)
    }
    fn save(&self, item: &str, value: &crate::secret::SecretBytes) -> crate::error::Result<()> {
        MemoryStore::new().save(item, value)
    }
    fn delete(&self, item: &str) -> crate::error::Result<bool> {
        MemoryStore::new().delete(item)
    }
    fn items(&self) -> crate::error::Result<Vec<String>> {
        MemoryStore::new().items()
    }
    fn is_persistent(&self) -> bool {
        false
    }
    fn removal_by_hand(&self, item: &str) -> String {
        MemoryStore::new().removal_by_hand(item)
    }
}

fn application(client_id: &str) -> EntraApplication {
    EntraApplication {
        authority_host: "login.test".to_owned(),
        tenant: "organizations".to_owned(),
        client_id: client_id.to_owned(),
    }
}

const NAMES: [&str; 6] = [
    "ada",
    "adam",
    "d\"e\\e",
    "çelik",
    "tab\there\u{1}",
    "a\u{7f}b",
];

/// An index of a few sessions, of our application and store and of others.
fn contents(random: &mut fastrand::Rng) -> Contents {
    let mut contents = Contents::default();
    for (number, name) in NAMES.iter().enumerate() {
        let ours = random.u8(..4) > 0;
        let mut record = Record::new(
            application(if ours { "ours" } else { "another" }),
            Account {
                home_account_id: format!("{name}-uid.utid"),
                username: format!("{name}@contoso.example"),
                tenant_id: "utid".to_owned(),
                object_id: format!("{name}-oid"),
            },
        );
        record.short_lifetime = random.bool().then_some(ShortLifetimeNote {
            redeemed_at_seconds: -7,
            life_seconds: 540,
        });
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        record.time_sample = random.bool().then(|| ServerTimeSample::new(&clock, None));
        let mut entry = IndexEntry::of(&record, &StoreAndLogin::of(&MemoryStore::new()));
        entry.active = number == 0;
        entry.can_renew = random.bool();
        if random.u8(..5) == 0 {
            entry.store = "keyring".to_owned();
        }
        entry.login = (random.u8(..3) == 0).then(|| format!("login {}", random.u8(..2)));
        let expires_on = Timestamp::from_unix_seconds(random.i64(-9..1_900_000_000));
        entry.entra_tokens = vec![
            IndexedEntraToken {
                scopes: vec!["a".to_owned(), "b/.default".to_owned()],
                expires_on,
            };
            random.usize(..3)
        ];
        let kinds = [
            ExchangeKind::Key,
            ExchangeKind::Entra,
            ExchangeKind::TeamsExtension,
            ExchangeKind::Service,
        ];
        for exchange in &kinds[..random.usize(..=4)] {
            let tokens = match exchange.is_known_to_earlier_programs() {
                true => &mut entry.communication_tokens,
                false => &mut entry.further_communication_tokens,
            };
            tokens.push(IndexedCommunicationToken {
                source: CommunicationTokenSource {
                    endpoint: "https://r.test".to_owned(),
                    exchange: *exchange,
                    scopes: Vec::new(),
                },
                expires_on,
            });
        }
        contents.entries.push(entry);
    }
    if random.u8(..4) == 0 {
        contents.lost = Some(DamageNote::default());
    }
    contents
}

/// Compares both readers for every question in these logins, and counts the answers of the fast one.
fn compare(text: &[u8], logins: &[LoginSession]) -> usize {
    let application = application("ours");
    let contents = contents::read(Some(text)).unwrap_or_else(|salvaged| salvaged);
    let mut answers = 0;
    for login in logins {
        let login = StoreAndLogin::of(&Kept(login.clone()));
        let full = Index::new(contents.clone(), &login);
        let shown = || String::from_utf8_lossy(text);
        if let Some(page) = find(text, &application, &login, Query::Active)
            && let Some(found) = page.entries.first()
        {
            assert_eq!(Some(found), full.active(&application), "{}", shown());
            answers += 1;
        }
        let mut all: Vec<_> = full.of_application(&application).cloned().collect();
        all.sort_by_key(|entry| !entry.active);
        for most in [0, 1, 3, usize::MAX] {
            if let Some(page) = find(text, &application, &login, Query::First(most)) {
                let shown_ones = all.len().min(most);
                assert_eq!(page.entries, all[..shown_ones], "{}", shown());
                assert_eq!(page.remaining, all.len() - shown_ones, "{}", shown());
                assert_eq!(
                    page.is_incomplete,
                    full.is_incomplete(&application),
                    "{}",
                    shown()
                );
                answers += 1;
            }
        }
        for name in NAMES.into_iter().chain(["a", "ada@contoso.example"]) {
            if let Some(page) = find(text, &application, &login, Query::ByName(name)) {
                let fitting = all
                    .iter()
                    .filter(|entry| entry.account.match_name(name).is_some());
                assert!(page.entries.iter().eq(fitting), "{name}: {}", shown());
                assert_eq!(
                    page.is_incomplete,
                    full.is_incomplete(&application),
                    "{}",
                    shown()
                );
                answers += 1;
            }
        }
    }
    answers
}

fn logins() -> [LoginSession; 4] {
    let own = LoginSession::Own("login 1".to_owned());
    [
        LoginSession::Shared,
        LoginSession::Unknown,
        own,
        LoginSession::Ended,
    ]
}

/// Every question that [`compare`] asks and that has an answer in each file.
const QUESTIONS: usize = 4 * (4 + 8);

#[test]
fn every_index_that_the_program_writes_is_read_fast_and_right() {
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..40 {
        let text = contents::write(&contents(&mut random)).unwrap();
        assert!(compare(text.as_bytes(), &logins()) >= QUESTIONS, "{text}");
    }
}

#[test]
fn fast_reader_agrees_with_the_full_reader_for_any_file() {
    let mut random = fastrand::Rng::with_seed(12);
    let (mut answered, mut silent) = (0, 0);
    for number in 0..1600 {
        let mut text = contents::write(&contents(&mut random))
            .unwrap()
            .into_bytes();
        for _ in 0..random.usize(1..3) {
            damage(&mut text, &mut random);
        }
        match compare(&text, &logins()[number % 4..][..1]) {
            0 => silent += 1,
            _ => answered += 1,
        }
    }
    assert!(answered > 200 && silent > 200, "{answered} and {silent}");
}

/// Damages an index, or writes the same JSON in another form.
fn damage(text: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let swap = |text: &mut Vec<u8>, from: &str, to: &str, all: bool| {
        let whole = String::from_utf8_lossy(text).into_owned();
        let changed = match all {
            true => whole.replace(from, to),
            false => whole.replacen(from, to, 1),
        };
        *text = changed.into_bytes();
    };
    let at = random.usize(..text.len());
    match random.u8(..18) {
        0 => text[at] = random.u8(..),
        1 => drop(text.remove(at)),
        2 => text.insert(at, b",:\"{}[] \\\n0"[random.usize(..11)]),
        3 => text.truncate(at),
        4 => swap(text, "\"tenancy\":{", "\"tenancy\": {", random.bool()),
        5 => swap(
            text,
            "\"store\":\"memory\"",
            "\"store\":\"m\\u0065mory\"",
            random.bool(),
        ),
        6 => swap(
            text,
            "\"authority_host\":\"login.test\",\"tenant\":\"organizations\"",
            "\"tenant\":\"organizations\",\"authority_host\":\"login.test\"",
            random.bool(),
        ),
        7 => swap(
            text,
            "\"client_id\":\"another\"",
            "\"client_id\":\"ours\"",
            random.bool(),
        ),
        8 => swap(text, ",\"active\":true", "", true),
        9 => swap(
            text,
            "\"clock\":null",
            "\"clock\":null,\"active\":true",
            true,
        ),
        10 => swap(text, "adam-uid", "ada-uid", true),
        11 => swap(text, "\"can_renew\":true", "\"can_renew\":1", random.bool()),
        12 => swap(text, "},\n", "}\n", false),
        13 => swap(text, "}\n]", "},\n]", random.bool()),
        14 => swap(
            text,
            "\"store\":\"keyring\"",
            "\"store\":\"keyring\",\"store\":\"memory\"",
            true,
        ),
        // An entry with something behind it.
        15 => swap(text, "}\n", "}x\n", random.bool()),
        16 => swap(text, "},\n", "}{},\n", false),
        _ => {
            // A line twice, or another line gone.
            let whole = String::from_utf8_lossy(text).into_owned();
            let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
            let line = random.usize(..lines.len());
            match random.bool() {
                true => lines.insert(line, lines[random.usize(..lines.len())]),
                false => drop(lines.remove(line)),
            }
            *text = lines.concat().into_bytes();
        }
    }
    if text.is_empty() {
        text.push(b'\n');
    }
}

#[test]
fn repair_writes_no_file_that_is_missing_or_valid() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join(search::NAME);
    let index_file = IndexStorage::new(Some(&crate::files::Folder::new(folder.path())));
    index_file.repair().unwrap();
    assert!(!path.exists());
    let text = contents::write(&Contents::default()).unwrap();
    let other_form = text.replace('\n', "\n ");
    std::fs::write(&path, &other_form).unwrap();
    index_file.repair().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), other_form);
}

//! How many tokens a session keeps, and which go if there are too many.

use super::*;

fn source(number: usize) -> CommunicationTokenSource {
    CommunicationTokenSource {
        endpoint: format!("https://r{number}.communication.azure.com"),
        exchange: ExchangeKind::Key,
        scopes: vec![format!("scope-{number}")],
    }
}

fn at(seconds: usize) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + seconds as i64)
}

/// Keeps a token of each kind for this source, in the usual size.
fn keep(record: &mut Record, number: usize, expires_on: Timestamp) {
    record.keep_entra_token(CachedEntraToken {
        token: EntraToken::new("e".repeat(2200)),
        scopes: source(number).scopes,
        expires_on,
    });
    record.keep_communication_token(CachedCommunicationToken {
        token: CommunicationToken::new("c".repeat(1300)),
        source: source(number),
        expires_on,
    });
}

fn kept(record: &Record) -> Vec<usize> {
    (0..1000)
        .filter(|number| record.communication_token(&source(*number)).is_some())
        .filter(|number| record.entra_token(&source(*number).scopes).is_some())
        .collect()
}

fn bare() -> Record {
    let mut record = record("ada");
    record.entra_tokens.clear();
    record.communication_tokens.clear();
    record
}

#[test]
fn sources_that_are_used_in_turn_do_not_evict_one_another() {
    for count in [1, 5, 20, 64] {
        let mut record = bare();
        for round in 0..3 {
            for number in 0..count {
                keep(&mut record, number, at(round * count + number));
            }
        }
        assert_eq!(kept(&record), (0..count).collect::<Vec<_>>());
    }
}

#[test]
fn token_that_expires_first_is_evicted_and_never_the_new_one() {
    let mut record = bare();
    for number in 0..64 {
        let life = if number == 30 { 1 } else { 1000 };
        keep(&mut record, number, at(life));
    }
    keep(&mut record, 64, at(0));
    let mut expected: Vec<_> = (0..=64).filter(|number| *number != 30).collect();
    assert_eq!(kept(&record), expected, "the shortest of the others went");
    keep(&mut record, 65, at(1000));
    expected.retain(|number| *number != 64);
    expected.push(65);
    assert_eq!(kept(&record), expected);
    keep(&mut record, 66, at(1000));
    expected.retain(|number| *number != 0);
    expected.push(66);
    assert_eq!(kept(&record), expected, "of equals, the oldest");
}

#[test]
fn a_record_of_an_earlier_version_with_four_tokens_is_read_and_grows() {
    let mut record = bare();
    for number in 0..4 {
        keep(&mut record, number, at(0));
    }
    let mut record = Record::from_bytes(&record.to_bytes().unwrap()).unwrap();
    keep(&mut record, 4, at(0));
    assert_eq!(kept(&record).len(), 5);
}

/// A store double with a quota for all items, as the kernel's keyring has for each user.
struct Quota(Arc<MemoryStore>, usize);

impl TokenStore for Quota {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        self.0.load(item)
    }
    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        match value.expose().len() > self.1 {
            true => Err(Error::new(Kind::Store, "no room", "make room")),
            false => self.0.save(item, value),
        }
    }
    fn delete(&self, item: &str) -> Result<bool> {
        self.0.delete(item)
    }
    fn items(&self) -> Result<Vec<String>> {
        self.0.items()
    }
    fn is_persistent(&self) -> bool {
        true
    }
    fn removal_by_hand(&self, item: &str) -> String {
        format!("dig out `{item}`")
    }
    fn lacks_room(&self, failure: &Error) -> bool {
        failure.message() == "no room"
    }
}

#[test]
fn store_without_space_keeps_the_session_and_the_longest_lived_tokens() {
    let folder = TempDir::new().unwrap();
    let sessions = |bytes: usize| {
        let store = Quota(Arc::new(MemoryStore::new()), bytes);
        SessionStore::new(Box::new(store), Some(folder.path().to_owned()))
    };
    let mut full = bare();
    for number in 0..30 {
        keep(&mut full, number, at(number));
    }
    let roomy = sessions(20_000);
    save(&roomy, &full);
    let written = roomy.load(&full.key()).unwrap().unwrap();
    assert_eq!(kept(&written), [25, 26, 27, 28, 29]);
    assert_eq!(written.refresh_token, full.refresh_token);
    let entry = roomy.active(&application()).unwrap().unwrap();
    assert_eq!(
        entry.communication_tokens.len(),
        written.communication_tokens.len()
    );
    assert_eq!(entry.entra_tokens.len(), written.entra_tokens.len());

    // The newest of each kind is what the command has just got: without room for that, it fails.
    let tight = sessions(4500);
    save(&tight, &full);
    assert_eq!(kept(&tight.load(&full.key()).unwrap().unwrap()), [29]);
    let none = sessions(2000);
    let error = none.save(&full, &lock(&none, &full)).unwrap_err();
    assert_eq!(error.message(), "no room");
}

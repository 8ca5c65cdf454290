//! A process of its own over a store: this test binary again, told what to do.
//!
//! The store, and the `keyring` crate beside it, read the environment and keep one connection for the whole process, so
//! no two cases may share one.

use super::deadline::Deadline;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use acspass::account::{Account, EntraApplication, SessionKey};
use acspass::secret::{RefreshToken, SecretBytes};
use acspass::store::{
    Activity, FileStore, Guard, KeyringStore, LockAttempt, LockTarget, Record, SessionStore,
    ShortLifetimeNote, TokenStore,
};

/// The test that is no test but calls [`obey_parent`].
const CHILD_TEST: &str = "secret_service::a_child_process_does_what_its_parent_ordered";

const ORDERS: &str = "ACSPASS_TEST_STORE_ORDERS";

/// Does what the parent process ordered, where there is one.
#[expect(
    clippy::disallowed_methods,
    reason = "the orders of the parent process"
)]
pub(crate) fn obey_parent() {
    let Ok(orders) = std::env::var(ORDERS) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    // Calls are made from within a runtime, as the session room may make them.
    runtime.expect("a runtime").block_on(async {
        let store = KeyringStore::new();
        for order in orders.split(';') {
            obey(&store, order);
        }
    });
}

fn obey(store: &KeyringStore, order: &str) {
    let words: Vec<&str> = order.split(' ').collect();
    let outcome = match words[..] {
        ["save", item, size] => store
            .save(item, &SecretBytes::new(content(size)))
            .map(|()| "saved".to_owned()),
        ["load", item, size] => store.load(item).map(|loaded| match loaded {
            Some(bytes) if bytes.expose() == content(size) => "same".to_owned(),
            Some(_) => "other".to_owned(),
            None => "none".to_owned(),
        }),
        ["delete", item] => store
            .delete(item)
            .map(|existed| format!("deleted {existed}")),
        ["items"] => store.items().map(|items| items.join(" ")),
        ["crate-save", item, size] => {
            through_the_crate(item)
                .set_secret(&content(size))
                .expect("the crate saves");
            Ok("saved".to_owned())
        }
        ["crate-load", item, size] => {
            let bytes = through_the_crate(item)
                .get_secret()
                .expect("the crate loads");
            Ok(if bytes == content(size) {
                "same"
            } else {
                "other"
            }
            .to_owned())
        }
        ["probe"] => SessionStore::new(Box::new(KeyringStore::new()), None)
            .probe()
            .map(|()| "probed".to_owned()),
        ["pause"] => {
            let mut line = String::new();
            tell("paused");
            std::io::stdin().read_line(&mut line).expect("the parent");
            return;
        }
        ["renew", store, folder] => renew(sessions(store, folder)),
        ["await"] => {
            let hangs = |error: &acspass::Error| error.message().contains("timed out");
            let deadline = Deadline::start();
            while store.load("item").is_err_and(|error| hangs(&error)) {
                deadline.pass("the store answers");
            }
            return;
        }
        _ => panic!("an order that nobody understands: {order}"),
    };
    let outcome = outcome.unwrap_or_else(|error| {
        format!(
            "{} | {} | {}",
            error.kind().as_str(),
            error.message(),
            error.hint()
        )
    });
    tell(&outcome);
}

#[expect(
    clippy::disallowed_methods,
    reason = "what another program of the crate's does"
)]
fn through_the_crate(item: &str) -> keyring::v1::Entry {
    keyring::v1::Entry::new("acspass", item).expect("an entry")
}

#[expect(clippy::print_stdout, reason = "how the parent process is told")]
fn tell(outcome: &str) {
    println!("outcome: {outcome}");
}

/// A vault in this state folder. The file store's key lies there too.
pub(crate) fn sessions(store: &str, folder: &str) -> SessionStore {
    let folder = PathBuf::from(folder);
    let store: Box<dyn TokenStore> = match store {
        "keyring" => Box::new(KeyringStore::new()),
        "file" => Box::new(FileStore::with_key_file(&folder, folder.join("key"))),
        _ => panic!("no such store: {store}"),
    };
    SessionStore::new(store, Some(folder))
}

pub(crate) fn key() -> SessionKey {
    SessionKey {
        application: EntraApplication::new("login.example", "organizations", "a-client"),
        home_account_id: "ada.utid".to_owned(),
    }
}

/// Takes the lock of a session, for which a killed process is no obstacle. The parent can hold it for a moment: reading
/// mends the index under the lock, and a process that another test is starting has a copy of it until it runs its own
/// program. `None` after 10 s.
fn lock(sessions: &SessionStore, target: &LockTarget) -> Result<Option<Guard>, acspass::Error> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if let LockAttempt::Acquired(guard) = sessions.try_lock(target, Activity::Renewing)? {
            return Ok(Some(guard));
        }
        std::thread::yield_now();
    }
    Ok(None)
}

/// Replaces the session by its next generation, over and over, until the process is killed.
fn renew(sessions: SessionStore) -> Result<String, acspass::Error> {
    let key = key();
    loop {
        let Some(guard) = lock(&sessions, &LockTarget::Session(key.clone()))? else {
            return Ok("held".to_owned());
        };
        let mut record = sessions.load(&key)?.unwrap_or_else(|| {
            let account = Account {
                home_account_id: key.home_account_id.clone(),
                username: "ada@contoso.example".to_owned(),
                tenant_id: "a-tenant".to_owned(),
                object_id: "an-oid".to_owned(),
            };
            Record::new(key.application.clone(), account)
        });
        let generation = number(record.short_lifetime) + 1;
        record.short_lifetime = Some(ShortLifetimeNote {
            redeemed_at_seconds: generation,
            life_seconds: 1,
        });
        record.refresh_token = Some(refresh_token(generation));
        sessions.save(&record, &guard)?;
        tell(&generation.to_string());
    }
}

/// A number that the record and its index entry both carry.
pub(crate) fn number(short_lifetime: Option<ShortLifetimeNote>) -> i64 {
    short_lifetime.map_or(0, |short| short.redeemed_at_seconds)
}

/// Long enough that a torn one would show.
fn refresh_token(generation: i64) -> RefreshToken {
    RefreshToken::new(format!("{generation} ").repeat(2000))
}

/// The generation of a session that is whole.
pub(crate) fn generation(record: &Record) -> i64 {
    let generation = number(record.short_lifetime);
    let whole = record.refresh_token == Some(refresh_token(generation));
    assert!(whole, "generation {generation} is torn");
    generation
}

pub(crate) fn content(size: &str) -> Vec<u8> {
    let size: u32 = size.parse().expect("a size");
    // Every byte value occurs, so what is kept is bytes and not text.
    (0..size)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

pub(crate) struct Run {
    child: Child,
    output: BufReader<ChildStdout>,
    start: Instant,
}

impl Run {
    pub(crate) fn start(env: &[(String, String)], orders: &str) -> Self {
        let binary = std::env::current_exe().expect("this test binary");
        Run::start_by(Command::new(binary), env, orders)
    }

    /// Starts a process that can write no file beyond some kilobytes, as on a full disk.
    pub(crate) fn start_without_room(orders: &str) -> Self {
        // In blocks of 512 bytes. What it writes beyond fails, where the signal is ignored.
        let limit = "trap '' XFSZ; ulimit -f 10; exec \"$0\" \"$@\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", limit]);
        shell.arg(std::env::current_exe().expect("this test binary"));
        Run::start_by(shell, &[], orders)
    }

    fn start_by(mut program: Command, env: &[(String, String)], orders: &str) -> Self {
        let mut child = program
            .args(["--ignored", "--exact", CHILD_TEST])
            .args(["--nocapture", "--test-threads=1"])
            .env_clear()
            .envs(env.iter().cloned())
            .env(ORDERS, orders)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test binary starts again");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Run {
            child,
            output,
            start: Instant::now(),
        }
    }

    pub(crate) fn next(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.output.read_line(&mut line).expect("text"),
                0,
                "it has ended early"
            );
            if let Some((_, outcome)) = line.split_once("outcome: ") {
                return outcome.trim().to_owned();
            }
        }
    }

    pub(crate) fn go_on(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("its input");
        stdin.write_all(b"\n").expect("it waits for this");
    }

    /// Kills the process where it stands, or has ended.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it has ended");
    }

    /// Waits for the end, and says when it came.
    pub(crate) fn end(mut self) -> Duration {
        std::io::copy(&mut self.output, &mut std::io::sink()).expect("its output ends");
        assert!(self.child.wait().expect("it ends").success());
        self.start.elapsed()
    }
}

pub(crate) fn outcome(env: &[(String, String)], order: &str) -> String {
    let mut run = Run::start(env, order);
    let outcome = run.next();
    run.end();
    outcome
}

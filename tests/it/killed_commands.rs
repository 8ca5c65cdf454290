//! A command that is killed at any instant loses no session: `store migrate`, `session import` and
//! `profile delete`, over sealed files and a real Secret Service.
//!
//! The instants are spread evenly over the duration of the command. `ACSPASS_TEST_KILLS` sets their
//! number for each command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use acspass::account::{Account, EntraApplication, SessionKey};
use acspass::secret::{RefreshToken, SecretBytes};
use acspass::store::{Activity, LockAttempt, LockTarget, Record, create_key_file};
use acspass::time::Timestamp;
use tempfile::TempDir;

use crate::harness::Deadline;
use crate::harness::secret_service::SecretService;
use crate::harness::store_process::sessions;

const USERS: [&str; 4] = ["ada", "ben", "eve", "zoe"];
const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

#[expect(clippy::disallowed_methods, reason = "the number of kills")]
fn kills() -> u32 {
    let number = std::env::var("ACSPASS_TEST_KILLS").ok();
    number.map_or(25, |number| number.parse().expect("a number of kills"))
}

/// A machine with one folder for state and settings, a key file and a keyring.
struct Machine {
    folder: TempDir,
    service: SecretService,
}

impl Machine {
    fn start() -> Machine {
        let folder = TempDir::new().expect("a folder");
        create_key_file(&folder.path().join("key")).expect("a key");
        let service = SecretService::start();
        Machine { folder, service }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self) -> &str {
        self.folder.path().to_str().expect("a plain path")
    }

    fn configure(&self, text: &str) {
        fs::write(self.path("config.toml"), text).expect("the settings");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_acspass"));
        command.args(words).env_clear().envs(self.service.env());
        command.env("HOME", self.folder.path());
        command.env("ACSPASS_CONFIG_DIR", self.folder.path());
        command.env("ACSPASS_STATE_DIR", self.folder.path());
        command.env("ACSPASS_STORE_KEY_FILE", self.path("key"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Runs a command to its end, and returns its duration. A keyring on a busy machine may not answer
    /// in time: then the next run continues, as after a kill.
    #[track_caller]
    fn run(&self, words: &[&str]) -> Duration {
        let deadline = Deadline::start();
        loop {
            let start = Instant::now();
            let output = self.command(words).output().expect("acspass");
            if output.status.success() {
                return start.elapsed();
            }
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("timed out after 5 s"), "{words:?}: {said}");
            deadline.pass("the keyring answers");
        }
    }

    /// Kills a command at this instant. Returns whether it was still running.
    fn kill(&self, words: &[&str], after: Duration) -> bool {
        let start = Instant::now();
        let mut child = self
            .command(words)
            .stderr(Stdio::null())
            .spawn()
            .expect("acspass");
        while start.elapsed() < after {
            std::hint::spin_loop();
        }
        let was_running = child.try_wait().expect("a child").is_none();
        child.kill().expect("it is ours to kill");
        child.wait().expect("it has ended");
        was_running
    }

    /// Saves a session in sealed files.
    fn seed(&self, user: &str, generation: u32) {
        let sessions = sessions("file", self.state());
        let target = LockTarget::Session(key(user));
        let LockAttempt::Acquired(guard) = sessions
            .try_lock(&target, Activity::Renewing)
            .expect("a lock")
        else {
            panic!("the lock is free");
        };
        sessions
            .save(&record(user, generation), &guard)
            .expect("a saved session");
    }

    /// Returns the generation of a session that is whole in this store and listed there; `None` if
    /// the store has no such session.
    fn generation(&self, store: &str, user: &str) -> Option<u32> {
        let key = key(user);
        let sessions = sessions(store, self.state());
        let found = match store {
            "keyring" => {
                let bytes = self.service.lookup(&key.item_name());
                (!bytes.is_empty())
                    .then(|| Record::from_bytes(&SecretBytes::new(bytes)).expect("a whole session"))
            }
            _ => sessions.load(&key).expect("a readable store"),
        }?;
        let issue = found.refresh_token_issue.expect("an issue");
        let whole = record(user, issue.number);
        assert_eq!(found.refresh_token, whole.refresh_token, "{user} is torn");
        Some(issue.number)
    }

    fn is_listed(&self, store: &str, user: &str) -> bool {
        let index = sessions(store, self.state()).index().expect("an index");
        index.entry(&key(user)).is_some()
    }

    fn configured_store(&self) -> String {
        let output = self
            .command(&["config", "get", "store"])
            .stdout(Stdio::piped())
            .output();
        let text = output.expect("acspass").stdout;
        String::from_utf8(text).expect("text").trim().to_owned()
    }
}

fn key(user: &str) -> SessionKey {
    SessionKey {
        application: EntraApplication::new("login.microsoftonline.com", "contoso.com", CLIENT),
        home_account_id: format!("{user}.utid"),
    }
}

/// Long enough that a torn one would show.
fn record(user: &str, generation: u32) -> Record {
    let key = key(user);
    let account = Account {
        home_account_id: key.home_account_id.clone(),
        username: format!("{user}@contoso.com"),
        tenant_id: "a-tenant".to_owned(),
        object_id: format!("{user}-oid"),
    };
    let mut record = Record::new(key.application, account);
    for number in 0..=generation {
        let token = format!("{user}-{number}-").repeat(800);
        record.keep_refresh_token(
            RefreshToken::new(token),
            Timestamp::from_unix_seconds(1_800_000_000 + i64::from(number)),
        );
    }
    record
}

fn settings(store: &str) -> String {
    format!(
        "[profile.default]\ntenant = \"contoso.com\"\nclient-id = \"{CLIENT}\"\nstore = \"{store}\"\n"
    )
}

/// Reports the figures of a test with many kills.
#[expect(clippy::print_stderr, reason = "figures")]
fn report(command: &str, running: u32, unfinished: u32) {
    let kills = kills();
    eprintln!(
        "{command}: {kills} kills, {running} of a running process, {unfinished} of unfinished work"
    );
    assert!(running > 0, "no process was still running");
}

#[test]
fn killed_migration_leaves_each_session_whole_and_the_next_run_continues() {
    let machine = Machine::start();
    machine.configure(&settings("file"));
    for user in USERS {
        machine.seed(user, 1);
    }
    let names = |store: &str| if store == "file" { "keyring" } else { "file" };
    let durations = ["keyring", "file"].map(|to| machine.run(&["store", "migrate", to]));
    let duration = durations.into_iter().max().expect("two runs") * 5 / 4;
    let (mut running, mut unfinished) = (0, 0);
    let mut from = "file";
    for round in 0..kills() {
        let to = names(from);
        let migrate = ["store", "migrate", to];
        running += u32::from(machine.kill(&migrate, duration * round / kills()));
        let configured = machine.configured_store();
        for user in USERS {
            let found = machine.generation(&configured, user);
            assert_eq!(found, Some(1), "round {round}: {user} is in {configured}");
            assert!(
                machine.is_listed(&configured, user),
                "round {round}: {user}"
            );
        }
        unfinished += u32::from(machine.path("migration.json").exists());
        machine.run(&migrate);
        assert_eq!(machine.configured_store(), to);
        for user in USERS {
            assert_eq!(
                machine.generation(to, user),
                Some(1),
                "round {round}: {user}"
            );
            assert_eq!(
                machine.generation(from, user),
                None,
                "round {round}: {user}"
            );
            assert!(!machine.is_listed(from, user), "round {round}: {user}");
        }
        assert!(!machine.path("migration.json").exists());
        let index = sessions(to, machine.state()).index().expect("an index");
        let active = index
            .active(&key("ada").application)
            .map(|entry| entry.key());
        assert_eq!(
            active,
            Some(key("ada")),
            "round {round}: the active account"
        );
        from = to;
    }
    report("store migrate", running, unfinished);
    assert!(unfinished > 0, "no migration was interrupted");
    assert_no_leftovers(machine.folder.path());
}

#[test]
fn killed_import_leaves_the_old_session_or_the_new_one() {
    let machine = Machine::start();
    machine.configure(&settings("file"));
    create_key_file(&machine.path("export.key")).expect("a key");
    let export_key = machine.path("export.key");
    let export_key = export_key.to_str().expect("a plain path");
    let exports = [1, 2].map(|generation| {
        machine.seed("ada", generation);
        let file = machine.path(&format!("ada-{generation}"));
        let file = file.to_str().expect("a plain path").to_owned();
        machine.run(&["session", "export", "--key-file", export_key, &file]);
        file
    });
    for user in USERS {
        machine.seed(user, 1);
    }
    for store in ["file", "keyring"] {
        if store == "keyring" {
            machine.run(&["store", "migrate", store]);
        }
        let import = |place: usize| -> Vec<&str> {
            vec![
                "session",
                "import",
                "--force",
                "--key-file",
                export_key,
                &exports[place],
            ]
        };
        let duration = machine.run(&import(1)).max(machine.run(&import(0))) * 5 / 4;
        let (mut running, mut unfinished) = (0, 0);
        let mut before = Some(1);
        for round in 0..kills() {
            // Also over no session of the account.
            if round % 3 == 2 {
                machine.run(&["logout", "--account", "ada"]);
                before = None;
            }
            let place = usize::from(before == Some(1));
            let new = place as u32 + 1;
            running += u32::from(machine.kill(&import(place), duration * round / kills()));
            let found = machine.generation(store, "ada");
            assert!(
                found == before || found == Some(new),
                "round {round}: {found:?}"
            );
            unfinished += u32::from(found == before || !machine.is_listed(store, "ada"));
            for other in &USERS[1..] {
                assert_eq!(machine.generation(store, other), Some(1), "round {round}");
                assert!(machine.is_listed(store, other), "round {round}: {other}");
            }
            machine.run(&import(place));
            assert_eq!(machine.generation(store, "ada"), Some(new), "round {round}");
            assert!(machine.is_listed(store, "ada"), "round {round}");
            before = Some(new);
        }
        report(&format!("session import into {store}"), running, unfinished);
    }
    assert_no_leftovers(machine.folder.path());
}

#[test]
fn killed_deletion_of_a_profile_leaves_each_session_and_readable_settings() {
    let machine = Machine::start();
    machine.configure(&settings("file"));
    for user in USERS {
        machine.seed(user, 1);
    }
    let secret = "connection-string of profile work";
    let text = settings("file");
    let work = text.replace("default", "work")
        + "endpoint = \"https://contoso.communication.azure.com\"\nconnection-string = \"stored\"\n";
    let delete = ["profile", "delete", "work"];
    let prepare = || {
        machine.configure(&format!("{text}{work}"));
        let bytes = SecretBytes::new(b"endpoint=https://contoso.communication.azure.com".to_vec());
        sessions("file", machine.state())
            .save_secret(secret, &bytes)
            .expect("a saved secret");
    };
    prepare();
    let duration = machine.run(&delete) * 5 / 4;
    let (mut running, mut unfinished) = (0, 0);
    for round in 0..kills() {
        prepare();
        running += u32::from(machine.kill(&delete, duration * round / kills()));
        machine.run(&["profile", "list"]);
        for user in USERS {
            assert_eq!(
                machine.generation("file", user),
                Some(1),
                "round {round}: {user}"
            );
            assert!(machine.is_listed("file", user), "round {round}: {user}");
        }
        let left = fs::read_to_string(machine.path("config.toml")).expect("the settings");
        let is_there = left.contains("[profile.work]");
        let stored = sessions("file", machine.state())
            .load_secret(secret)
            .expect("a store");
        // No secret stays without a setting that names it.
        assert!(is_there || stored.is_none(), "round {round}");
        unfinished += u32::from(is_there);
        if is_there {
            machine.run(&delete);
        }
    }
    report("profile delete", running, unfinished);
    assert_no_leftovers(machine.folder.path());
}

/// No file was unreadable, and each killed writer's draft was replaced.
fn assert_no_leftovers(folder: &Path) {
    for folder in [folder.to_owned(), folder.join("sealed")] {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let unreadable = names.iter().filter(|name| name.contains("unreadable"));
        assert_eq!(unreadable.count(), 0, "{names:?}");
    }
}

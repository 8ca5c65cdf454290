//! The settings, the index and the sealed sessions of earlier programs are used, and none of them is lost.
//!
//! Each folder is what a program of that day left after `config set` (tenant, client id, authority host, store
//! and connection string), `login` and `get` on an emulator at port 18485. Files without content are left out.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use acspass::emulator::{Emulator, Options};
use acspass::time::{SettableClock, Timestamp};

use crate::harness::Home;

/// The port of the authority that the sessions are bound to.
const PORT: u16 = 18485;
/// A day after the sign-ins: their access tokens are expired, and their refresh tokens, which are valid for 90
/// days, are not.
const NOW: i64 = 1_795_930_000;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, Permissions::from_mode(0o700)).expect("its mode");
    for entry in fs::read_dir(from).expect("a recorded folder") {
        let entry = entry.expect("an entry");
        let copied = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &copied);
        } else {
            fs::write(&copied, fs::read(entry.path()).expect("a file")).expect("its copy");
            fs::set_permissions(&copied, Permissions::from_mode(0o600)).expect("its mode");
        }
    }
}

#[test]
fn sessions_and_settings_of_earlier_programs_are_used_and_stay() {
    let clock = SettableClock::new(Timestamp::from_unix_seconds(NOW));
    let options = Options {
        http_port: PORT,
        clock: Arc::new(clock.clone()),
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator at the recorded port"));
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/upgrade");
    for version in ["november-21", "november-27"] {
        let mut home = Home::new();
        home.sweep.watch(Arc::downgrade(&emulator));
        copy(&recorded.join(version), home.path());
        let key = home.path().join("key").display().to_string();
        home.set("ACSPASS_STORE_KEY_FILE", &key);
        let settings = fs::read_to_string(home.config_file()).expect("the settings");
        let run = |words: &[&str]| home.call(words).by_clock(&clock).run();

        let accounts = run(&["account", "list"]).stdout;
        assert!(accounts.contains("ada@contoso.example"), "{accounts}");
        run(&["status"]).assert_code(0);
        let got = run(&["get", "--no-interactive"]);
        got.assert_code(0);
        assert!(got.stdout.starts_with("eyJ"), "{version}: a token");
        let cached = run(&["get", "--no-interactive"]);
        assert!(cached.stdout == got.stdout, "{version}: the token is kept");
        let unchanged = fs::read_to_string(home.config_file()).expect("the settings");
        assert_eq!(unchanged, settings, "{version}");
        run(&["logout"]).assert_code(0);
        run(&["get", "--no-interactive"]).assert_code(4);
    }
}

//! The state folder: index, locks, sealed files and the service's folder.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Stdio};

use super::{assert_untouched, precious, run};
use crate::harness::users::{ADA, EVE, Ended, Machine, owner_and_mode, set_mode};

#[test]
fn state_folder_that_another_user_made_first_is_refused() {
    let machine = Machine::new();
    let planted = machine.shared().join("acspass");
    EVE.sh("mkdir -m 777 \"$1\"", &[&planted]);
    for mode in [0o777, 0o755] {
        set_mode(&planted, mode);
        for words in [
            &["status"][..],
            &["get", "--no-interactive"],
            &["account", "list"],
            &["serve", "--port", "0"],
            &["serve", "--open"],
            &["exec", "--", "true"],
            &["logout", "--all"],
        ] {
            let ended = run(ADA, &machine, &[("ACSPASS_STATE_DIR", &planted)], words);
            ended.assert_code(7).assert_says(&[
                "belongs to another user (uid 61002)",
                "hint: Set ACSPASS_STATE_DIR to a folder of your own.",
            ]);
        }
    }
    let left: Vec<_> = fs::read_dir(&planted).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn state_folder_behind_another_users_link_is_refused() {
    let machine = Machine::new();
    let own = machine.home(ADA).join("state");
    ADA.sh("mkdir -m 700 \"$1\"", &[&own]);
    let link = machine.shared().join("link");
    EVE.sh("ln -s \"$1\" \"$2\"", &[&own, &link]);
    for named in [link.clone(), link.join("")] {
        let ended = run(ADA, &machine, &[("ACSPASS_STATE_DIR", &named)], &["status"]);
        ended
            .assert_code(7)
            .assert_says(&["the link", "(uid 61002)"]);
    }
    fs::remove_file(&link).expect("root removes it");
    ADA.sh("ln -s \"$1\" \"$2\"", &[&own, &link]);
    run(ADA, &machine, &[("ACSPASS_STATE_DIR", &link)], &["status"]).assert_code(4);
}

#[test]
fn own_state_folder_that_others_can_write_to_is_refused_with_the_repair() {
    let machine = Machine::new();
    let own = machine.home(ADA).join("state");
    ADA.sh("mkdir \"$1\"", &[&own]);
    let state: &[(&str, &Path)] = &[("ACSPASS_STATE_DIR", &own)];
    for mode in [0o777, 0o770, 0o1777] {
        set_mode(&own, mode);
        let ended = run(ADA, &machine, state, &["status"]);
        let repair = format!("chmod go-w {}", own.display());
        ended
            .assert_code(7)
            .assert_says(&["other users can write to the folder", &repair]);
        ADA.sh(&repair, &[]);
        if mode != 0o1777 {
            run(ADA, &machine, state, &["status"]).assert_code(4);
        }
    }
}

#[test]
fn planted_lock_link_truncates_no_file() {
    let machine = Machine::new();
    let precious = precious(&machine);
    let key = machine.home(ADA).join("key");
    ADA.sh("umask 077; head -c 32 /dev/urandom > \"$1\"", &[&key]);
    let with_store = |state: &Path| {
        let variables = [
            ("ACSPASS_STATE_DIR", state.as_os_str()),
            ("ACSPASS_STORE", OsStr::new("file")),
            ("ACSPASS_STORE_KEY_FILE", key.as_os_str()),
        ];
        let words = ["get", "--emulator", "--force-refresh"];
        Ended::of(ADA.acspass(&machine, &variables).args(words))
    };
    // Where the locks are, as a run of Ada's shows.
    let own = machine.home(ADA).join("state");
    with_store(&own).assert_code(0);
    let names: Vec<_> = fs::read_dir(own.join("emulator/locks"))
        .expect("the locks")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(!names.is_empty());
    let planted = machine.shared().join("acspass");
    let locks = planted.join("emulator/locks");
    let serve = planted.join("emulator/serve");
    EVE.sh("umask 0; mkdir -p \"$1\" \"$2\"", &[&locks, &serve]);
    for name in &names {
        EVE.sh("ln -s \"$1\" \"$2\"", &[&precious, &locks.join(name)]);
    }
    for link in [serve.join("lock"), planted.join("emulator/index.lock")] {
        EVE.sh("ln -s \"$1\" \"$2\"", &[&precious, &link]);
    }
    with_store(&planted).assert_code(7);
    assert_untouched(&precious);
    let state: &[(&str, &Path)] = &[("ACSPASS_STATE_DIR", &planted)];
    let words = ["serve", "--emulator", "--port", "0"];
    run(ADA, &machine, state, &words).assert_code(7);
    assert_untouched(&precious);
    // Neither does a link in a folder of Ada's own, for instance one that an archive brought.
    for name in &names {
        let lock = own.join("emulator/locks").join(name);
        ADA.sh("ln -sf \"$1\" \"$2\"", &[&precious, &lock]);
    }
    with_store(&own)
        .assert_code(7)
        .assert_says(&["is a symbolic link"]);
    assert_untouched(&precious);
}

/// A process of Eve's that holds the lock of this file.
struct LockHolder(Child);

impl LockHolder {
    fn of(path: &Path) -> LockHolder {
        let script = "exec 9<>\"$1\"; flock 9; echo held; exec cat";
        let mut child = EVE
            .command("sh")
            .args(["-c", script, "sh"])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("a line");
        assert_eq!(line, "held\n", "flock, of util-linux");
        LockHolder(child)
    }
}

impl Drop for LockHolder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn planted_service_receives_no_file_and_no_command_hears_of_it() {
    let machine = Machine::new();
    let precious = precious(&machine);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it does not wait");
    let port = listener.local_addr().expect("an address").port();
    let planted = machine.shared().join("acspass");
    let told = serde_json::json!({
        "pid": 1,
        "url": format!("http://127.0.0.1:{port}"),
        "secretFile": precious,
        "socket": null,
    });
    let mut holders = Vec::new();
    for serve in [planted.join("serve"), planted.join("emulator/serve")] {
        EVE.sh("umask 0; mkdir -p \"$1\"", &[&serve]);
        let lock = serve.join("lock");
        fs::write(&lock, told.to_string()).expect("it is planted");
        set_mode(&lock, 0o666);
        chown(&lock, Some(EVE.id), Some(EVE.id)).expect("it is Eve's");
        holders.push(LockHolder::of(&lock));
    }
    let state: &[(&str, &Path)] = &[("ACSPASS_STATE_DIR", &planted)];
    let words = ["serve", "--open"];
    run(ADA, &machine, state, &words)
        .assert_code(7)
        .assert_says(&["belongs to another user (uid 61002)"]);
    let was_sent_to = listener.accept().is_ok();
    assert!(!was_sent_to, "the planted address received a connection");
    let words = [
        "exec",
        "--emulator",
        "--",
        "sh",
        "-c",
        "echo ${ACSPASS_SERVE_URL-none}",
    ];
    let state = [state[0], ("ACSPASS_STORE", Path::new("memory"))];
    let ended = run(ADA, &machine, &state, &words);
    ended
        .assert_code(0)
        .assert_says(&["the command gets no address of a token service"]);
    assert_eq!(ended.stdout, "none\n");
}

#[test]
fn fifo_in_the_place_of_a_file_makes_no_command_wait() {
    let machine = Machine::new();
    let state = machine.home(ADA).join("state");
    let config = machine.home(ADA).join("config");
    ADA.sh(
        "mkdir -m 700 \"$@\"",
        &[&state, &state.join("serve"), &config],
    );
    let folders: &[(&str, &Path)] = &[
        ("ACSPASS_STATE_DIR", &state),
        ("ACSPASS_CONFIG_DIR", &config),
    ];
    for (path, code, words) in [
        ("state/index.json", 7, &["status"][..]),
        ("state/index.lock", 7, &["logout", "--all"]),
        ("state/serve/lock", 7, &["serve", "--port", "0"]),
        ("state/serve/lock", 7, &["serve", "--open"]),
        ("config/config.toml", 2, &["config", "list"]),
        (
            "config/config.toml.lock",
            2,
            &["config", "set", "port", "1"],
        ),
    ] {
        let fifo = machine.home(ADA).join(path);
        ADA.sh("mkfifo \"$1\"", &[&fifo]);
        let ended = run(ADA, &machine, folders, words);
        ended
            .assert_code(code)
            .assert_says(&["is not a regular file", "hint: Delete it"]);
        fs::remove_file(&fifo).expect("it is there");
    }
    let key = machine.home(ADA).join("key");
    ADA.sh("mkfifo -m 600 \"$1\"", &[&key]);
    let variables = [
        ("ACSPASS_STORE", OsStr::new("file")),
        ("ACSPASS_STORE_KEY_FILE", key.as_os_str()),
    ];
    let mut get = ADA.acspass(&machine, &variables);
    Ended::of(get.args(["get", "--emulator"])).assert_code(7);
}

#[test]
fn file_of_another_user_in_an_own_folder_is_refused() {
    let machine = Machine::new();
    let home = machine.home(ADA);
    let (state, config) = (home.join("state"), home.join("config"));
    let key = home.join("key");
    ADA.sh("mkdir -m 700 \"$@\"", &[&state, &config]);
    let give = |path: &Path, to: u32| chown(path, Some(to), Some(to)).expect("root gives it");
    let folders: &[(&str, &Path)] = &[
        ("ACSPASS_STATE_DIR", &state),
        ("ACSPASS_CONFIG_DIR", &config),
    ];

    let index = state.join("index.json");
    fs::write(&index, "").expect("an index");
    set_mode(&index, 0o644);
    give(&index, EVE.id);
    let status = || run(ADA, &machine, folders, &["status"]);
    status()
        .assert_code(7)
        .assert_says(&["belongs to another user (uid 61002)"]);
    // Root could do so much more.
    give(&index, 0);
    status().assert_code(4);

    let with_key = || {
        let variables = [
            ("ACSPASS_STATE_DIR", state.as_os_str()),
            ("ACSPASS_STORE", OsStr::new("file")),
            ("ACSPASS_STORE_KEY_FILE", key.as_os_str()),
        ];
        Ended::of(
            ADA.acspass(&machine, &variables)
                .args(["get", "--emulator"]),
        )
    };
    fs::write(&key, [7; 32]).expect("a key");
    set_mode(&key, 0o600);
    give(&key, ADA.id);
    with_key().assert_code(0);
    let sealed = fs::read_dir(state.join("emulator/sealed")).expect("the folder");
    let sealed = sealed
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|ending| ending == "sealed"))
        .expect("a sealed file");
    give(&sealed, EVE.id);
    set_mode(&sealed, 0o644);
    with_key().assert_code(7).assert_says(&["(uid 61002)"]);
    give(&sealed, ADA.id);
    with_key().assert_code(0);
    // Eve's key would open what is sealed from now on; only an access list lets Ada read it.
    give(&key, EVE.id);
    with_key().assert_code(7);
    assert_eq!(owner_and_mode(&key).0, EVE.id);
}

//! What is signed in once stays: the kept token is printed without network, and `logout` forgets.

use std::collections::BTreeSet;
use std::process::Command;

use crate::harness::{Home, TestBrowser};

#[test]
fn after_login_the_second_get_makes_no_request_and_needs_no_emulator() {
    let (home, emulator) = Home::with_keyring();
    let login = home.login();
    assert_eq!(login.stdout, "", "a login prints no result as text");
    login.assert_says(&["Signed in as ada@contoso.example.", "saved in the keyring"]);
    assert!(login.pages[0].html.contains("You are signed in"));

    let first = home.real(&["get"]).token();
    assert_eq!(emulator.count("exchange"), 1);
    assert_eq!(
        emulator.count("refresh_token"),
        0,
        "the Entra token was fresh"
    );
    let requests = emulator.requests();
    assert_eq!(home.real(&["get"]).token(), first);
    assert_eq!(
        emulator.requests(),
        requests,
        "no request for a fresh token"
    );

    drop(emulator);
    assert_eq!(home.real(&["get"]).token(), first);
    home.real(&["status"]).assert_code(0);

    let logout = home.real(&["logout"]);
    logout
        .assert_code(0)
        .assert_says(&["Signed out ada@contoso.example."]);
    assert_eq!(home.keyring().lookup_items(), [""; 0], "no item is left");
    home.real(&["status"]).assert_code(4);
    home.real(&["get"])
        .assert_error(4, &["no account is signed in"]);
}

#[test]
fn one_item_holds_one_account_and_other_programs_find_it() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    home.login_as(&TestBrowser::of("ben@contoso.example"));
    let items = home.keyring().lookup_items();
    assert_eq!(items.len(), 2, "{items:?}");
    home.real(&["logout", "--all"]).assert_code(0);
    assert_eq!(home.keyring().lookup_items(), [""; 0]);
}

#[test]
fn logout_forgets_the_account_that_is_named_and_no_other() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    home.login_as(&TestBrowser::of("ben@contoso.example"));
    home.real(&["logout", "--account", "ADA@contoso.example"])
        .assert_code(0);
    home.real(&["get", "--account", "ben@contoso.example"])
        .token();
    home.real(&["get", "--account", "ada@contoso.example"])
        .assert_error(4, &["`ada@contoso.example` is not signed in"]);
    home.real(&["logout", "--account", "ada@contoso.example"])
        .assert_error(4, &["is not signed in"]);
}

#[test]
fn a_fresh_get_opens_no_socket_but_the_bus_no_ca_file_and_no_more_than_the_keyrings_threads() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let token = home.real(&["get"]).token();

    let trace = home.path().join("trace");
    let run = home
        .call(&["get"])
        .plainly()
        .spawn_under(
            Command::new("strace")
                .args(["-f", "-qq", "-s", "300", "-o"])
                .arg(&trace)
                .args(["-e", "trace=socket,connect,open,openat,clone,clone3,execve"])
                .arg(env!("CARGO_BIN_EXE_acspass")),
            "apt-get install -y strace",
        )
        .end();
    assert_eq!(run.token(), token);
    let trace = std::fs::read_to_string(trace).expect("a trace");
    let calls = |name: &str| -> Vec<&str> {
        let call = format!(" {name}(");
        let lines = trace.lines().filter(|line| line.contains(&call));
        lines.collect()
    };

    let connections = calls("connect");
    assert_eq!(connections.len(), 1, "{connections:?}");
    let bus = home.variables["DBUS_SESSION_BUS_ADDRESS"].clone();
    let bus = bus
        .trim_start_matches("unix:path=")
        .split(',')
        .next()
        .unwrap();
    assert!(connections[0].contains(bus), "{connections:?}");
    let others: Vec<_> = calls("socket")
        .into_iter()
        .filter(|line| !line.contains("AF_UNIX"))
        .collect();
    assert_eq!(others, [""; 0], "no socket but the bus");

    let ca_folders = [
        "/etc/ssl",
        "/etc/pki",
        "/usr/share/ca-certificates",
        "/usr/lib/ssl",
    ];
    let read: BTreeSet<&str> = calls("openat")
        .into_iter()
        .chain(calls("open"))
        .filter(|line| ca_folders.iter().any(|folder| line.contains(folder)))
        .collect();
    assert_eq!(read, BTreeSet::new(), "no CA file");
    let state = home.path().join(".local/state/acspass");
    let state = state.to_str().expect("a plain path");
    let opened: BTreeSet<String> = calls("openat")
        .into_iter()
        .filter(|line| !line.contains("ENOENT"))
        .filter_map(|line| Some(line.split('"').nth(1)?.to_owned()))
        .filter(|path| !of_the_system(path))
        .map(|path| match path == state {
            true => "the state folder".to_owned(),
            false => path,
        })
        .collect();
    assert_eq!(opened, listed_files(), "as docs/architecture.md lists them");
    let threads = calls("clone3").len() + calls("clone").len();
    assert!(threads <= MOST_THREADS, "{threads} threads: {trace}");
    assert_eq!(calls("execve").len(), 1, "no other program");
}

/// What the loader and the language's runtime open for any program.
fn of_the_system(path: &str) -> bool {
    ["/etc/ld.so", "/lib", "/usr/lib", "/proc/self/", "/sys/"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// The files that a fresh `get` opens, as the map lists them.
fn listed_files() -> BTreeSet<String> {
    let map = include_str!("../../docs/architecture.md");
    let list = map.split("```touches\n").nth(1).expect("the list");
    let list = list.split("```").next().expect("its end");
    list.lines()
        .filter_map(|line| line.strip_prefix("file ").or(line.strip_prefix("folder ")))
        .map(|path| path.trim().to_owned())
        .collect()
}

/// The worker that calls the keyring, and the bus connection's own.
const MOST_THREADS: usize = 4;

//! `exec --server`: a token service for one command.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::exec;
use crate::harness::http::{self, Response};
use crate::harness::left;
use crate::harness::process::Process;
use crate::harness::{Deadline, Home, TestBrowser};

/// Prints where the service is, and runs until a signal ends it. `$0` names the home, by which the
/// process is found.
pub(super) const WAITS: &str = "echo $$ $PPID $ACSPASS_SERVE_URL $ACSPASS_SERVE_SECRET_FILE; \
                                while :; do sleep 0.1; done";

/// A command with its service.
pub(super) struct Served {
    pub(super) command: u32,
    pub(super) acspass: u32,
    pub(super) port: u16,
    pub(super) secret_file: PathBuf,
}

impl Served {
    /// Reads the line of [`WAITS`].
    pub(super) fn from(line: &str) -> Served {
        let [command, acspass, url, secret_file] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("four words: {line}");
        };
        let port = url.strip_prefix("http://127.0.0.1:").expect("on loopback");
        Served {
            command: command.parse().expect("an id"),
            acspass: acspass.parse().expect("an id"),
            port: port.parse().expect("a port"),
            secret_file: secret_file.into(),
        }
    }

    fn ask(&self, method: &str, target: &str, headers: &[&str]) -> Response {
        let secret = std::fs::read_to_string(&self.secret_file).expect("the secret");
        let host = format!("Host: 127.0.0.1:{}", self.port);
        let bearer = format!("Authorization: Bearer {secret}");
        let headers = [&[host.as_str(), &bearer], headers].concat();
        let request = http::request(method, target, &headers, "");
        Response::parse(&http::send(self.port, &request))
    }

    fn username(&self) -> String {
        let response = self.ask("GET", "/token", &[]).assert_status(200);
        let account = &response.json()["account"];
        account["username"].as_str().expect("a name").to_owned()
    }
}

/// A home whose emulator is in the same process as the service.
pub(super) fn home() -> Home {
    let mut home = Home::new();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home.set("PATH", "/usr/bin:/bin");
    home
}

/// The names in the folder of the services.
pub(super) fn names(home: &Home) -> Vec<String> {
    let folder = home.path().join("state/emulator/exec");
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.collect()
}

/// Fails if the command left a process or a file, except the empty lock of all services.
#[track_caller]
fn assert_nothing_left(home: &Home) {
    let place = home.path().display().to_string();
    assert_eq!(left::processes(&place), [0u32; 0]);
    assert_eq!(names(home), ["lock"]);
}

fn waiting<'h>(home: &'h Home, options: &[&str]) -> (Process<'h>, Served) {
    let place = home.path().display().to_string();
    let words = [options, &["--server", "--", "sh", "-c", WAITS, &place]].concat();
    let process = exec(home, &words);
    let served = Served::from(&process.next_line());
    (process, served)
}

#[test]
fn service_is_the_commands_own_and_is_removed_with_it() {
    let home = home();
    let (process, served) = waiting(&home, &["--emulator"]);
    assert_eq!(process.id(), served.acspass, "acspass is the parent");
    let mode = |path: &Path| {
        let metadata = std::fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    let folder = served.secret_file.parent().expect("a folder");
    assert_eq!(mode(folder), 0o700);
    assert_eq!(mode(&served.secret_file), 0o600);
    assert_eq!(mode(&folder.join("socket")), 0o600);
    assert_eq!(served.username(), "ada@contoso.example");
    process.signal("TERM");
    assert_eq!(process.end().code, Some(128 + 15));
    assert_nothing_left(&home);
}

#[test]
fn command_in_another_folder_finds_the_secret_of_a_relative_state_folder() {
    let mut home = home();
    home.set("ACSPASS_STATE_DIR", "state");
    let script = "cd / && test -s \"$ACSPASS_SERVE_SECRET_FILE\" \
                  && test -S \"${ACSPASS_SERVE_SECRET_FILE%/*}/socket\"";
    let words = ["exec", "--emulator", "--server", "--", "sh", "-c", script];
    let mut acspass = Command::new(env!("CARGO_BIN_EXE_acspass"));
    let call = home.call(&words).plainly();
    let run = call.spawn_under(acspass.current_dir(home.path()), "it is built");
    run.end().assert_code(0);
    assert_nothing_left(&home);
}

#[test]
fn exit_code_and_signals_are_the_commands() {
    let home = home();
    let run = exec(
        &home,
        &["--emulator", "--server", "--", "sh", "-c", "exit 37"],
    )
    .end();
    run.assert_code(37);
    assert_nothing_left(&home);
    for signal in ["TERM", "HUP", "INT", "QUIT", "USR1", "USR2"] {
        let script = format!("trap 'exit 5' {signal}; echo ready; while :; do sleep 0.01; done");
        let words = ["--emulator", "--server", "--", "sh", "-c", &script];
        let process = exec(&home, &words);
        assert_eq!(process.next_line(), "ready");
        process.signal(signal);
        assert_eq!(process.end().code, Some(5), "{signal}");
        assert_nothing_left(&home);
    }
}

#[test]
fn command_that_cannot_be_started_leaves_nothing() {
    let home = home();
    let folder = home.path().display().to_string();
    for (word, code, said) in [
        ("no-such-command-anywhere", 127, "no-such-command-anywhere"),
        (folder.as_str(), 126, "could not be run"),
    ] {
        let words = ["--emulator", "--server", "--", word];
        exec(&home, &words).end().assert_error(code, &[said]);
        assert_nothing_left(&home);
        let words = ["-o", "json", "--emulator", "--server", "--", word];
        let run = exec(&home, &words).end();
        assert_eq!(run.code, Some(code));
        assert!(run.stderr.contains("\"kind\":\"usage\""), "{}", run.stderr);
    }
    // A file where the folder would be.
    let exec_folder = home.path().join("state/emulator/exec");
    std::fs::remove_dir_all(&exec_folder).expect("a folder");
    std::fs::write(&exec_folder, "").expect("a file");
    let words = ["--emulator", "--server", "--", "echo", "ran"];
    let run = exec(&home, &words).end();
    run.assert_error(7, &["exec"]);
    assert_eq!(run.stdout, "");
}

#[test]
fn many_services_run_beside_one_another_and_beside_serve() {
    let home = home();
    let serve = ["serve", "--emulator", "--port", "0", "-o", "json"];
    let serve = home.call(&serve).plainly().spawn();
    serve.next_line();
    let running: Vec<_> = (0..8).map(|_| waiting(&home, &["--emulator"])).collect();
    let ports: BTreeSet<u16> = running.iter().map(|(_, served)| served.port).collect();
    assert_eq!(ports.len(), 8);
    assert_eq!(names(&home).len(), 8 + 1);
    for (process, served) in running {
        assert_eq!(served.username(), "ada@contoso.example");
        process.signal("TERM");
        assert_eq!(process.end().code, Some(128 + 15));
    }
    serve.signal("INT");
    serve.end().assert_code(0);
    assert_nothing_left(&home);
}

#[test]
fn service_is_for_the_account_of_the_command_whatever_is_active() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let ben = ["login", "--account", "ben@contoso.example"];
    let run = home.call(&ben).by(&TestBrowser::walking()).spawn().end();
    run.assert_code(0);
    for user in ["ada@contoso.example", "ben@contoso.example"] {
        let (process, served) = waiting(&home, &["--account", user]);
        assert_eq!(served.username(), user);
        let other = home.real(&["account", "switch", "ada@contoso.example"]);
        other.assert_code(0);
        assert_eq!(served.username(), user);
        process.signal("TERM");
        assert_eq!(process.end().code, Some(128 + 15));
    }
}

#[test]
fn service_of_a_command_has_one_account_and_neither_identities_nor_a_dashboard() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let ben = ["login", "--account", "ben@contoso.example"];
    let run = home.call(&ben).by(&TestBrowser::walking()).spawn().end();
    run.assert_code(0);
    let ada = "ada@contoso.example";
    let (process, served) = waiting(&home, &["--account", ada]);
    for target in [
        "/token",
        "/token?account=ADA",
        &format!("/token?account={ada}"),
    ] {
        let response = served.ask("GET", target, &[]).assert_status(200);
        assert_eq!(response.json()["account"]["username"], ada, "{target}");
    }
    for user in ["ben@contoso.example", "ben", "carol", ""] {
        let response = served.ask("GET", &format!("/token?account={user}"), &[]);
        let code = response.assert_status(403).error().1;
        assert_eq!(code.as_deref(), Some("OtherAccount"), "{user}");
    }
    let status = served.ask("GET", "/status", &[]).assert_status(200);
    let status = status.json();
    assert_eq!(status["accounts"].as_array().map(Vec::len), Some(1));
    assert!(!status.to_string().contains("ben@"), "{status}");
    let foreign = ["teams-user-aad-token: eyJ0.eyJ0.c2ln"];
    let response = served.ask("GET", "/api/token/teams", &foreign);
    let code = response.assert_status(403).error().1;
    assert_eq!(code.as_deref(), Some("NoExchange"));
    for (method, target) in [
        ("POST", "/identities"),
        ("POST", "/identities/8:acs:x/tokens"),
        ("POST", "/identities/8:acs:x/revoke"),
        ("DELETE", "/identities/8:acs:x"),
        ("POST", "/dashboard/tickets"),
        ("GET", "/dashboard/state"),
        ("POST", "/dashboard/sign-in"),
        ("GET", "/open"),
        ("GET", "/"),
    ] {
        let response = served.ask(method, target, &[]);
        assert_eq!(response.status, 404, "{method} {target}");
    }
    // The document of the service has its own routes only.
    let document = served.ask("GET", "/openapi.json", &[]).assert_status(200);
    let document = document.json();
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 5);
    for path in paths.keys() {
        assert_ne!(served.ask("GET", path, &[]).status, 404, "{path}");
    }
    // At most one on each loopback address.
    assert!(left::listeners_of(served.acspass).len() <= 2);
    process.signal("TERM");
    assert_eq!(process.end().code, Some(128 + 15));
}

#[test]
fn without_a_command_the_users_shell_runs_and_knows_the_account() {
    let mut home = home();
    let echo = home.path().join("shell");
    std::fs::write(&echo, "#!/bin/sh\necho $ACSPASS_ACCOUNT from $0\n").expect("a file");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&echo, executable).expect("it is ours");
    let echo = echo.display().to_string();
    home.set("SHELL", &echo);
    let said = format!("ada@contoso.example from {echo}\n");
    for options in [&["--emulator"][..], &["--emulator", "--server"]] {
        let run = exec(&home, options).end();
        run.assert_code(0);
        assert_eq!(run.stdout, said);
    }
    // The default reads an empty standard input.
    home.unset("SHELL");
    exec(&home, &["--emulator"]).end().assert_code(0);
    home.set("SHELL", "/no/such/shell");
    let run = exec(&home, &["--emulator"]).end();
    run.assert_error(127, &["/no/such/shell"]);
}

#[test]
fn with_a_proxy_the_command_reaches_its_service_directly() {
    let mut home = home();
    let script = "echo $no_proxy $NO_PROXY";
    let words = ["--emulator", "--server", "--", "sh", "-c", script];
    assert_eq!(exec(&home, &words).end().stdout, "\n", "nothing is changed");
    home.set("HTTP_PROXY", "http://127.0.0.1:9");
    let script = "printf '%s %s' \"$no_proxy\" \"$NO_PROXY\"";
    let words = ["--emulator", "--server", "--", "sh", "-c", script];
    for (lower, upper, expected) in [
        ("", "", "127.0.0.1 127.0.0.1"),
        ("", "localhost", "localhost,127.0.0.1 localhost,127.0.0.1"),
        ("a.test", "", "a.test,127.0.0.1 a.test,127.0.0.1"),
        ("a.test", "b.test", "a.test,127.0.0.1 b.test,127.0.0.1"),
        ("", "*", "* *"),
        ("*", "b.test", "* b.test,127.0.0.1"),
    ] {
        home.set("no_proxy", lower);
        home.set("NO_PROXY", upper);
        let run = exec(&home, &words).end();
        assert_eq!(run.stdout.trim_end(), expected);
    }
}

#[test]
fn managed_identity_is_the_one_that_the_sdks_find() {
    let mut home = home();
    let others = ["AZURE_CLIENT_ID", "AZURE_TOKEN_CREDENTIALS", "MSI_SECRET"];
    let own = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];
    for (name, value) in [
        ("AZURE_CLIENT_ID", "of-the-shell"),
        ("AZURE_TOKEN_CREDENTIALS", "prod"),
        ("MSI_SECRET", "of-the-shell"),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:9/of-the-shell"),
        ("IDENTITY_HEADER", "of-the-shell"),
    ] {
        home.set(name, value);
    }
    let words = ["--emulator", "--managed-identity", "--", "sh", "-c", "env"];
    let run = exec(&home, &words).end();
    run.assert_code(0);
    assert!(!run.stdout.contains("of-the-shell"), "a variable is left");
    let names: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    for name in others {
        assert!(!names.contains(&name), "{name}");
        assert_eq!(run.stderr.matches(name).count(), 1, "{name} is reported");
    }
    for name in own {
        assert!(names.contains(&name), "{name}");
        assert!(!run.stderr.contains(name), "{name} is set anew");
    }
}

#[test]
fn managed_identity_of_a_user_who_signed_out_names_the_next_step() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let script = "echo $IDENTITY_ENDPOINT; echo $IDENTITY_HEADER; exec sleep 600";
    let process = exec(&home, &["--managed-identity", "--", "sh", "-c", script]);
    let endpoint = process.next_line();
    let header = format!("X-IDENTITY-HEADER: {}", process.next_line());
    let (authority, path) = endpoint["http://".len()..].split_once('/').expect("a path");
    let port = authority.rsplit_once(':').expect("a port").1;
    let port = port.parse().expect("a number");
    let resource = "https://auth.msft.communication.azure.com";
    let target = format!("/{path}?api-version=2019-08-01&resource={resource}");
    let host = format!("Host: {authority}");
    let ask = || {
        let request = http::request("GET", &target, &[&host, &header], "");
        Response::parse(&http::send(port, &request))
    };
    let signed_in = ask().assert_status(200).json();
    let token = signed_in["access_token"].as_str().expect("a token");
    home.real(&["logout", "--all"]).assert_code(0);
    // The index may be a second old.
    let deadline = Deadline::start();
    let refusal = loop {
        match ask() {
            response if response.status == 200 => deadline.pass("the sign-out is seen"),
            response => break response.assert_status(401),
        }
    };
    assert!(!refusal.body.contains(token));
    let refusal = refusal.json();
    assert_eq!(refusal["statusCode"], 401);
    let message = refusal["message"].as_str().expect("a message");
    assert!(message.contains("`acspass login`"), "{message}");
    process.signal("TERM");
    assert_eq!(process.end().code, Some(128 + 15));
}

//! The first run: what is not configured is asked for at a terminal, checked, and kept; without
//! one, everything that is missing is one error.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use acspass::emulator::Emulator;
use rustix::io::ioctl_fionread;

use crate::harness::{Home, Terminal, TestBrowser, http};

const TENANT: &str = "Tenant (GUID or domain; Enter for any): ";
const CLIENT_ID: &str = "Application (client) id: ";
const RESOURCE: &str = "Connection string or endpoint of the ACS resource (not shown): ";

/// A home where nothing is set but where the authority is, and a store that keeps.
fn empty_home() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    for name in [
        "ACSPASS_TENANT_ID",
        "ACSPASS_CLIENT_ID",
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
    ] {
        home.unset(name);
    }
    let key = home.path().join("key");
    fs::write(&key, [7; 32]).expect("a key file");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a private one");
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", &key.display().to_string());
    for variable in ["ACSPASS_CONFIG_DIR", "ACSPASS_STATE_DIR"] {
        let folder = home.path().join("config").display().to_string();
        home.set(variable, &folder);
    }
    (home, emulator)
}

/// What was kept in the configuration file.
fn kept(home: &Home) -> String {
    fs::read_to_string(home.config_file()).unwrap_or_default()
}

#[test]
fn three_answers_are_kept_and_bring_a_token() {
    let (mut home, emulator) = empty_home();
    home.set("LANG", "C.UTF-8");
    let connection_string = emulator.http_connection_string();
    let (_, key) = connection_string.split_once("accesskey=").expect("a key");
    home.sweep.add(key);
    let mut terminal = Terminal::start(&home, &["get", "--timeout=30s"]);
    terminal.sees(TENANT).types("nowhere.example\n");
    terminal.sees("Entra does not know the tenant nowhere.example");
    terminal
        .sees(TENANT)
        .types(&format!("{}\n", emulator.tenant_id()));
    terminal.sees(CLIENT_ID).types("my app\n");
    terminal.sees("nvalid client id");
    terminal
        .sees(CLIENT_ID)
        .types(&format!("{}\n", emulator.client_id()));
    for (wrong, why) in [
        ("contoso", "The endpoint of the ACS resource is not a URL"),
        (
            "endpoint=https://resource.example/;accesskey=d3Jvbmc=",
            "resource.example is not a host of Azure Communication Services",
        ),
    ] {
        terminal.sees(RESOURCE).types(&format!("{wrong}\n"));
        terminal.sees(why);
    }
    terminal
        .sees(RESOURCE)
        .types(&format!("{connection_string}\n"));
    terminal.sees("the connection string in encrypted files");
    // It goes on to sign in, as everything is there.
    let address = {
        terminal.sees("Open this address in a browser on this machine:\r\n\r\n  ");
        terminal.line()
    };
    let browser = TestBrowser::walking();
    acspass::entra::browser::Browser::open(
        browser.as_ref(),
        &acspass::entra::browser::Link::new(address),
    )
    .expect("it opens");
    let shown = terminal.ends(0);
    browser.pages();
    assert!(!shown.contains(key), "the key was shown");
    assert!(shown.contains("eyJ"), "{shown}");
    let file = kept(&home);
    for line in [
        format!("tenant = \"{}\"", emulator.tenant_id()),
        format!("client-id = \"{}\"", emulator.client_id()),
        "connection-string = \"stored\"".to_owned(),
    ] {
        assert!(file.contains(&line), "no {line} in: {file}");
    }
    home.sweep.files(home.path());

    // From now on nobody is asked anything.
    home.real(&["get", "--no-interactive"]).token();
}

#[test]
fn a_wrong_key_is_told_before_anybody_signs_in() {
    let (mut home, emulator) = empty_home();
    home.set("ACSPASS_CLIENT_ID", emulator.client_id());
    let mut terminal = Terminal::start(&home, &["get"]);
    // Only what is missing is asked for, until it is right.
    for _ in 0..5 {
        let wrong = format!("endpoint={}/;accesskey=d3Jvbmc=\n", emulator.http_url());
        terminal.sees(RESOURCE).types(&wrong);
        terminal.sees("The ACS resource refused the access key");
    }
    terminal.sees(RESOURCE).types("\u{3}");
    let shown = terminal.ends(130);
    assert!(!shown.contains(TENANT) && !shown.contains("d3Jvbmc="));
    assert_eq!(emulator.count("authorization_code"), 0);
    assert_eq!(kept(&home), "");
}

#[test]
fn ctrl_c_at_a_question_says_what_is_kept_and_the_next_run_asks_for_the_rest() {
    let (home, emulator) = empty_home();
    let mut terminal = Terminal::start(&home, &["get"]);
    terminal.sees(TENANT).types("\n");
    terminal.sees(CLIENT_ID).types("\u{3}");
    let shown = terminal.ends(130);
    assert!(!shown.contains("Your answers are saved in"), "{shown}");
    assert_eq!(kept(&home), "");

    let mut terminal = Terminal::start(&home, &["get"]);
    terminal
        .sees(TENANT)
        .types(&format!("{}\n", emulator.tenant_id()));
    terminal.sees(CLIENT_ID).types("\u{3}");
    terminal.sees("Your answers are saved in profile default of");
    terminal.ends(130);
    assert!(kept(&home).contains(emulator.tenant_id()));

    let mut terminal = Terminal::start(&home, &["get"]);
    terminal
        .sees(CLIENT_ID)
        .types(&format!("{}\n", emulator.client_id()));
    // The echo is off, and has to be restored.
    terminal.sees(RESOURCE).types("endpoint=\u{3}");
    terminal.sees("Your answers are saved in profile default of");
    let shown = terminal.ends(130);
    assert!(!shown.contains(TENANT) && !shown.contains("endpoint="));
    assert!(kept(&home).contains(emulator.client_id()));
}

#[test]
fn ctrl_c_while_the_sign_in_waits_says_that_the_answers_are_kept() {
    let (home, emulator) = empty_home();
    let mut terminal = Terminal::start(&home, &["login"]);
    terminal.sees(TENANT).types("\n");
    terminal
        .sees(CLIENT_ID)
        .types(&format!("{}\n", emulator.client_id()));
    terminal.sees("Waiting for sign-in").types("\u{3}");
    terminal.sees("Your answers are saved in profile default of");
    terminal.ends(130);
    // Without answers before it, an interruption says nothing of any.
    let mut terminal = Terminal::start(&home, &["login"]);
    terminal.sees("Waiting for sign-in").types("\u{3}");
    let shown = terminal.ends(130);
    assert!(!shown.contains("Your answers are saved in"), "{shown}");
}

#[test]
fn answers_that_end_early_keep_nothing() {
    let (home, emulator) = empty_home();
    let typed = format!("\n{}\n", emulator.client_id());
    for typed in ["", "\n"] {
        let call = home.call(&["login"]).at_terminal().typing(typed);
        call.run().assert_error(2, &["no answer was saved"]);
        assert_eq!(kept(&home), "");
    }
    let (other, _emulator) = empty_home();
    let call = other.call(&["get"]).at_terminal().typing(&typed);
    call.run()
        .assert_error(2, &["earlier answers are saved in", "profile default of"]);
    assert!(kept(&other).contains(emulator.client_id()));
    let browser = TestBrowser::walking();
    let call = home.call(&["login"]).at_terminal().typing(&typed);
    call.by(&browser).run().assert_code(0);
    let file = kept(&home);
    assert!(file.contains("client-id") && !file.contains("tenant"));
    // Any organization's tenant is the default, and no line of its own.
    let again = home.call(&["login"]).at_terminal().by(&browser).run();
    again.assert_code(0).assert_does_not_say(CLIENT_ID);
}

#[test]
fn wrong_answers_are_asked_for_again_and_discard_no_right_one() {
    let (home, emulator) = empty_home();
    let typed = format!(
        "{}\na\nb\nc\nd\n{}\n",
        emulator.tenant_id(),
        emulator.client_id()
    );
    let call = home.call(&["login"]).at_terminal().typing(&typed);
    let run = call.by(&TestBrowser::walking()).run();
    run.assert_code(0);
    assert_eq!(run.stderr.matches("nvalid client id").count(), 4);
    let file = kept(&home);
    assert!(file.contains(emulator.tenant_id()) && file.contains(emulator.client_id()));
}

#[test]
fn offline_the_tenant_is_taken_unchecked() {
    let (mut home, emulator) = empty_home();
    let port = http::unused_port();
    home.set("AZURE_AUTHORITY_HOST", &format!("http://127.0.0.1:{port}"));
    let typed = format!("contoso.example\n{}\n", emulator.client_id());
    let call = home.call(&["login"]).at_terminal().typing(&typed);
    call.run().assert_error(6, &["could not be checked"]);
    assert!(kept(&home).contains("tenant = \"contoso.example\""));
}

#[test]
fn without_a_terminal_all_that_is_missing_is_one_error() {
    let (home, emulator) = empty_home();
    let all = [
        "error: no client id and no ACS resource are configured",
        "`acspass config set client-id GUID`",
        "`acspass config set connection-string`",
        "`acspass setup`",
        "`acspass get --emulator`",
    ];
    home.run(&["get"]).assert_error(2, &all);
    home.run(&["get", "--interactive"]).assert_error(2, &all);
    let forbidden = home.call(&["get", "--no-interactive"]).at_terminal();
    let run = forbidden.typing("\n\n\n").run();
    run.assert_error(2, &all[..3]).assert_does_not_say(TENANT);
    home.run(&["get", "--entra"])
        .assert_error(2, &["error: no client id is configured"]);
    assert_eq!(emulator.requests(), []);
}

#[test]
fn a_store_that_keeps_nothing_is_no_place_for_answers() {
    let (mut home, _emulator) = empty_home();
    home.set("ACSPASS_STORE", "memory");
    let call = home.call(&["get"]).at_terminal().typing("\n\n\n");
    let run = call.run();
    run.assert_error(2, &["no client id and no ACS resource"]);
    run.assert_does_not_say(TENANT);
}

#[test]
fn a_store_that_is_not_there_is_told_before_anybody_is_asked() {
    let (mut home, _emulator) = empty_home();
    home.unset("ACSPASS_STORE");
    let call = home.call(&["get"]).at_terminal().typing("\n\n\n");
    let run = call.run();
    run.assert_error(7, &["keyring"])
        .assert_does_not_say(TENANT);
}

#[test]
fn hidden_answer_reports_its_length_and_a_bare_host_is_an_endpoint() {
    let (mut home, emulator) = empty_home();
    home.set("ACSPASS_CLIENT_ID", emulator.client_id());
    home.set("ACSPASS_EXCHANGE", "entra");
    let proxy = format!("http://127.0.0.1:{}", http::unused_port());
    home.set("HTTPS_PROXY", &proxy);
    let mut terminal = Terminal::start(&home, &["get"]);
    terminal.sees(RESOURCE).types("x\n");
    terminal.sees("Received 1 character.");
    terminal.sees("The endpoint of the ACS resource is not a URL");
    let host = "contoso.communication.azure.com";
    terminal.sees(RESOURCE).types(&format!("{host}\n"));
    terminal.sees(&format!("Received {} characters.", host.len()));
    terminal.sees("the resource could not be checked");
    terminal.sees("settings are saved");
    terminal.sees("Waiting for sign-in").types("\u{3}");
    terminal.ends(130);
    let endpoint = format!("endpoint = \"https://{host}\"");
    assert!(kept(&home).contains(&endpoint), "{}", kept(&home));
}

#[test]
fn login_probes_the_store_before_the_first_question() {
    let (mut home, emulator) = empty_home();
    home.unset("ACSPASS_STORE");
    let mut terminal = Terminal::start(&home, &["login"]);
    terminal.sees("no keyring is available, because");
    terminal.sees("Run `acspass config set store keyutils`");
    let shown = terminal.ends(7);
    assert!(!shown.contains(TENANT), "{shown}");
    assert_eq!(kept(&home), "");
    assert_eq!(emulator.requests(), []);
}

/// Waits until the terminal has a whole line that was not read.
fn await_line(tty: &Path) {
    let tty = File::open(tty).expect("the terminal");
    let start = Instant::now();
    while ioctl_fionread(&tty).expect("the bytes to read") == 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "no line arrives");
        // No event reports a line to a process that does not read it.
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn answer_that_is_typed_during_a_check_is_shown_at_its_question() {
    let (mut home, emulator) = empty_home();
    let authority = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = authority.local_addr().expect("an address");
    home.set("AZURE_AUTHORITY_HOST", &format!("http://{address}"));
    let (mut terminal, tty) = Terminal::start_with_tty(&home, &["login", "--timeout", "5s"]);
    terminal.sees(TENANT).types("contoso.example\n");
    // The check waits for the response.
    let (connection, _) = authority.accept().expect("a connection");
    terminal.types(&format!("{}\n", emulator.client_id()));
    await_line(&tty);
    drop((connection, authority));
    terminal.sees("could not be checked");
    let before = terminal.shown_before();
    assert!(!before.contains(emulator.client_id()), "{before}");
    terminal.sees(&format!("{CLIENT_ID}{}\r\n", emulator.client_id()));
    terminal.ends(6);
}

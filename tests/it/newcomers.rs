//! An account that was never seen here does not silently replace the active one.

use acspass::emulator::UserAgent;

use crate::harness::{Home, Terminal, TestBrowser};

const ADA: &str = "ada@contoso.example";
const BEN: &str = "ben@contoso.example";

/// Signs this user in at a terminal, as far as the browser goes, and returns the browser's page.
fn sign_in(terminal: &mut Terminal, user: &str) -> String {
    terminal.sees("Open this address in a browser on this machine:\r\n\r\n  ");
    let start = terminal.line();
    let page = UserAgent::new(Some(user.to_owned())).browse(&start);
    page.expect("it walks").html
}

fn active(home: &Home) -> String {
    let status = home.real(&["status", "-o", "json"]).json();
    let accounts = status["accounts"].as_array().expect("accounts").clone();
    let active = accounts.iter().find(|account| account["active"] == true);
    active.expect("an active one")["username"]
        .as_str()
        .expect("a name")
        .to_owned()
}

#[test]
fn a_new_account_becomes_active_only_after_the_user_has_confirmed_it() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    for (answer, code) in [("n\n", 3), ("\n", 3), ("\u{4}", 3), ("y\n", 0)] {
        let mut terminal = Terminal::start(&home, &["login", "--no-browser"]);
        let page = sign_in(&mut terminal, BEN);
        assert!(page.contains("confirm the account there"), "{page}");
        terminal.sees("warning: ben@contoso.example signed in and has no saved session");
        terminal.sees("[y/N] ").types(answer);
        let shown = terminal.ends(code);
        let (expected, kept) = match code {
            0 => (BEN, 2),
            _ => (ADA, 1),
        };
        assert_eq!(active(&home), expected, "{shown}");
        assert_eq!(home.keyring().lookup_items().len(), kept, "{shown}");
    }
    // Both are known by now.
    for user in [ADA, BEN] {
        let mut terminal = Terminal::start(&home, &["login", "--no-browser"]);
        let page = sign_in(&mut terminal, user);
        assert!(page.contains("You are signed in"), "{page}");
        assert!(!terminal.ends(0).contains("[y/N]"));
        assert_eq!(active(&home), user);
    }
}

/// What an attack put into a user name: a shell would run it.
const COMMAND: &str = "eve@x;id>/tmp/x;#";

#[test]
fn a_command_in_a_hint_has_the_name_as_one_word_of_the_shell() {
    let (home, emulator) = Home::with_keyring();
    let word = format!("'{COMMAND}'");
    let login = format!("acspass login --account {word}");
    // With no account and with another one.
    for _ in 0..2 {
        let run = home.real(&["get", "--account", COMMAND]);
        run.assert_error(4, &[&login]);
        home.login();
    }
    emulator.change_id_token("preferred_username", Some(COMMAND.into()));
    let run = home.login_as(&TestBrowser::of(BEN));
    run.assert_says(&[&format!("acspass logout --account {word}")]);
    let run = home.real(&["--profile", COMMAND, "status"]);
    run.assert_error(2, &[&format!("acspass --profile {word} config set")]);
}

#[test]
fn a_new_account_that_was_asked_for_and_a_first_account_need_no_confirmation() {
    let (home, _emulator) = Home::with_keyring();
    let mut terminal = Terminal::start(&home, &["login", "--no-browser"]);
    sign_in(&mut terminal, ADA);
    assert!(!terminal.ends(0).contains("[y/N]"));
    let words = ["login", "--no-browser", "--account", BEN];
    let mut terminal = Terminal::start(&home, &words);
    sign_in(&mut terminal, BEN);
    assert!(!terminal.ends(0).contains("[y/N]"));
    assert_eq!(active(&home), BEN);
}

#[test]
fn without_a_terminal_a_new_account_becomes_active_with_a_warning() {
    let (home, _emulator) = Home::with_keyring();
    home.login().assert_does_not_say("has no saved session");
    let run = home.login_as(&TestBrowser::of(BEN));
    run.assert_says(&[
        "warning: ben@contoso.example signed in and has no saved session",
        "the active account is ada@contoso.example",
        "acspass logout --account ben@contoso.example",
    ]);
    assert_eq!(active(&home), BEN);
    let run = home.login_as(&TestBrowser::of(ADA));
    run.assert_does_not_say("has no saved session");
}

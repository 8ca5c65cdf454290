//! The account of `get` and `exec` that is not signed in: a terminal offers the signed-in accounts, and
//! no browser opens for a typing error.

use std::sync::Arc;

use acspass::emulator::{Emulator, UserAgent};

use crate::harness::{Home, Terminal, TestBrowser};

const ADA: &str = "ada@contoso.example";
const BEN: &str = "ben@contoso.example";
const QUESTION: &str = "Number or name of the account: ";

/// A home where Ada and Ben are signed in, and Ben is active. `BROWSER` fails the test if it is started:
/// it leaves a file.
fn two_accounts() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_keyring();
    home.login();
    home.login_as(&TestBrowser::of(BEN)).assert_code(0);
    let opened = home.path().join("opened").display().to_string();
    home.set("BROWSER", &format!("touch {opened}"));
    (home, emulator)
}

fn assert_no_browser(home: &Home) {
    assert!(!home.path().join("opened").exists(), "a browser was opened");
}

fn active(home: &Home) -> String {
    let status = home.real(&["status", "-o", "json"]).json();
    let accounts = status["accounts"].as_array().expect("accounts").clone();
    let active = accounts.iter().find(|account| account["active"] == true);
    let active = active.expect("an active account")["username"].clone();
    active.as_str().expect("a name").to_owned()
}

#[test]
fn typing_error_at_a_terminal_offers_the_accounts_and_opens_no_browser() {
    let (home, emulator) = two_accounts();
    let before = emulator.count("authorization_code");
    for (answer, user) in [("2\n", ADA), ("ad\n", ADA), ("1\n", BEN)] {
        let words = ["get", "-o", "json", "--account", "bne"];
        let mut terminal = Terminal::start(&home, &words);
        terminal.sees("`bne` is not signed in.");
        terminal.sees("*  1  ben@contoso.example");
        terminal.sees("   2  ada@contoso.example");
        terminal.sees(QUESTION).types(answer);
        let shown = terminal.ends(0);
        assert!(
            shown.contains(&format!("\"username\": \"{user}\"")),
            "{shown}"
        );
        // A sign-in needs a whole username.
        assert!(!shown.contains("Sign in as"), "{shown}");
    }
    let words = ["exec", "--account", "bne", "--", "true"];
    let mut terminal = Terminal::start(&home, &words);
    terminal.sees(QUESTION).types("ben\n");
    terminal.ends(0);
    // The active account stays, and the answer can be refused.
    assert_eq!(active(&home), BEN);
    for (keys, code) in [("\u{4}", 4), ("\u{3}", 130)] {
        let mut terminal = Terminal::start(&home, &["get", "--account", "bne"]);
        terminal.sees(QUESTION).types(keys);
        terminal.ends(code);
    }
    assert_no_browser(&home);
    assert_eq!(emulator.count("authorization_code"), before);
}

#[test]
fn whole_username_that_is_not_signed_in_can_sign_in_from_the_list() {
    let (mut home, emulator) = Home::with_keyring();
    home.login();
    home.set("BROWSER", "false");
    let words = ["get", "-o", "json", "--account", BEN];
    let mut terminal = Terminal::start(&home, &words);
    terminal.sees("`ben@contoso.example` is not signed in.");
    terminal.sees("*  1  ada@contoso.example");
    terminal.sees("   2  Sign in as ben@contoso.example");
    terminal.sees(QUESTION).types("2\n");
    terminal.sees("If nothing opens, visit: ");
    let start = terminal.line();
    let page = UserAgent::new(Some(BEN.to_owned())).browse(&start);
    assert!(page.expect("a page").html.contains("You are signed in"));
    terminal.sees("Signed in as ben@contoso.example.");
    let shown = terminal.ends(0);
    assert!(
        shown.contains("\"username\": \"ben@contoso.example\""),
        "{shown}"
    );
    // The command in BROWSER failed, and the address is not printed a second time.
    assert!(shown.contains("Open the address above"), "{shown}");
    assert_eq!(shown.matches(&start).count(), 1, "{shown}");
    assert_eq!(emulator.count("authorization_code"), 2);
}

#[test]
fn without_an_active_account_the_picked_one_becomes_active() {
    let (home, _emulator) = two_accounts();
    home.real(&["logout"]).assert_code(0).assert_says(&[
        "Signed out ben@contoso.example.",
        "No account is active now. Run `acspass account switch` to select one.",
    ]);
    // Without a terminal, the hint has the whole command for the only account.
    home.real(&["get"]).assert_error(
        4,
        &[
            "no account is active",
            "`acspass account switch ada@contoso.example`",
        ],
    );
    let mut terminal = Terminal::start(&home, &["get", "-o", "json"]);
    terminal.sees("No account is active.");
    terminal.sees("   1  ada@contoso.example");
    terminal.sees("   2  Sign in with another account");
    terminal.sees(QUESTION).types("1\n");
    terminal.sees("ada@contoso.example is now the active account.");
    terminal.ends(0);
    assert_eq!(active(&home), ADA);
    assert_no_browser(&home);
}

#[test]
fn abbreviation_without_a_terminal_never_opens_a_browser() {
    let (home, _emulator) = two_accounts();
    // The harness adds `-vv` and a time limit.
    for (words, again) in [
        (
            &["get", "--interactive", "--account", "bne"][..],
            "get --interactive -vv --timeout=30s --account ben@contoso.example",
        ),
        (
            &["get", "--account", "bne"],
            "get -vv --timeout=30s --account ben@contoso.example",
        ),
        (
            &[
                "exec",
                "--interactive",
                "--account",
                "bne",
                "--",
                "true",
                "hunter2",
            ],
            "exec --interactive --account ben@contoso.example -- CMD",
        ),
    ] {
        let run = home.real(words);
        let again = format!("Run `acspass {again}` for the similar account");
        run.assert_error(4, &["`bne` is not signed in", &again, ADA]);
        run.assert_says(&["acspass login"]);
        run.assert_does_not_say("--account bne");
        // The words of another program can hold a secret.
        run.assert_does_not_say("hunter2");
    }
    // The beginning of a name is enough.
    let json = home.real(&["get", "-o", "json", "--account", "ad"]).json();
    assert_eq!(json["account"]["username"], ADA);
    assert_no_browser(&home);
}

#[test]
fn commands_that_need_no_sign_in_suggest_a_similar_account() {
    let (home, _emulator) = two_accounts();
    for (words, choice) in [
        (&["account", "switch", "bne"][..], "acspass account switch"),
        (
            &["account", "switch", "ben@contoso.exmaple"],
            "acspass account switch",
        ),
        (&["logout", "--account", "bne"], "acspass logout --account"),
    ] {
        let run = home.real(words);
        run.assert_error(
            4,
            &[
                "is not signed in",
                &format!("Run `{choice} ben@contoso.example` for the similar account"),
                ADA,
            ],
        );
    }
    // The accounts of a tenant have the domain in common.
    for other in ["somebody", "bob@contoso.example", "ben@fabrikam.example"] {
        home.real(&["logout", "--account", other])
            .assert_error(4, &["is not signed in", ADA, BEN])
            .assert_does_not_say("similar");
    }
    assert_eq!(active(&home), BEN);
    home.real(&["account", "switch", "ad"]).assert_code(0);
    assert_eq!(active(&home), ADA);
    home.real(&["logout", "--account", "be"]).assert_code(0);
}

#[test]
fn hint_keeps_the_profile_and_the_account() {
    let (mut home, emulator) = Home::with_keyring();
    home.configure("[profile.'my work']\n[profile.default]\n");
    let folder = home.path().join("config").display().to_string();
    home.set("ACSPASS_CONFIG_DIR", &folder);
    home.real(&["--profile", "my work", "get"])
        .assert_error(4, &["`acspass --profile 'my work' login`"]);
    home.real(&["get", "--account", BEN])
        .assert_error(4, &["`acspass login --account ben@contoso.example`"]);
    home.login();
    emulator.revoke_sessions();
    home.real(&["get", "--force-refresh"]).assert_error(
        4,
        &[
            "AADSTS50173",
            "`acspass login --account ada@contoso.example`",
        ],
    );
}

//! Names of accounts: whole names, prefixes, ambiguous and unknown ones, for every command that
//! takes one. Issue 10, items 13 and 16.

use std::sync::Arc;

use acspass::emulator::Emulator;
use acspass::store::SessionStore;

use crate::harness::{Home, Terminal, TestBrowser};
use crate::many_accounts::{keep, signed_in};

const ADA: &str = "ada@contoso.example";
/// The second account with Ada's username.
const OTHER: &str = "0ther-user.0ther-tenant";
const OTHER_TENANT: &str = "0ther-tenant";

/// Ada is signed in twice, in two tenants, with one username. The first account is active.
fn one_username_in_two_tenants() -> (Home, Arc<Emulator>, String) {
    let (home, sessions, emulator) = signed_in();
    let index = sessions.index().unwrap();
    let first = index.entries().next().unwrap();
    keep(
        &sessions,
        &first.application,
        "ADA@contoso.example",
        "0ther-user",
        OTHER_TENANT,
    );
    let id = first.account.home_account_id.clone();
    (home, emulator, id)
}

/// Adds accounts without tokens.
fn add(sessions: &SessionStore, usernames: &[&str]) {
    let application = sessions
        .index()
        .unwrap()
        .entries()
        .next()
        .unwrap()
        .application
        .clone();
    for (number, username) in usernames.iter().enumerate() {
        keep(
            sessions,
            &application,
            username,
            &format!("id-{number}"),
            "tenant",
        );
    }
}

/// The home account ids, the active one marked.
fn accounts(home: &Home) -> Vec<String> {
    let json = home.run(&["account", "list", "-o", "json"]).json();
    let accounts = json["accounts"].as_array().unwrap().iter();
    let mark = |account: &serde_json::Value| match account["active"].as_bool() {
        Some(true) => "* ",
        _ => "",
    };
    accounts
        .map(|account| {
            format!(
                "{}{}",
                mark(account),
                account["homeAccountId"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn username_of_two_tenants_is_refused_by_every_command_with_both_tenants_listed() {
    let (home, _emulator, first) = one_username_in_two_tenants();
    let before = accounts(&home);
    let tenant = first.split_once('.').unwrap().1.to_owned();
    for words in [
        &["account", "switch", ADA][..],
        &["switch", ADA],
        &["account", "switch", "ada"],
        &["logout", "--account", ADA],
        &["get", "--account", ADA],
        &["get", "--entra", "--account", "ad"],
        &["exec", "--account", ADA, "--", "true"],
        &["login", "--account", ADA],
        &["login", "--account", "ada"],
    ] {
        let run = home.run(words);
        run.assert_error(
            2,
            &[
                "is ambiguous: 2 accounts",
                &first,
                OTHER,
                &tenant,
                OTHER_TENANT,
            ],
        );
        assert_eq!(accounts(&home), before, "{words:?}");
    }
    let words = ["account", "switch", ADA, "-o", "json"];
    let error = home.run(&words).assert_code(2).json_error();
    assert_eq!(error["kind"], "usage");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains(&first) && hint.contains(OTHER), "{hint}");
}

#[test]
fn home_account_id_tells_two_accounts_of_one_username_apart() {
    let (home, _emulator, first) = one_username_in_two_tenants();
    home.run(&["account", "switch", OTHER]).assert_code(0);
    assert_eq!(accounts(&home), [format!("* {OTHER}"), first.clone()]);
    // A prefix of the id will do.
    home.run(&["account", "switch", &first[..8]]).assert_code(0);
    home.run(&["get", "--account", &first]).token();
    home.run(&["logout", "--account", "0ther"]).assert_code(0);
    assert_eq!(accounts(&home), [format!("* {first}")]);
}

#[test]
fn whole_name_beats_a_prefix_and_a_prefix_must_be_unambiguous() {
    let (mut home, sessions, _emulator) = signed_in();
    add(
        &sessions,
        &[
            "bob@contoso.example",
            "bob@contoso.example.org",
            "carol@contoso.example",
        ],
    );
    let active = || home.run(&["status", "-o", "json"]).json()["accounts"][0]["username"].clone();
    for (name, means) in [
        ("bob@contoso.example", "bob@contoso.example"),
        ("BOB@contoso.example.", "bob@contoso.example.org"),
        ("c", "carol@contoso.example"),
        ("ADA", ADA),
    ] {
        home.run(&["account", "switch", name]).assert_code(0);
        assert_eq!(active(), means, "{name}");
    }
    home.run(&["account", "switch", "bob"]).assert_error(
        2,
        &[
            "is ambiguous",
            "bob@contoso.example  (tenant",
            "bob@contoso.example.org  (tenant",
        ],
    );
    home.run(&["get", "--account", "ad"]).token();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    // It becomes the command, so it needs a process of its own.
    home.real(&["exec", "--account", "ad", "--", "/bin/true"])
        .assert_code(0);
}

#[test]
fn unknown_name_lists_the_signed_in_accounts_and_an_empty_one_fits_none() {
    let (home, sessions, _emulator) = signed_in();
    add(&sessions, &["bob@contoso.example"]);
    let before = accounts(&home);
    for command in [
        &["account", "switch"][..],
        &["logout", "--account"],
        &["get", "--account"],
        &["exec", "--account"],
    ] {
        let end: &[&str] = match command[0] {
            "exec" => &["--", "true"],
            _ => &[],
        };
        let with = |name: &'static str| [command, &[name], end].concat();
        let unknown = home.run(&with("eve@contoso.example"));
        unknown.assert_error(4, &["is not signed in", ADA, "bob@contoso.example"]);
        home.run(&with(""))
            .assert_error(2, &["the account name is empty"]);
        home.run(&with(" "))
            .assert_error(2, &["the account name is empty"]);
    }
    assert_eq!(accounts(&home), before);
}

#[test]
fn login_takes_a_whole_new_name_that_begins_like_a_stored_one() {
    let (home, sessions, _emulator) = signed_in();
    add(&sessions, &["ben@contoso.example.org"]);
    let ben = TestBrowser::of("ben@contoso.example");
    let login = home.call(&["login", "--account", "ben@contoso.example", "-o", "json"]);
    let json = login.by(&ben).run().assert_code(0).json();
    assert_eq!(json["account"]["username"], "ben@contoso.example");
    // A prefix without `@` means the stored account.
    let ada = home.call(&["login", "--account", "ada", "-o", "json"]);
    let json = ada.by(&TestBrowser::walking()).run().assert_code(0).json();
    assert_eq!(json["account"]["username"], ADA);
}

#[test]
fn switch_without_a_name_needs_a_terminal_and_lists_the_accounts() {
    let (home, sessions, _emulator) = signed_in();
    add(&sessions, &["bob@contoso.example"]);
    home.run(&["account", "switch"])
        .assert_error(2, &["no account was named", ADA, "bob@contoso.example"]);
    let mut nobody = Home::new();
    nobody.set("ACSPASS_CLIENT_ID", "11111111-2222-3333-4444-555555555555");
    nobody
        .run(&["account", "switch"])
        .assert_error(4, &["no account is signed in"]);
}

#[test]
fn switch_at_a_terminal_offers_the_accounts_until_one_is_chosen() {
    let (mut home, sessions, _emulator) = signed_in();
    add(&sessions, &["bob@contoso.example", "bobby@contoso.example"]);
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let question = "Number or name of the account: ";
    let mut terminal = Terminal::start(&home, &["account", "switch"]);
    terminal.sees("*  1  ada@contoso.example");
    terminal.sees("   2  bob@contoso.example");
    for (wrong, why) in [
        ("9\n", "`9` is not signed in"),
        ("bo\n", "is ambiguous"),
        ("ad@contoso.example\n", "is not signed in."),
        // An empty answer brings the question again.
        ("\n", ""),
    ] {
        terminal.sees(question).types(wrong);
        terminal.sees(why);
    }
    terminal.sees(question).types("2\n");
    terminal.sees("bob@contoso.example is now the active account.");
    terminal.ends(0);
    let mut terminal = Terminal::start(&home, &["account", "switch"]);
    terminal.sees(question).types("bobb\n");
    terminal.sees("bobby@contoso.example is now the active account.");
    terminal.ends(0);
    let mut terminal = Terminal::start(&home, &["account", "switch"]);
    terminal.sees(question).types("\u{3}");
    terminal.ends(130);
    let mut terminal = Terminal::start(&home, &["account", "switch"]);
    terminal.sees(question).types("\u{4}");
    terminal.ends(2);
}

#[test]
fn logout_without_an_active_account_names_the_accounts_and_signs_none_out() {
    let (home, sessions, _emulator) = signed_in();
    add(&sessions, &["bob@contoso.example"]);
    home.run(&["logout"]).assert_code(0).assert_says(&[ADA]);
    let left = accounts(&home);
    let run = home.run(&["logout"]);
    run.assert_error(2, &["no account is active", "bob@contoso.example  (tenant"]);
    run.assert_says(&["`acspass logout --account USER`", "`acspass logout --all`"]);
    assert_eq!(accounts(&home), left);
    home.run(&["get"])
        .assert_error(4, &["no account is active", "bob@contoso.example"]);
    home.run(&["logout", "--account", "bob"]).assert_code(0);
    home.run(&["logout"])
        .assert_code(0)
        .assert_says(&["No account is signed in."]);
}

#[test]
fn logout_with_other_settings_says_that_sessions_are_left() {
    let (mut home, _vault, _emulator) = signed_in();
    home.set("ACSPASS_TENANT_ID", "fabrikam.example");
    let run = home.run(&["logout"]);
    run.assert_code(0).assert_says(&[
        "No account is signed in.",
        "1 session is saved for other settings",
        "--all",
    ]);
    home.run(&["logout", "--all"])
        .assert_code(0)
        .assert_says(&["Signed out 1 account."]);
}

#[test]
fn logout_without_a_client_id_says_that_no_account_is_signed_in() {
    let mut home = Home::new();
    home.set("ACSPASS_STORE", "memory");
    let run = home.call(&["logout"]).plainly().at_terminal().run();
    let sentence = "No account is signed in, because no client id is configured.\n";
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), sentence));
    assert_eq!(
        home.run(&["logout", "-o", "json"]).json(),
        serde_json::json!({})
    );
    home.run(&["logout", "--account", ADA]).assert_error(
        4,
        &[ADA, "no client id is configured", "`acspass profile list`"],
    );

    let (mut home, _vault, _emulator) = signed_in();
    home.unset("ACSPASS_CLIENT_ID");
    home.run(&["logout"])
        .assert_code(0)
        .assert_says(&["1 session is saved for other settings", "--all"]);
}

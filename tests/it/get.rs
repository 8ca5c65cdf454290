//! The first command: from nothing at all to one token.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::harness::{Home, Run, TestBrowser};

#[test]
fn the_first_command_prints_one_token_in_an_empty_environment() {
    let home = Home::new();
    let run = home.real(&["get", "--emulator"]);
    run.token();
    run.assert_says(&["The emulator's built-in user agent signs in as ada@contoso.example"]);
}

#[test]
fn user_agent_of_a_sign_in_that_brought_a_token_is_not_reported_as_stuck() {
    for _ in 0..5 {
        let home = Home::new();
        let run = home.real(&["get", "--emulator"]);
        run.token();
        run.assert_does_not_say("the built-in user agent failed");
    }
}

#[test]
fn a_user_that_the_emulator_blocks_fails_at_once_with_the_error_of_the_page() {
    let home = Home::new();
    for (words, code, cause) in [
        (
            &["get", "--emulator", "--account", "blocked@contoso.example"][..],
            "AADSTS53003",
            "a Conditional Access policy blocks this sign-in",
        ),
        (
            &[
                "exec",
                "--emulator",
                "--account",
                "disabled@contoso.example",
            ],
            "AADSTS50057",
            "disabled",
        ),
        (
            &[
                "login",
                "--emulator",
                "--device-code",
                "--account",
                "blocked@contoso.example",
            ],
            "AADSTS53003",
            "a Conditional Access policy blocks this sign-in",
        ),
    ] {
        let run = home.real(words);
        run.assert_error(
            3,
            &[code, cause, "caused by: Entra says: AADSTS", "trace id"],
        );
        run.assert_does_not_say("timed out");
        let account = format!("--account {}", words.last().expect("the account"));
        assert!(run.stderr.contains(&account), "{}", run.stderr);
        let id = run.stderr.contains("correlation id: ");
        assert!(id, "{}", run.stderr);
    }
}

/// Variables of a machine on which every way to open a page fails the test.
fn with_display(home: &mut Home) {
    home.set("DISPLAY", ":0");
    home.set("WAYLAND_DISPLAY", "wayland-0");
    home.set("BROWSER", "false");
}

#[test]
fn with_a_display_the_emulators_user_signs_in_without_a_click() {
    let mut home = Home::new();
    with_display(&mut home);
    for (words, user) in [
        (&["get", "--emulator"][..], "ada@contoso.example"),
        (
            &["get", "--emulator", "--no-interactive"],
            "ada@contoso.example",
        ),
        (
            &["get", "--emulator", "--account", "ben@contoso.example"],
            "ben@contoso.example",
        ),
        (&["get", "--emulator", "--entra"], "ada@contoso.example"),
    ] {
        let run = home.real(words);
        run.token();
        run.assert_says(&[&format!(
            "The emulator's built-in user agent signs in as {user}"
        )])
        .assert_does_not_say("No browser is available here");
    }
}

#[test]
fn without_a_display_no_interactive_does_not_keep_the_emulators_user_out() {
    let home = Home::new();
    home.real(&["get", "--emulator", "--no-interactive"])
        .token();
    // A person is another matter.
    let (home, _emulator) = Home::with_emulator();
    home.run(&["get", "--no-interactive"])
        .assert_error(4, &["no account is signed in"]);
}

#[test]
fn the_emulators_user_signs_in_whatever_way_the_profile_names() {
    let home = Home::new();
    for options in ["paste", "device-code"] {
        home.configure(&format!("[profile.default]\nsign-in = \"{options}\"\n"));
        home.real(&["get", "--emulator"]).token();
    }
}

#[test]
fn with_interactive_the_browser_shows_the_emulators_pages() {
    let home = Home::new();
    let browser = TestBrowser::walking();
    let words = ["get", "--emulator", "--interactive"];
    home.call(&words).by(&browser).run().token();
    assert_eq!(browser.opened().len(), 1);
    home.call(&["get", "--emulator"]).by(&browser).run().token();
    assert_eq!(browser.opened().len(), 1, "no page without --interactive");
}

#[test]
fn quietly_it_prints_nothing_but_the_token() {
    let home = Home::new();
    let run = home.call(&["get", "--emulator", "--quiet"]).plainly();
    let run = run.spawn().end();
    run.token();
    assert_eq!(run.stderr, "");
}

#[test]
fn a_sign_in_in_the_browser_brings_one_token() {
    let (home, emulator) = Home::with_emulator();
    let browser = TestBrowser::walking();
    let run = home.call(&["get"]).by(&browser).at_terminal().run();
    run.token();
    assert_eq!(browser.opened().len(), 1);
    assert_eq!(emulator.count("authorization_code"), 1);
    assert_eq!(emulator.count("exchange"), 1);
    let page = &run.pages[0];
    assert!(page.html.contains("You are signed in"), "{}", page.html);
}

#[test]
fn sign_in_is_not_requested_without_a_terminal() {
    let (home, emulator) = Home::with_emulator();
    home.run(&["get"])
        .assert_error(4, &["no account is signed in"]);
    let at_terminal = home.call(&["get", "--no-interactive"]).at_terminal();
    let run = at_terminal.by(&TestBrowser::never()).run();
    run.assert_error(4, &["acspass login"]);
    assert_eq!(emulator.requests(), []);
}

#[test]
fn interactive_signs_in_without_a_terminal() {
    let (home, _emulator) = Home::with_emulator();
    let browser = TestBrowser::walking();
    let run = home.call(&["get", "--interactive"]).by(&browser).run();
    run.token();
}

/// The harness sweeps every call: here it is shown calls that leak, one place after the other.
#[test]
fn a_call_that_leaks_a_secret_anywhere_fails_its_test() {
    let (home, emulator) = Home::with_emulator();
    let key = emulator.secrets()[0].clone();
    let leaks = |arguments: &[&str], change: &dyn Fn(&mut Run)| {
        let mut run = Run {
            code: Some(0),
            stdout: String::new(),
            stderr: String::new(),
            pages: Vec::new(),
        };
        change(&mut run);
        let words: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        catch_unwind(AssertUnwindSafe(|| home.sweep_run(&words, &run))).is_err()
    };
    assert!(!leaks(&["status"], &|_| {}));
    assert!(leaks(&["status"], &|run| run.stdout = format!("{key}\n")));
    assert!(leaks(&["status"], &|run| run.stderr = format!("debug: {key}")));
    assert!(leaks(&["login", &key], &|_| {}));
    std::fs::write(home.path().join("note"), &key).unwrap();
    assert!(leaks(&["status"], &|_| {}));
}

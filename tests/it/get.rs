//! The first command: from nothing at all to one token.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::harness::{Home, Run, TestBrowser};

#[test]
fn the_first_command_prints_one_token_in_an_empty_environment() {
    let home = Home::new();
    let run = home.real(&["get", "--emulator"]);
    run.token();
    run.assert_says(&["the emulator's built-in user agent signs in as ada@contoso.example"]);
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
fn nobody_is_asked_to_sign_in_where_nobody_is() {
    let (home, emulator) = Home::with_emulator();
    home.run(&["get"]).assert_error(4, &["nobody is signed in"]);
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

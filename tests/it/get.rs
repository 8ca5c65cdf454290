//! The first command: from nothing at all to one token.

use crate::harness::{Home, TestBrowser};

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

//! How much is said: `-q`, `-v` and ACSPASS_LOG, and in which words. Issue 10, item 15.

use acspass::emulator::{Fault, FaultKind, Route};

use crate::harness::{Home, TestBrowser};
use crate::many_accounts::signed_in;

/// What `login` says on standard error, with this level and these words before the command.
fn login(home: &mut Home, log: Option<&str>, words: &[&str]) -> String {
    match log {
        Some(log) => home.set("ACSPASS_LOG", log),
        None => home.unset("ACSPASS_LOG"),
    }
    let words = [&["login"], words].concat();
    let run = home
        .call(&words)
        .plainly()
        .by(&TestBrowser::walking())
        .run();
    run.assert_code(0);
    run.stderr
}

const ANSWER: &str = "Signed in as";
/// `login` warns of the store `memory`.
const WARNING: &str = "warning: the session is not saved";
/// The event of level info: a scope that the emulator does not grant.
const NOTE: &str = "Entra did not grant these scopes";
/// Events of levels debug and trace.
const DEBUG: &str = "Entra granted these scopes: ";
const TRACE: &str = " returned HTTP status 200 (";

#[test]
fn log_level_is_that_of_the_flag_then_the_variable_then_the_default() {
    let (mut home, _emulator) = Home::with_emulator();
    for (log, words, warns, debugs, traces) in [
        (None, &[][..], true, false, false),
        (Some("off"), &[], false, false, false),
        (Some("error"), &[], false, false, false),
        (Some("ERROR"), &[], false, false, false),
        (Some("warn"), &[], true, false, false),
        (Some("info"), &[], true, false, false),
        (Some("debug"), &[], true, true, false),
        (Some("trace"), &[], true, true, true),
        (Some("error"), &["-v"], true, true, false),
        (Some("off"), &["-vv"], true, true, true),
        (Some("debug"), &["-q"], false, false, false),
    ] {
        let said = login(&mut home, log, words);
        assert_eq!(said.contains(WARNING), warns, "{log:?} {words:?}: {said}");
        assert_eq!(said.contains(DEBUG), debugs, "{log:?} {words:?}: {said}");
        assert_eq!(said.contains(TRACE), traces, "{log:?} {words:?}: {said}");
        // The command's own answer is no log: only `-q` silences it.
        let is_quiet = words == ["-q"];
        assert_eq!(
            said.contains(ANSWER),
            !is_quiet,
            "{log:?} {words:?}: {said}"
        );
    }
}

#[test]
fn notes_are_below_warnings() {
    let (mut home, emulator) = Home::with_emulator();
    let granted = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
    emulator.add_fault(Fault {
        route: Route::Token,
        times: None,
        what: FaultKind::ReplacedField("scope".to_owned(), granted.into()),
    });
    for (log, notes) in [(None, true), (Some("info"), true), (Some("warn"), false)] {
        let said = login(&mut home, log, &[]);
        assert_eq!(said.contains(NOTE), notes, "{log:?}: {said}");
    }
}

#[test]
fn unknown_log_level_is_a_warning_that_names_the_levels() {
    let (mut home, _emulator) = Home::with_emulator();
    let said = login(&mut home, Some("loud"), &[]);
    let expected = "ACSPASS_LOG is `loud`, which is not a level and has no effect; the levels are \
                    off, error, warn, info, debug, trace";
    assert!(said.contains(expected), "{said}");
    let said = login(&mut home, Some("loud"), &["-q"]);
    assert!(!said.contains("ACSPASS_LOG"), "{said}");
}

#[test]
fn debug_lines_are_sentences_and_no_rust_values() {
    let (home, _vault, _emulator) = signed_in();
    let browser = TestBrowser::walking();
    let mut said = String::new();
    for words in [
        &["get"][..],
        &["get", "--force-refresh"],
        &["get", "--entra"],
        &["login", "--device-code", "--timeout", "6s"],
        &["user", "create", "--scope", "chat"],
        &["token", "revoke", "--user", "8:acs:nosuch"],
    ] {
        said += &home.call(words).by(&browser).run().stderr;
    }
    for words in [
        "Refreshing the Entra token of ada@contoso.example.\n",
        "Exchanging the Entra token of ada@contoso.example for an access token.\n",
        "Returning the cached token of ada@contoso.example.\n",
        "The refresh took ",
        "The exchange took ",
        "GET localhost:",
        "Polled for the device code: ",
    ] {
        assert!(said.contains(words), "no `{words}` in {said}");
    }
    for mark in [
        "Some(", "None", " { ", "=\"", "\\\"", "Ok(", "Err(", "[\"", "=true", "=false",
    ] {
        assert!(!said.contains(mark), "{mark} in {said}");
    }
}

#[test]
fn events_of_the_crate_name_no_rust_value() {
    // The source is read, since no test sees every event.
    let mut found = Vec::new();
    for (path, text) in sources() {
        for (at, _) in text.match_indices("!(") {
            let is_event = ["trace", "debug", "info", "warn", "error"]
                .iter()
                .any(|level| text[..at].ends_with(level));
            let event = text[at..].split(";\n").next().unwrap_or_default();
            let shows_value = ["(?", " ?", ":?}", "= ?"]
                .iter()
                .any(|mark| event.contains(mark));
            if is_event && shows_value {
                found.push(format!("{path}: {event}"));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

/// Every source file: its path and its text.
fn sources() -> Vec<(String, String)> {
    let mut sources = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src"
    ))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            sources.push((path.display().to_string(), text));
        }
    }
    sources
}

#[test]
fn log_events_of_the_crate_are_sentences() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        for level in ["trace!(", "debug!(", "info!("] {
            for (at, _) in text.match_indices(level) {
                let event = text[at + level.len()..].trim_start();
                let Some(message) = event.strip_prefix('"') else {
                    continue;
                };
                // The end of the literal, without the line breaks of the source.
                let end = message.find("\",").into_iter().chain(message.find("\")"));
                let end = end.chain(message.find("\"\n")).min();
                let message = &message[..end.unwrap_or(message.len())];
                let begins = message.starts_with(char::is_uppercase) || message.starts_with('{');
                if !begins || !message.ends_with('.') && !message.ends_with('}') {
                    found.push(format!("{path}: {message}"));
                }
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

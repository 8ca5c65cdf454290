//! The generated pages: what they are, and whether the files are current.

use std::fs;

use crate::files::root;
use crate::{commands, control, emulator_parity, errors, faults, http, json, tables};

/// The pages, each with its source and its text.
fn pages() -> [(&'static str, &'static str, String); 10] {
    [
        (
            "commands.md",
            "src/cli/args` and `assets/help",
            commands::page(),
        ),
        ("settings.md", "src/config/setting.rs", tables::settings()),
        (
            "environment.md",
            "src/config/setting.rs` and `src/cli/variables.rs",
            tables::environment(),
        ),
        ("exit-codes.md", "src/error.rs", tables::exit_codes()),
        ("errors.md", "assets/advice", errors::page()),
        (
            "emulator-faults.md",
            "src/emulator/faults/catalogue",
            faults::page(),
        ),
        (
            "emulator-parity.md",
            "tests/docs/emulator_parity.json",
            emulator_parity::page(),
        ),
        ("json.md", "docs/schemas", json::page()),
        ("serve-http.md", "assets/openapi.json", http::page()),
        ("emulator-api.md", "src/emulator/control", control::page()),
    ]
}

/// Puts the note below the title: the source, and the command that writes the page.
fn with_note(source: &str, page: &str) -> String {
    let (title, rest) = page.split_once('\n').expect("a title");
    format!(
        "{title}\n\n*This page is generated from `{source}`: change that, then run\n\
         `UPDATE_DOCS=1 cargo test --test docs generated`.*\n{rest}"
    )
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test")]
fn may_update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1")
}

#[test]
fn generated_pages_are_current() {
    let mut outdated = Vec::new();
    for (name, source, page) in pages() {
        let path = root().join("docs/reference").join(name);
        let page = with_note(source, &page);
        if fs::read_to_string(&path).is_ok_and(|found| found == page) {
            continue;
        }
        match may_update() {
            true => fs::write(&path, &page).expect("the page is written"),
            false => outdated.push(name),
        }
    }
    assert!(
        outdated.is_empty(),
        "not current: {outdated:?}; run `UPDATE_DOCS=1 cargo test --test docs generated`"
    );
}

#[test]
fn pages_end_in_one_newline_and_have_no_trailing_space() {
    for (name, source, page) in pages() {
        let page = with_note(source, &page);
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{name}");
        let wrong = page.lines().find(|line| line.ends_with(' '));
        assert_eq!(wrong, None, "{name}");
        assert!(!page.contains("\n\n\n"), "{name}");
    }
}

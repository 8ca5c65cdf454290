//! SECURITY.md: every test that it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The functions with a `#[test]` in the Rust files below this folder.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            let after = text.split("#[test]").skip(1).chain(
                // With arguments, as `#[tokio::test(…)]`.
                text.split("#[tokio::test").skip(1),
            );
            found.extend(after.filter_map(|rest| {
                let name = rest.split_once("fn ")?.1.split_once('(')?.0;
                Some(name.to_owned())
            }));
        }
    }
}

/// Words in backticks that have the form of a test's name.
fn named(page: &str) -> Vec<&str> {
    let words = page.split('`').skip(1).step_by(2);
    let is_name = |word: &&str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        word.matches('_').count() > 1 && word.chars().all(plain)
    };
    words.filter(is_name).collect()
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let page = fs::read_to_string(Path::new(ROOT).join("SECURITY.md")).expect("SECURITY.md");
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests/it", "tests/exchange_service"] {
        tests_below(&Path::new(ROOT).join(folder), &mut tests);
    }
    let named = named(&page);
    assert!(named.len() > 40, "the page names tests: {}", named.len());
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !tests.contains(**name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

#[test]
fn every_browser_test_that_the_threat_model_names_exists() {
    let page = fs::read_to_string(Path::new(ROOT).join("SECURITY.md")).expect("SECURITY.md");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut count = 0;
    for part in page.split("`tests/browser/").skip(1) {
        let (file, rest) = part.split_once("`: \"").expect("a title follows the file");
        let (title, _) = rest.split_once('"').expect("the title ends");
        let path = Path::new(ROOT).join("tests/browser").join(file);
        let text = fs::read_to_string(path).expect(file);
        assert!(
            text.contains(&format!("test(\"{title}\"")),
            "{file}: {title}"
        );
        count += 1;
    }
    assert!(count > 1, "the page names tests in the browser");
}

/// Each kind of attack has its promise, its limit and its tests.
#[test]
fn every_threat_has_a_promise_a_limit_and_tests() {
    let page = fs::read_to_string(Path::new(ROOT).join("SECURITY.md")).expect("SECURITY.md");
    let threats: Vec<&str> = page.split("\n## ").skip(4).collect();
    assert_eq!(threats.len(), 17, "the threats of the model");
    for threat in threats {
        for part in ["**Promised.**", "**Not promised.**", "**Tests.**"] {
            let title = threat.lines().next().unwrap_or_default();
            assert!(threat.contains(part), "{title} has no {part}");
        }
    }
}

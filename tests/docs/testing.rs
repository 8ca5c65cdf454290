//! `docs/guides/testing.md` has the files of `examples/testing` as they are, and `docs/guides/web-app.md` the
//! server. The conformance tests and the tests of the packages run those files.

use crate::files::{below, read};

const PAGE: &str = "docs/guides/testing.md";
/// The endings of the files, and the language of their blocks.
const LANGUAGES: [(&str, &str); 2] = [("mjs", "js"), ("py", "python")];

#[test]
fn the_suites_of_the_guide_are_the_files_that_the_conformance_tests_run() {
    let page = read(PAGE);
    let mut blocks = 0;
    for (ending, language) in LANGUAGES {
        for file in below("examples/testing", ending) {
            let name = file.rsplit('/').next().unwrap_or(&file);
            let block = format!("`{name}`:\n\n```{language}\n{}```\n", read(&file));
            assert!(page.contains(&block), "{PAGE} does not have {file}");
            blocks += 1;
        }
        let fence = format!("```{language}\n");
        blocks -= page.matches(&fence).count();
    }
    assert_eq!(blocks, 0, "{PAGE} has a block without a file");
    for (script, suites) in [
        ("conformance", ["testing_javascript", "testing_python"]),
        ("packages", ["guide_javascript", "guide_python"]),
    ] {
        let script = read(&format!("tests/{script}/run.sh"));
        for suite in suites {
            assert!(script.contains(suite), "{suite} does not run");
        }
    }
}

#[test]
fn the_server_of_the_web_guide_is_the_file_that_the_conformance_tests_run() {
    let page = read("docs/guides/web-app.md");
    let suite = read("tests/conformance/javascript/exec.test.mjs");
    for name in ["server.mjs", "page.js"] {
        let file = read(&format!("examples/refreshers/javascript/{name}"));
        assert!(
            page.contains(&format!("`{name}`:\n\n```js\n{file}```\n")),
            "{name}"
        );
        assert!(suite.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn each_suite_is_short_enough_to_be_read_at_once() {
    for suite in ["sign_in.test.mjs", "test_sign_in.py"] {
        let text = read(&format!("examples/testing/{suite}"));
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let lines = lines.count();
        assert!(lines <= 20, "{suite} has {lines} lines");
    }
}

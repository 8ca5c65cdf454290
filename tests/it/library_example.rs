//! The book's library example is short, and it is the one that runs as a documentation test.

use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a page")
}

#[test]
fn book_shows_the_example_that_is_tested() {
    let guide = read("docs/guides/rust.md");
    let (_, example) = guide.split_once("```rust\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let tested = read("docs/library_example.md");
    let shown: Vec<&str> = tested
        .lines()
        .filter(|line| !line.starts_with(['#', '`']))
        .collect();
    assert_eq!(example.trim_end().lines().collect::<Vec<_>>(), shown);
    assert!(shown.len() < 15, "{} lines", shown.len());
}

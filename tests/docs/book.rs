//! The book lists each of its pages, and its pictures are small.

use std::fs;

use crate::files::{below, read, root};

#[test]
fn summary_lists_each_page_once() {
    let summary = read("docs/SUMMARY.md");
    let mut listed: Vec<String> = summary
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|page| format!("docs/{page}"))
        .collect();
    listed.sort();
    // The list itself, and the text of a documentation test.
    let own = ["docs/SUMMARY.md", "docs/library_example.md"];
    let mut pages = below("docs", "md");
    pages.retain(|page| !own.contains(&page.as_str()));
    pages.sort();
    assert_eq!(listed, pages);
}

#[test]
fn pictures_of_the_readme_have_less_than_200_kb() {
    let folder = fs::read_dir(root().join("assets/pictures")).expect("a folder");
    let mut count = 0;
    for entry in folder {
        let entry = entry.expect("a file");
        let size = entry.metadata().expect("its size").len();
        assert!(size < 200_000, "{:?} has {size} bytes", entry.file_name());
        count += 1;
    }
    assert!(count >= 3, "{count} pictures");
}

//! The README is short.

use crate::files::read;

#[test]
fn readme_has_150_to_200_lines() {
    let count = read("README.md").lines().count();
    assert!((150..=200).contains(&count), "{count} lines");
}

//! The entry point of a fuzz target: see `crate::fuzzing`.

/// Reads a text that a user pasted after an earlier one.
pub fn pasted_text(earlier: &str, text: &str) {
    let _ = super::paste::read(earlier, text, "the-state");
}

//! Text of clients in entries.

/// The longest text, in characters.
const MAX_TEXT: usize = 512;

/// Returns a text without unprintable characters, cut at the longest length.
pub(crate) fn clean(text: &str) -> String {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~');
    match text.len() <= MAX_TEXT && text.bytes().all(is_plain) {
        // Almost every text; the other way looks each character up in tables.
        true => text.to_owned(),
        false => crate::text::one_line(text, MAX_TEXT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bounded_and_has_no_control_characters() {
        assert_eq!(clean("a\u{1b}[31m\nb\u{202e}"), "a[31mb");
        assert_eq!(clean(&"ž".repeat(MAX_TEXT + 1)), "ž".repeat(MAX_TEXT));
        assert_eq!(clean(&"a".repeat(MAX_TEXT + 1)), "a".repeat(MAX_TEXT));
    }
}

//! Removes characters that a terminal must not get.

use icu_properties::props::{BidiControl, BinaryProperty as _, DefaultIgnorableCodePoint};

/// Returns whether a character has another effect than to be shown: a control character, a line or
/// paragraph separator, an annotation mark, or a character that Unicode lists as invisible
/// (Default_Ignorable_Code_Point) or as reordering (Bidi_Control).
pub fn is_unprintable(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
        || DefaultIgnorableCodePoint::for_char(c)
        || BidiControl::for_char(c)
}

/// Returns the text without unprintable characters, line breaks among them, cut to this many
/// characters.
pub fn one_line(text: &str, longest: usize) -> String {
    text.chars()
        .filter(|c| !is_unprintable(*c))
        .take(longest)
        .collect()
}

/// Returns the text with every run of white space and unprintable characters as one space, cut to
/// `most` characters; `None` if nothing is left.
pub fn collapsed(text: &str, most: usize) -> Option<String> {
    let words = text
        .split(|c: char| c.is_whitespace() || is_unprintable(c))
        .filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| line.chars().take(most).collect())
}

/// Returns the text as a sentence: with a capital letter at the start, unless a command or a name begins
/// it, and a period at the end.
pub fn as_sentence(text: &str) -> String {
    let text = text.trim_end();
    let first_word = text.split([' ', ',']).next().unwrap_or_default();
    let is_word = first_word
        .chars()
        .all(|c| c.is_ascii_lowercase() || c == '-');
    let mut chars = text.chars();
    let mut sentence: String = match chars.next() {
        Some(first) if is_word => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    };
    if !sentence.is_empty() && !sentence.ends_with(['.', ':', '?', '!']) && !sentence.contains('\n')
    {
        sentence.push('.');
    }
    sentence
}

/// Returns the text without unprintable characters, except line ends and tabs.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !is_unprintable(*c))
        .collect()
}

/// Returns JSON text with the unprintable characters of its strings escaped.
pub fn printable_json(json: &str) -> String {
    let mut printable = String::with_capacity(json.len());
    let mut from = 0;
    for (at, c) in json.match_indices(is_unprintable) {
        printable.push_str(&json[from..at]);
        for unit in c.encode_utf16() {
            printable.push_str(&format!("\\u{unit:04x}"));
        }
        from = at + c.len();
    }
    printable.push_str(&json[from..]);
    printable
}

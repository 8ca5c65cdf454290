//! Text from outside, on its way to a person: what it may hold, and how much of it is repeated.
//!
//! It comes from services, files, variables and arguments; what goes out shows no control
//! character, reorders nothing, and repeats no secret. Escaping for HTML is the templates' own.

/// Longest word that is repeated: keys and tokens are longer.
const LONGEST_WORD: usize = 40;

/// Whether a character would do something else than show itself: control characters, and those
/// that are invisible or reorder what a terminal shows.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The text on one line, without what is unprintable, and with this many characters at most.
pub fn one_line(text: &str, longest: usize) -> String {
    text.chars()
        .filter(|c| !is_unprintable(*c))
        .take(longest)
        .collect()
}

/// A word that somebody typed, in backticks for a message. One that may be a secret that landed
/// in the wrong place is not repeated.
pub fn quoted(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let may_be_secret =
        word.chars().count() > LONGEST_WORD || word.contains(';') || lower.contains("accesskey");
    match may_be_secret {
        true => "what was given".to_owned(),
        false => format!("`{}`", one_line(word, LONGEST_WORD)),
    }
}

/// JSON text with everything unprintable in its strings escaped.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_reorders_or_hides_gets_through() {
        let hostile = "a\u{1b}[31m\u{9b}\u{7f}\u{202e}\u{200f}\nb";
        assert_eq!(one_line(hostile, 99), "a[31mb");
        let json = serde_json::json!({"name": hostile}).to_string();
        let printable = printable_json(&json);
        assert!(!printable.chars().any(is_unprintable), "{printable}");
        let read: serde_json::Value = serde_json::from_str(&printable).expect("still JSON");
        assert_eq!(read["name"], hostile);
    }

    #[test]
    fn a_word_is_repeated_unless_it_may_be_a_secret() {
        assert_eq!(quoted("tennant"), "`tennant`");
        let key = "endpoint=https://c.example/;accesskey=x";
        let token = "e".repeat(41);
        for secret in [key, "AccessKey=abc", token.as_str()] {
            assert_eq!(quoted(secret), "what was given");
        }
    }
}

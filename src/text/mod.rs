//! Prepares text from outside for a message: what it may hold, and how much of it is repeated.
//!
//! In: text of services, files, variables, arguments and prompts. Out: text without control and
//! reordering characters, and without secrets. [`quoted`] is the one way to repeat what a user
//! gave. Escaping for HTML is done by the templates.

mod secret_forms;

use std::borrow::Cow;

pub use secret_forms::{SecretForm, may_hold_secret, secret_form};

/// Longest value that is repeated, in characters.
const LONGEST_VALUE: usize = 256;

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

/// Quotes a value that a user gave, in backticks, for a message. A value that holds a secret, or may
/// hold one, is described by its length.
pub fn quoted(value: &str) -> String {
    match value.chars().count() {
        0 => "an empty value".to_owned(),
        count if count > LONGEST_VALUE || may_hold_secret(value) => described(value),
        _ => format!("`{}`", one_line(value, LONGEST_VALUE)),
    }
}

/// Shows a value that a user gave, on one line and without quotes, for lists and JSON. It hides what
/// [`quoted`] hides, word by word, so that a long list of values stays readable.
pub fn shown(value: &str) -> String {
    if secret_form(value).is_some() {
        return format!("({})", described(value));
    }
    let words = value.split(' ').map(|word| {
        match word.chars().count() > LONGEST_VALUE || may_hold_secret(word) {
            true => format!("({})", described(word)),
            false => one_line(word, LONGEST_VALUE),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Writes a value as one shell word, for a command in a hint. A value that may be a secret, or that
/// a terminal cannot show, is replaced by `placeholder`.
pub fn shell_word<'v>(value: &'v str, placeholder: &'v str) -> Cow<'v, str> {
    let hides = value.is_empty()
        || value.chars().count() > LONGEST_VALUE
        || value.chars().any(is_unprintable)
        || may_hold_secret(value);
    match hides {
        true => Cow::Borrowed(placeholder),
        false => shell_words::quote(value),
    }
}

/// Replaces each word of a message that has the form of a secret by `…`: the last guard, for
/// messages of other crates that quote what they could not read.
pub fn without_secrets(message: &str) -> Cow<'_, str> {
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | '<' | '>');
    let mut safe = String::new();
    let mut from = 0;
    let words = message
        .split(is_end)
        .filter(|word| secret_form(word).is_some());
    for word in words {
        // `split` gives parts of the message itself.
        let at = word.as_ptr() as usize - message.as_ptr() as usize;
        safe.push_str(&message[from..at]);
        safe.push('…');
        from = at + word.len();
    }
    match from {
        0 => Cow::Borrowed(message),
        _ => Cow::Owned(safe + &message[from..]),
    }
}

/// The length of a value in place of the value: `a value of 1,234 characters`.
pub fn described(value: &str) -> String {
    let digits = value.chars().count().to_string();
    let mut count = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            count.push(',');
        }
        count.push(digit);
    }
    format!("a value of {count} characters")
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
    fn a_value_is_quoted_unless_it_may_be_a_secret() {
        assert_eq!(quoted("tennant"), "`tennant`");
        assert_eq!(quoted(""), "an empty value");
        let key = "endpoint=https://c.example/;accesskey=x";
        assert_eq!(quoted(key), "a value of 39 characters");
        assert_eq!(quoted("AccessKey=abc"), "a value of 13 characters");
        assert_eq!(quoted(&"x ".repeat(617)), "a value of 1,234 characters");
        assert_eq!(shown("a eyJhbGciOiJub25lIn0"), "(a value of 21 characters)");
        let long = vec!["https://app.contoso.com"; 40].join(" ");
        assert_eq!(shown(&long), long);
    }

    #[test]
    fn a_hint_repeats_a_value_as_a_shell_word_or_not_at_all() {
        assert_eq!(shell_word("my profile", "NAME"), "'my profile'");
        assert_eq!(shell_word("eyJhbGciOiJub25lIn0", "NAME"), "NAME");
        assert_eq!(shell_word("a\nb", "NAME"), "NAME");
    }

    #[test]
    fn a_foreign_message_loses_its_secrets() {
        let message = "invalid value 'eyJhbGciOiJub25lIn0' for `x` in \"endpoint=a;accesskey=b\"";
        assert_eq!(
            without_secrets(message),
            "invalid value '…' for `x` in \"…\""
        );
        assert_eq!(without_secrets("nothing here"), "nothing here");
    }
}

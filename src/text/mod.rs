//! Prepares text from outside for a message: what it may hold, and how much of it is repeated.
//!
//! In: text of services, files, variables, arguments and prompts. Out: text without control and
//! reordering characters, and without secrets. [`quoted`] is the one way to repeat what a user
//! gave. Escaping for HTML is done by the templates.

mod secret_forms;

use std::borrow::Cow;

use icu_properties::props::{BidiControl, BinaryProperty as _, DefaultIgnorableCodePoint};

pub use secret_forms::{SecretForm, may_hold_secret, secret_form};

/// Longest value that is repeated, in characters.
const LONGEST_VALUE: usize = 256;

/// Whether a character does something else than show itself: a control character, a line or
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

/// The text on one line, without what is unprintable, and with this many characters at most.
pub fn one_line(text: &str, longest: usize) -> String {
    text.chars()
        .filter(|c| !is_unprintable(*c))
        .take(longest)
        .collect()
}

/// Returns the bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
        false if cfg!(windows) => windows_word(value).unwrap_or(Cow::Borrowed(placeholder)),
        false => shell_words::quote(value),
    }
}

/// A word that cmd and PowerShell read alike; `None` if quotes do not make it one in both.
fn windows_word(value: &str) -> Option<Cow<'_, str>> {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.:/\\@+".contains(c);
    if value.chars().all(is_plain) && !value.starts_with('@') {
        return Some(Cow::Borrowed(value));
    }
    // Both expand some of these between quotes, and typographic quotes end a string in PowerShell.
    let is_expanded = |c: char| "\"%!^$`\u{201c}\u{201d}\u{201e}".contains(c);
    let can_be_quoted = !value.contains(is_expanded) && !value.ends_with('\\');
    can_be_quoted.then(|| Cow::Owned(format!("\"{value}\"")))
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
    fn no_invisible_or_reordering_character_of_unicode_gets_through() {
        // DerivedCoreProperties.txt and PropList.txt of Unicode 17.0: Default_Ignorable_Code_Point
        // and Bidi_Control, unassigned code points included.
        let listed: [std::ops::RangeInclusive<u32>; 18] = [
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xfff0..=0xfff8,
            0x1bca0..=0x1bca3,
            0x1d173..=0x1d17a,
            0xe0000..=0xe0fff,
            // Not of these properties: separators of lines and paragraphs.
            0x2028..=0x2029,
        ];
        for c in '\0'..=char::MAX {
            let is_listed = listed.iter().any(|range| range.contains(&u32::from(c)));
            let is_mark = matches!(c, '\u{fff9}'..='\u{fffb}');
            let expected = c.is_control() || is_listed || is_mark;
            assert_eq!(is_unprintable(c), expected, "U+{:04X}", u32::from(c));
        }
        assert_eq!(quoted("ad\u{ad}a\u{e0041}"), "`ada`");
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

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_a_word_of_a_hint_as_the_value_itself() {
        for value in [
            "ada;id>/tmp/x;#",
            "$(id)",
            "`id`",
            "a'b\"c",
            "~root",
            "*",
            "{a,b}",
            "!x",
            "a&&b|c",
            "#x",
            "a=b",
            "\\",
            "%PATH%",
        ] {
            let script = format!("printf %s {}", shell_word(value, "NAME"));
            let mut shell = std::process::Command::new("sh");
            let run = shell.args(["-c", &script]).output();
            let printed = run.expect("a shell").stdout;
            assert_eq!(String::from_utf8_lossy(&printed), value);
        }
    }

    #[test]
    fn a_word_for_windows_is_plain_or_in_quotes_that_expand_nothing() {
        assert_eq!(
            windows_word("ada@contoso.example").as_deref(),
            Some("ada@contoso.example")
        );
        assert_eq!(
            windows_word("my profile;id").as_deref(),
            Some("\"my profile;id\"")
        );
        assert_eq!(windows_word("a&b>c").as_deref(), Some("\"a&b>c\""));
        for value in [
            "%PATH%",
            "$(id)",
            "a`b",
            "a\"b",
            "a!b",
            "a b\\",
            "a\u{201d};id",
        ] {
            assert_eq!(windows_word(value), None, "{value}");
        }
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

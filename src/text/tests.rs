//! The removal of characters, and the quoting of values.

use super::quote::windows_word;
use super::*;

#[test]
fn reordering_and_hiding_characters_are_removed() {
    let hostile = "a\u{1b}[31m\u{9b}\u{7f}\u{202e}\u{200f}\nb";
    assert_eq!(one_line(hostile, 99), "a[31mb");
    let json = serde_json::json!({"name": hostile}).to_string();
    let printable = printable_json(&json);
    assert!(!printable.chars().any(is_unprintable), "{printable}");
    let read: serde_json::Value = serde_json::from_str(&printable).expect("still JSON");
    assert_eq!(read["name"], hostile);
}

#[test]
fn invisible_and_reordering_characters_of_unicode_are_removed() {
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
    assert_eq!(after_noun("tennant"), "`tennant`");
    assert_eq!(after_noun(""), "(an empty value)");
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
    assert_eq!(
        without_secrets("refused \"Bearer aaaaaaaaaaaaaaaaaaaaaaaa\""),
        "refused \"Bearer …\""
    );
    let sentence = "the bearer challenge is missing";
    assert_eq!(without_secrets(sentence), sentence);
}

//! Values in commands and messages: read back by shells, and searched for secrets.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The default number of cases, 256 or `PROPTEST_CASES`, divided by `cost`.
fn config(cost: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.div_ceil(cost),
        failure_persistence: None,
        ..default
    }
}

/// Text with many of the characters that a shell treats specially.
fn value() -> impl Strategy<Value = String> {
    let special: Vec<char> = " \t'\"\\$`!*?[]{}()<>|&;#~=%^,:@/-+\u{a0}é漢"
        .chars()
        .collect();
    let c = prop_oneof![
        4 => proptest::sample::select(special),
        4 => proptest::char::range('a', 'z'),
        1 => any::<char>(),
    ];
    vec(c, 0..24).prop_map(String::from_iter)
}

fn base64url(length: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = String> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let c = proptest::sample::select(alphabet.chars().collect::<Vec<_>>());
    vec(c, length).prop_map(String::from_iter)
}

/// A secret in one of the forms of the services.
fn secret() -> impl Strategy<Value = String> {
    let jwt = (base64url(20..60), base64url(40..200), base64url(86))
        .prop_map(|(header, claims, signature)| format!("eyJ{header}.eyJ{claims}.{signature}"));
    let key = base64url(86).prop_map(|key| format!("{key}=="));
    let connection_string = base64url(86).prop_map(|key| {
        format!("endpoint=https://contoso.communication.azure.com/;accesskey={key}==")
    });
    let refresh_token = (base64url(100..200), base64url(300..600))
        .prop_map(|(start, rest)| format!("1.{start}.{rest}"));
    let bearer = base64url(40..80).prop_map(|token| format!("Bearer {token}"));
    prop_oneof![jwt, key, connection_string, refresh_token, bearer]
}

/// Words around a secret, as a user or another program may write them.
fn around() -> impl Strategy<Value = String> {
    const WORDS: [&str; 11] = [
        "",
        "token",
        "the",
        "value:",
        "--account",
        "ada@contoso.com",
        "x=",
        "\"",
        "(",
        "'",
        "\n",
    ];
    let word = proptest::sample::select(&WORDS[..]);
    vec(word, 0..4).prop_map(|words| words.join(" "))
}

/// Whether the text repeats sixteen characters of the secret's random part.
fn repeats(text: &str, secret: &str) -> bool {
    let random = secret
        .rsplit(['=', ' '])
        .find(|part| part.len() > 32)
        .unwrap_or(secret);
    let random = random.as_bytes();
    let text = text.as_bytes();
    // Of the last 32 characters, which no form shares with a prefix.
    random[random.len().saturating_sub(32)..]
        .windows(16)
        .any(|part| text.windows(16).any(|shown| shown == part))
}

proptest! {
    #![proptest_config(config(1))]

    /// The word of a command is one word with the value, or the placeholder.
    #[cfg(unix)]
    #[test]
    fn shell_word_is_read_back_as_the_value(value in value()) {
        let word = shell_word(&value, "USER");
        let read = shell_words::split(&word).expect("a word of a shell");
        prop_assert!(read == [value.as_str()] || read == ["USER"], "{word}");
        let is_plain = value.chars().all(|c| c.is_ascii_lowercase()) && !value.is_empty();
        prop_assert!(!is_plain || read == [value.as_str()], "a plain word is not hidden");
    }

    /// A message, a hint and a log line repeat no secret, whatever is around it.
    #[test]
    fn no_form_of_a_value_repeats_a_secret(before in around(), secret in secret(), after in around()) {
        let text = format!("{before} {secret} {after}");
        prop_assert!(may_hold_secret(&text));
        prop_assert!(!repeats(&quoted(&text), &secret), "quoted");
        prop_assert!(!repeats(&after_noun(&text), &secret), "after_noun");
        prop_assert!(!repeats(&shown(&text), &secret), "shown");
        prop_assert!(!repeats(&shell_word(&text, "USER"), &secret), "shell_word");
        prop_assert!(!repeats(&without_secrets(&text), &secret), "without_secrets");
    }

    /// A terminal gets no control, reordering or invisible character, and an ordinary value stays.
    #[test]
    fn quoted_text_is_one_printable_line(text in vec(any::<char>(), 0..40).prop_map(String::from_iter)) {
        for shown in [quoted(&text), after_noun(&text), shown(&text), one_line(&text, 40)] {
            prop_assert!(!shown.contains(is_unprintable), "{shown:?}");
        }
        prop_assert!(!printable(&text).contains(|c| !"\n\t".contains(c) && is_unprintable(c)));
        let json = printable_json(&serde_json::to_string(&text).expect("JSON"));
        prop_assert!(!json.contains(is_unprintable));
        prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    }
}

proptest! {
    #![proptest_config(config(16))]

    /// The same by a real shell, 32 words at a time.
    #[cfg(unix)]
    #[test]
    fn real_shell_reads_words_back(values in vec(value(), 32)) {
        let words: Vec<_> = values.iter().map(|value| shell_word(value, "USER")).collect();
        let script = format!("printf '%s\\0' {}", words.join(" "));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh");
        prop_assert!(output.status.success() && output.stderr.is_empty());
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        let read: Vec<&str> = printed.split_terminator('\0').collect();
        prop_assert_eq!(read.len(), values.len());
        for (read, value) in read.into_iter().zip(&values) {
            prop_assert!(read == value || read == "USER", "{read} of {value}");
        }
    }
}

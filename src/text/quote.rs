//! Repeats text from outside in messages: quoted, as a shell word, and without secrets.

use std::borrow::Cow;

use super::clean::{is_unprintable, one_line};
use super::randomness::MIN_KEY_LENGTH;
use super::secret_forms::{may_hold_secret, secret_form};

/// The longest value that is repeated, in characters.
const MAX_VALUE_LENGTH: usize = 256;

/// Quotes a user's value in backticks, for a message. A value that may contain a secret is described
/// by its length.
pub fn quoted(value: &str) -> String {
    match value.chars().count() {
        0 => "an empty value".to_owned(),
        count if count > MAX_VALUE_LENGTH || may_hold_secret(value) => described(value),
        _ => format!("`{}`", one_line(value, MAX_VALUE_LENGTH)),
    }
}

/// Quotes a user's value for a place after its noun, as in "unknown command `x`". A value that is not
/// repeated is described in brackets, so that the sentence stays grammatical.
pub fn after_noun(value: &str) -> String {
    let text = quoted(value);
    match text.starts_with('`') {
        true => text,
        false => format!("({text})"),
    }
}

/// Returns a user's value on one line and without quotes, for lists and JSON. It hides what
/// [`quoted`] hides, word by word, so that a long list of values stays readable.
pub fn shown(value: &str) -> String {
    if secret_form(value).is_some() {
        return format!("({})", described(value));
    }
    let words = value.split(' ').map(|word| {
        match word.chars().count() > MAX_VALUE_LENGTH || may_hold_secret(word) {
            true => format!("({})", described(word)),
            false => one_line(word, MAX_VALUE_LENGTH),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Returns a value as one shell word, for a command in a hint. A value that may be a secret, or that
/// a terminal cannot show, is replaced by `placeholder`.
pub fn shell_word<'v>(value: &'v str, placeholder: &'v str) -> Cow<'v, str> {
    let hides = value.is_empty()
        || value.chars().count() > MAX_VALUE_LENGTH
        || value.chars().any(is_unprintable)
        || may_hold_secret(value);
    match hides {
        true => Cow::Borrowed(placeholder),
        false if cfg!(windows) => windows_word(value).unwrap_or(Cow::Borrowed(placeholder)),
        false => shell_words::quote(value),
    }
}

/// Returns a word that cmd and PowerShell read alike; `None` if quotes are not enough for that.
pub(super) fn windows_word(value: &str) -> Option<Cow<'_, str>> {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.:/\\@+".contains(c);
    if value.chars().all(is_plain) && !value.starts_with('@') {
        return Some(Cow::Borrowed(value));
    }
    // Both expand some of these between quotes, and typographic quotes end a string in PowerShell.
    let is_expanded = |c: char| "\"%!^$`\u{201c}\u{201d}\u{201e}".contains(c);
    let can_be_quoted = !value.contains(is_expanded) && !value.ends_with('\\');
    can_be_quoted.then(|| Cow::Owned(format!("\"{value}\"")))
}

/// Replaces each word of a message that looks like a secret by `…`, and the token after `Bearer`. For
/// messages of other crates, which may quote their input.
pub fn without_secrets(message: &str) -> Cow<'_, str> {
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | '<' | '>');
    let mut follows_scheme = false;
    let words = message.split_inclusive(is_end).map(|word_and_end| {
        let word = word_and_end.trim_end_matches(is_end);
        let is_secret = secret_form(word).is_some() || (follows_scheme && may_be_token(word));
        follows_scheme = word.to_ascii_lowercase().ends_with("bearer");
        match is_secret {
            true => word_and_end.replacen(word, "…", 1).into(),
            false => Cow::Borrowed(word_and_end),
        }
    });
    Cow::Owned(words.collect())
}

/// Returns whether the word after `Bearer` may be a token, and not a word of a sentence.
fn may_be_token(word: &str) -> bool {
    let is_plain = word.chars().all(|c| c.is_ascii_lowercase());
    word.len() >= 8 && (!is_plain || word.len() >= MIN_KEY_LENGTH)
}

/// Returns the length of a value in place of the value: `a value of 1,234 characters`.
pub fn described(value: &str) -> String {
    let mut count = value.chars().count().to_string();
    let digits = count.len();
    for at in (1..digits)
        .rev()
        .filter(|at| (digits - at).is_multiple_of(3))
    {
        count.insert(at, ',');
    }
    format!("a value of {count} characters")
}

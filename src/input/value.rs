//! Decodes text and finds a value in it.

use std::borrow::Cow;

use zeroize::Zeroizing;

/// Decodes text in UTF-8 or UTF-16, with or without a byte order mark. `None` if it is neither.
pub fn text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let bytes = Zeroizing::new(utf8(bytes).into_owned());
    let text = std::str::from_utf8(&bytes).ok()?;
    (!text.contains('\0')).then(|| Zeroizing::new(text.to_owned()))
}

/// Returns the text in UTF-8, without a byte order mark. Returns bytes that are not text unchanged.
pub fn utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    let decoded = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => return Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // Without a mark: ASCII in UTF-16 has a zero in every other byte.
        [first, 0, ..] if *first != 0 && is_every_other_zero(&bytes[1..]) => {
            utf16(bytes, u16::from_le_bytes)
        }
        [0, first, ..] if *first != 0 && is_every_other_zero(bytes) => {
            utf16(bytes, u16::from_be_bytes)
        }
        _ => None,
    };
    match decoded {
        Some(text) => Cow::Owned(text.into_bytes()),
        None => Cow::Borrowed(bytes),
    }
}

fn is_every_other_zero(bytes: &[u8]) -> bool {
    bytes.iter().step_by(2).all(|byte| *byte == 0)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, []) = bytes.as_chunks() else {
        return None;
    };
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

/// Returns the value without white space, a byte order mark and one pair of quotes around it.
pub fn bare(text: &str) -> &str {
    let is_around = |c: char| c.is_whitespace() || c == '\u{feff}';
    let text = text.trim_matches(is_around);
    for (open, close) in [('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’')] {
        let inner = text
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
            .filter(|inner| !inner.contains([open, close]));
        if let Some(inner) = inner {
            return inner.trim_matches(is_around);
        }
    }
    text
}

/// Returns the bare value of one of these variables: alone, or assigned as a shell, PowerShell, cmd or a
/// dotenv file does (`export NAME=…`, `$env:NAME = "…"`, `set NAME=…`, `NAME=…`). Of several lines, the
/// one that assigns one of these variables counts.
pub fn value<'t>(text: &'t str, variables: &[&str]) -> &'t str {
    value_with_form(text, variables, |_| false)
}

/// Does the same as [`value`], and accepts any other variable if its value has this form.
pub(super) fn value_with_form<'t>(
    text: &'t str,
    variables: &[&str],
    has_form: impl Fn(&str) -> bool,
) -> &'t str {
    let assigned = |line| assigned(line, variables, &has_form);
    let whole = bare(text);
    if let Some(value) = assigned(whole).filter(|_| !whole.contains('\n')) {
        return value;
    }
    let lines = whole.lines().map(bare);
    let mut values: Vec<&str> = lines.filter_map(assigned).collect();
    // The same value under two names has one meaning.
    values.dedup();
    match values[..] {
        [value] => value,
        _ => whole,
    }
}

/// Returns the value after `NAME=`, or YAML's and JSON's `NAME:`, if the name is one of these or the
/// value has the form.
fn assigned<'t>(
    line: &'t str,
    variables: &[&str],
    has_form: impl Fn(&str) -> bool,
) -> Option<&'t str> {
    let (name, value) = line.split_once(['=', ':'])?;
    // PowerShell's `$env:NAME` has a colon before the name.
    let (name, value) = match name.eq_ignore_ascii_case("$env") {
        true => value.split_once('=')?,
        false => (name, value),
    };
    let name = name.trim();
    let lower = name.to_ascii_lowercase();
    let plain = ["export ", "set ", "declare -x ", "setx "]
        .iter()
        .find(|word| lower.starts_with(*word))
        .map_or(name, |word| name[word.len()..].trim());
    // `set "NAME=…"` in cmd has the quotes around the assignment.
    let (plain, value) = match (plain.strip_prefix('"'), value.trim().strip_suffix('"')) {
        (Some(plain), Some(value)) => (plain, value),
        _ => (plain, value),
    };
    let value = value.trim();
    // PowerShell, `export NAME='…';` in a script and `"NAME": "…",` in JSON. A value without quotes
    // keeps its end.
    let value = bare(match value.starts_with(['"', '\'']) {
        true => value.trim_end_matches([';', ',', ' ']),
        false => value,
    });
    let plain = plain.trim_matches('"');
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_known = variables
        .iter()
        .any(|known| known.eq_ignore_ascii_case(plain));
    (is_known || plain.chars().all(is_name) && has_form(value)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_of(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_is_read_in_every_encoding_that_windows_writes() {
        let written = "endpoint=ü\r\n";
        let marked = format!("\u{feff}{written}");
        for bytes in [
            written.as_bytes().to_vec(),
            marked.as_bytes().to_vec(),
            utf16_of(&marked, u16::to_le_bytes),
            utf16_of(&marked, u16::to_be_bytes),
        ] {
            assert_eq!(text(&bytes).expect("text").as_str(), written);
        }
        let plain = "endpoint=x";
        for bytes in [
            utf16_of(plain, u16::to_le_bytes),
            utf16_of(plain, u16::to_be_bytes),
        ] {
            assert_eq!(text(&bytes).expect("text").as_str(), plain);
        }
        assert_eq!(text(b"").expect("text").as_str(), "");
        for bytes in [&b"\xff\xfea"[..], b"\xff\xfe\x00\xd8", b"\x80", b"a\0b"] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn text_around_a_value_is_removed() {
        for text in [
            "x",
            " x\r\n",
            "\u{feff}x",
            "\"x\"",
            "'x'\n",
            " \" x \" ",
            "“x”",
        ] {
            assert_eq!(bare(text), "x", "{text:?}");
        }
        for text in ["\"x", "x'", "'x\"", "\"x\" \"y\""] {
            assert_eq!(bare(text), text, "no pair around the whole: {text:?}");
        }
    }

    #[test]
    fn assignment_is_reduced_to_its_value() {
        for text in [
            "NAME=a=b;c",
            "export NAME=a=b;c",
            "export NAME='a=b;c';",
            "$env:NAME = \"a=b;c\"",
            "$Env:Name=\"a=b;c\";",
            "set NAME=a=b;c",
            "set \"NAME=a=b;c\"",
            "setx NAME=a=b;c",
            "NAME: a=b;c",
            "\"NAME\": \"a=b;c\",",
            "declare -x NAME=\"a=b;c\"",
            "# a comment\nOTHER=1\nNAME=\"a=b;c\"\n",
            "NAME='a=b;c'\nTHIRD=\"a=b;c\"",
            " 'a=b;c' ",
        ] {
            assert_eq!(value(text, &["NAME", "THIRD"]), "a=b;c", "{text:?}");
        }
        for text in ["OTHER=x", "NAME=x\nNAME=y", "a=b;NAME=c"] {
            assert_eq!(value(text, &["NAME"]), text, "no one meaning: {text:?}");
        }
    }
}

//! Hashes that clients send or sign in place of the hash of the body.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ring::digest;

/// The longest body that is examined under other spellings.
const MAX_BODY: usize = 64 * 1024;

/// Returns the right hash of a body.
pub(super) fn hash(body: &[u8]) -> String {
    STANDARD.encode(sha256(body))
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

/// Returns wrong hashes and a description of each.
pub(super) fn hashes(body: &[u8]) -> Vec<(String, &'static str)> {
    let right = sha256(body);
    let hex: String = right
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut hashes = vec![
        (hex.clone(), "hexadecimal, not Base64"),
        (hex.to_ascii_uppercase(), "hexadecimal, not Base64"),
        (
            STANDARD.encode(&hex),
            "the Base64 of the hexadecimal text, not of the hash",
        ),
        (STANDARD_NO_PAD.encode(right), "Base64 without its padding"),
        (URL_SAFE.encode(right), "base64url, not Base64"),
        (
            URL_SAFE_NO_PAD.encode(right),
            "base64url without padding, not Base64",
        ),
        (String::new(), "empty"),
        (
            "UNSIGNED-PAYLOAD".to_owned(),
            "the word for an unsigned body",
        ),
    ];
    if let Ok(text) = std::str::from_utf8(body)
        && text.len() <= MAX_BODY
    {
        hashes.push((text.to_owned(), "the body itself, not its hash"));
        let bodies = others(text).into_iter();
        hashes.extend(bodies.map(|(other, what)| (hash(&other), what)));
    }
    hashes.retain(|(other, _)| *other != hash(body));
    hashes
}

/// Returns other bodies that clients hash in place of this one.
fn others(text: &str) -> Vec<(Vec<u8>, &'static str)> {
    let mut bodies: Vec<(Vec<u8>, &'static str)> = [
        (String::new(), "the hash of an empty body"),
        ("{}".to_owned(), "the hash of `{}`, not of the body"),
        ("null".to_owned(), "the hash of `null`, not of the body"),
        (format!("{text}\n"), "the hash of the body and a line feed"),
        (
            format!("{text}\r\n"),
            "the hash of the body and a line break",
        ),
        (
            text.trim().to_owned(),
            "the hash of the body without the space around it",
        ),
        (
            spaced(text, "", ""),
            "the hash of the same JSON without spaces",
        ),
        (
            spaced(text, " ", " "),
            "the hash of the same JSON with spaces after `:` and `,`",
        ),
        (
            serde_json::json!(text).to_string(),
            "the hash of the body as a JSON string",
        ),
    ]
    .map(|(other, what)| (other.into_bytes(), what))
    .into();
    let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bodies.push((utf16, "the hash of the body in UTF-16, not UTF-8"));
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
        let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
        bodies.push((
            value.to_string().into(),
            "the hash of the same JSON with sorted members",
        ));
        bodies.push((pretty.into(), "the hash of the same JSON with line breaks"));
    }
    bodies
}

/// Returns JSON with this space after each colon and comma, and no other space outside of strings.
fn spaced(json: &str, colon: &str, comma: &str) -> String {
    let mut spaced = String::with_capacity(json.len());
    let (mut is_in_string, mut is_escaped) = (false, false);
    for c in json.chars() {
        if is_in_string || !c.is_ascii_whitespace() {
            spaced.push(c);
        }
        match c {
            '"' if !is_escaped => is_in_string = !is_in_string,
            ':' if !is_in_string => spaced.push_str(colon),
            ',' if !is_in_string => spaced.push_str(comma),
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    spaced
}

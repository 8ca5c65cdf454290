//! Requests that are really signed wrongly, each with one known mistake, and the journal's diagnosis.

mod values;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, hmac};

use super::harness::published::ACCESS_KEY_BYTES;
use super::harness::{Fixture, NOW, Signed};
use crate::emulator::{LoggedRequest, Options, Seed};
use crate::time::Timestamp;

const ISSUE: &str = "/identities/8%3Aacs%3Aac5ba55e-0ac5-4000-8000-0000000000e1_00000001-0464-274b-b274-5a3a0d000101/:issueAccessToken?api-version=2023-10-01&a=x%20y";
const BODY: &str = r#"{"scopes": ["chat"], "expiresInMinutes": 60}"#;

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hash(body: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, body.as_bytes()))
}

fn text(signed: &Signed) -> String {
    let Signed {
        method,
        target,
        date,
        host,
        hash,
        ..
    } = signed;
    format!("{method}\n{target}\n{date};{host};{hash}")
}

fn authorize(signed: &mut Signed, signature: &str) {
    let (form, _) = signed
        .authorization
        .split_once("Signature=")
        .expect("signed");
    signed.authorization = format!("{form}Signature={signature}");
}

/// Sends a request that `tamper` changed, and returns its entry.
fn refused(fixture: &Fixture, tamper: impl FnOnce(&mut Signed)) -> LoggedRequest {
    let response = fixture.tampered("POST", ISSUE, BODY, tamper);
    assert_eq!(response.status, 401);
    let entry = fixture.emulator.requests().pop().expect("one was seen");
    let journal = format!("{entry:?}");
    for secret in fixture.emulator.secrets() {
        assert!(!journal.contains(&secret), "{journal}");
    }
    entry
}

/// Sends a request with the signature of another text, which `tamper` makes from the sent parts.
fn with_text(fixture: &Fixture, other: impl FnOnce(&Signed) -> String) -> Option<String> {
    let entry = refused(fixture, |signed| {
        let signature = sign(ACCESS_KEY_BYTES, &other(signed));
        authorize(signed, &STANDARD.encode(signature));
    });
    assert_eq!(
        entry.reason.as_deref(),
        Some("the signature does not match")
    );
    entry.mistake
}

type Change = fn(&mut Signed);
/// Makes a signed text from the sent parts.
type Text = fn(&Signed) -> String;

/// Signs the parts after a change that the sent request does not have.
fn with_change(fixture: &Fixture, change: Change) -> Option<String> {
    with_text(fixture, |sent| {
        let mut signed = Signed {
            method: sent.method.clone(),
            target: sent.target.clone(),
            host: sent.host.clone(),
            date: sent.date.clone(),
            hash: sent.hash.clone(),
            body: sent.body.clone(),
            ..Signed::default()
        };
        change(&mut signed);
        text(&signed)
    })
}

fn replace(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{text}");
    *text = text.replace(from, to);
}

#[test]
fn a_mistake_in_the_body_hash_is_named() {
    let fixture = Fixture::new();
    let hex: fn(&str) -> String = |body| {
        let digest = digest::digest(&digest::SHA256, body.as_bytes());
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let compact = r#"{"scopes":["chat"],"expiresInMinutes":60}"#;
    let utf16: Vec<u8> = BODY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let url_safe = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, BODY.as_bytes()));
    for (wrong, what) in [
        (String::new(), "empty"),
        (hash(""), "the hash of an empty body"),
        (hash("{}"), "the hash of `{}`, not of the body"),
        (hash("null"), "the hash of `null`, not of the body"),
        (
            hash(&format!("{BODY}\n")),
            "the hash of the body and a line feed",
        ),
        (hash(compact), "the hash of the same JSON without spaces"),
        (
            hash(&serde_json::json!(BODY).to_string()),
            "the hash of the body as a JSON string",
        ),
        (
            STANDARD.encode(digest::digest(&digest::SHA256, &utf16)),
            "the hash of the body in UTF-16, not UTF-8",
        ),
        (hex(BODY), "hexadecimal, not Base64"),
        (
            STANDARD.encode(hex(BODY)),
            "the Base64 of the hexadecimal text, not of the hash",
        ),
        (url_safe, "base64url without padding, not Base64"),
        (BODY.to_owned(), "the body itself, not its hash"),
    ] {
        let signed = with_text(&fixture, |sent| text(sent).replace(&sent.hash, &wrong));
        assert_eq!(
            signed,
            Some(format!("the body hash in the signed text is {what}"))
        );
        if wrong.is_empty() {
            continue;
        }
        // Header and signed text have the same wrong hash.
        let entry = refused(&fixture, |signed| {
            signed.hash.clone_from(&wrong);
            let signature = STANDARD.encode(sign(ACCESS_KEY_BYTES, &text(signed)));
            authorize(signed, &signature);
        });
        assert_eq!(
            entry.mistake,
            Some(format!("x-ms-content-sha256 is {what}"))
        );
        let expected = entry.string_to_sign.expect("a text");
        assert!(expected.ends_with(&hash(BODY)), "{expected}");
    }
}

#[test]
fn a_mistake_in_the_separators_is_named() {
    let fixture = Fixture::new();
    let text_with = |separator: &'static str| {
        let mistake = with_text(&fixture, |s| text(s).replace(';', separator));
        mistake.expect("it is known")
    };
    for (separator, name) in [
        (",", "a comma"),
        ("&", "an ampersand"),
        ("\n", "a line feed"),
        ("", "nothing"),
    ] {
        let mistake = format!("the signed headers are separated by {name}, not by a semicolon");
        assert_eq!(text_with(separator), mistake);
    }
    let cases: &[(Text, &str)] = &[
        (
            |s| text(s).replace('\n', "\r\n"),
            "the lines of the signed text end with CR LF, not with LF",
        ),
        (
            |s| text(s).replacen('\n', " ", 1),
            "method and path of the signed text are separated by a space",
        ),
        (
            |s| text(s).replace('\n', ""),
            "the signed text has no line feeds",
        ),
        (
            |s| text(s).replace('\n', "\\n"),
            "the signed text has a backslash and `n` for each line feed",
        ),
        (
            |s| text(s) + "\n",
            "the signed text has a line feed at its end",
        ),
        (
            |s| text(s) + ";",
            "the signed text has a semicolon at its end",
        ),
        (
            |s| {
                format!(
                    "{}\n{}\nx-ms-date:{};host:{};x-ms-content-sha256:{}",
                    s.method, s.target, s.date, s.host, s.hash
                )
            },
            "the names of the headers are in the signed text",
        ),
        (
            |s| {
                format!(
                    "{}\n{}\n{};{};{}",
                    s.method, s.target, s.host, s.date, s.hash
                )
            },
            "the signed headers are in another order than SignedHeaders names them",
        ),
    ];
    for (other, mistake) in cases {
        assert_eq!(with_text(&fixture, other).as_deref(), Some(*mistake));
    }
}

#[test]
fn a_mistake_in_the_key_is_named() {
    let fixture = Fixture::new();
    let hashed = digest::digest(&digest::SHA256, ACCESS_KEY_BYTES);
    let encoded = STANDARD.encode(ACCESS_KEY_BYTES);
    let prefixed = format!("accesskey={encoded}");
    for (key, mistake) in [
        (
            encoded.as_bytes(),
            "the primary key was used as text, not decoded from Base64",
        ),
        (
            prefixed.as_bytes(),
            "the primary key was used with `accesskey=` before it, as text",
        ),
        (
            hashed.as_ref(),
            "the primary key was hashed before it was used",
        ),
        (b"", "the key is empty"),
    ] {
        let entry = refused(&fixture, |signed| signed.sign_with(key));
        assert_eq!(entry.mistake.as_deref(), Some(mistake));
    }
    let entry = refused(&fixture, |signed| {
        let key = hmac::Key::new(hmac::HMAC_SHA512, ACCESS_KEY_BYTES);
        let signature = hmac::sign(&key, text(signed).as_bytes());
        authorize(signed, &STANDARD.encode(signature));
    });
    let mistake = "the signature is made with HMAC-SHA512, not HMAC-SHA256";
    assert_eq!(entry.mistake.as_deref(), Some(mistake));
    let entry = refused(&fixture, |signed| signed.sign_with(b"another key"));
    assert_eq!(entry.mistake, None);
}

#[test]
fn a_key_of_another_resource_is_named() {
    let seed = "[[resources]]\nname = \"one\"\n[[resources]]\nname = \"two\"\n";
    let fixture = Fixture::with(Options {
        seed: Seed::parse(seed).expect("a seed"),
        ..Options::default()
    });
    let world = fixture.emulator.context.world();
    let [one, two] = &world.resources[..] else {
        panic!("there are two resources");
    };
    let key = &two.keys.secondary.bytes;
    let entry = refused(&fixture, |signed| signed.sign_with(key));
    let mistake = "the key is the secondary key of the resource two";
    assert_eq!(entry.mistake.as_deref(), Some(mistake));
    let key = &one.keys.secondary.bytes;
    let target = "/identities?api-version=2023-10-01";
    let created = fixture.tampered("POST", target, "", |signed| signed.sign_with(key));
    assert_eq!(created.status, 201);
    let entry = fixture.emulator.requests().pop().expect("one was seen");
    let by = "HMAC with the secondary key";
    assert_eq!(entry.authenticated_by.as_deref(), Some(by));
}

#[test]
fn a_mistake_in_the_authorization_header_is_named() {
    let fixture = Fixture::new();
    let signature = |signed: &Signed| sign(ACCESS_KEY_BYTES, &text(signed));
    let entry = refused(&fixture, |signed| {
        let hex: String = signature(signed)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        authorize(signed, &hex);
    });
    let mistake = "the signature is hexadecimal, not Base64";
    assert_eq!(entry.mistake.as_deref(), Some(mistake));
    let entry = refused(&fixture, |signed| {
        let text = URL_SAFE_NO_PAD.encode(signature(signed));
        authorize(signed, &text);
    });
    assert!(
        entry
            .mistake
            .is_some_and(|mistake| mistake.starts_with("the signature is "))
    );
    for (header, part) in [
        (
            "HMAC-SHA256 Credential=x&SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=AAAA",
            "Azure App Configuration",
        ),
        ("SharedKey account:AAAA", "Azure Storage"),
        ("HMAC-SHA256 AAAA", "does not name the signed headers"),
        (
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256, Signature=AAAA",
            "one & between",
        ),
        (
            "hmac-sha256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=AAAA",
            "not in capitals",
        ),
    ] {
        let entry = refused(&fixture, |signed| {
            header.clone_into(&mut signed.authorization)
        });
        let mistake = entry.mistake.expect("it is known");
        assert!(mistake.contains(part), "{mistake}");
    }
}

#[test]
fn the_expected_text_is_shown_for_a_wrong_signature_only() {
    let fixture = Fixture::new();
    let entry = refused(&fixture, |signed| signed.sign_with(b"another key"));
    let date = Timestamp::from_unix_seconds(NOW).to_http_date();
    let (target, _) = ISSUE.split_once("&a=").expect("a second parameter");
    let expected = format!(
        "POST\n{target}&<another parameter>\n{date};{};{}",
        fixture.host(),
        hash(BODY)
    );
    assert_eq!(entry.string_to_sign, Some(expected));
    let long = ISSUE.replace("/:issue", &("a".repeat(4000) + "/:issue"));
    let refused = fixture.tampered("POST", &long, BODY, |signed| {
        signed.sign_with(b"another key")
    });
    assert_eq!(refused.status, 401);
    let entry = fixture.emulator.requests().pop().expect("one was seen");
    let length = entry.string_to_sign.expect("a text").len();
    assert!(length < 2000, "{length}");
    fixture.identity();
    let entry = fixture.emulator.requests().pop().expect("one was seen");
    assert_eq!((entry.mistake, entry.string_to_sign), (None, None));
    assert_eq!(
        entry.authenticated_by.as_deref(),
        Some("HMAC with the primary key")
    );
}

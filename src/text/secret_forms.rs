//! Recognizes secrets in text where none is expected.
//!
//! Forms: compact JWTs and their parts (RFC 7519), Entra's opaque refresh tokens and authorization
//! codes, client secrets of Entra applications, ACS connection strings and access keys, bearer
//! headers, signed URLs (SAS), passwords in URLs, and long random text. It reads no token and
//! checks no key.

use std::fmt;

use super::randomness::{MIN_KEY_LENGTH, is_base64_character, is_mixed, is_random};

/// The kind of a recognized secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretForm {
    /// A token, an authorization code, or a part of one.
    Token,
    /// An ACS connection string, or another one with a key.
    ConnectionString,
    /// An access key, or other random text of its length.
    Key,
    /// A password or client secret.
    Password,
}

impl fmt::Display for SecretForm {
    /// Writes the kind with its article, for a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecretForm::Token => "a token",
            SecretForm::ConnectionString => "a connection string",
            SecretForm::Key => "a key",
            SecretForm::Password => "a password",
        })
    }
}

/// Names of secrets, before `=` or `:`.
const SECRET_NAMES: [(&str, SecretForm); 16] = [
    ("accesskey", SecretForm::ConnectionString),
    ("accountkey", SecretForm::ConnectionString),
    ("primarykey", SecretForm::ConnectionString),
    ("secondarykey", SecretForm::ConnectionString),
    ("sharedaccesssignature", SecretForm::ConnectionString),
    ("connectionstring", SecretForm::ConnectionString),
    ("access_token", SecretForm::Token),
    ("accesstoken", SecretForm::Token),
    ("refresh_token", SecretForm::Token),
    ("id_token", SecretForm::Token),
    ("client_assertion", SecretForm::Token),
    ("code_verifier", SecretForm::Token),
    ("password", SecretForm::Password),
    ("passphrase", SecretForm::Password),
    ("client_secret", SecretForm::Password),
    ("clientsecret", SecretForm::Password),
];
/// Parameters of an address with a secret value.
const SECRET_PARAMETERS: [(&str, SecretForm); 4] = [
    ("code", SecretForm::Token),
    ("sig", SecretForm::Key),
    ("device_code", SecretForm::Token),
    ("session_state", SecretForm::Token),
];

/// The longest ordinary word. A GUID without dashes has 32 letters and digits.
const MAX_WORD_LENGTH: usize = 32;

/// Returns the kind of secret that the text certainly contains, if any.
pub fn secret_form(text: &str) -> Option<SecretForm> {
    // Most texts are words of a message, so the cheap checks are first.
    let assigns = text.contains('=') || text.contains(':');
    let assigned = if assigns { assigned_form(text) } else { None };
    match assigned {
        Some(SecretForm::ConnectionString) => return assigned,
        _ if has_bearer_token(text) || has_jwt(text) => return Some(SecretForm::Token),
        Some(_) => return assigned,
        None if text.len() < MIN_KEY_LENGTH => return None,
        None => {}
    }
    text.split(|c: char| !is_opaque_character(c))
        .find_map(opaque_form)
        .or_else(|| {
            text.split(|c: char| !is_base64_character(c))
                .any(is_random)
                .then_some(SecretForm::Key)
        })
}

/// Returns the kind of secret that the text assigns to a name, if any.
fn assigned_form(text: &str) -> Option<SecretForm> {
    let squeezed: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''))
        .flat_map(char::to_lowercase)
        .collect();
    let mut names = SECRET_NAMES.iter();
    if let Some((_, form)) = names.find(|(name, _)| assigns(&squeezed, name)) {
        return Some(*form);
    }
    if has_password_in_url(text) {
        return Some(SecretForm::Password);
    }
    text.split(['?', '&', '#', ' ', '\n'])
        .find_map(secret_parameter)
}

/// Returns whether the text may contain a secret. Such text is not repeated in a message.
pub fn may_hold_secret(text: &str) -> bool {
    if secret_form(text).is_some() {
        return true;
    }
    let lower = text.to_lowercase();
    let is_list_of_pairs = text.contains(';') && text.contains('=');
    let names_secret = lower.split([';', '&', '?', ',', ' ', '{']).any(|pair| {
        pair.split_once(['=', ':']).is_some_and(|(name, value)| {
            !value.is_empty()
                // `ACSPASS_LOG=acspass=debug` is no password.
                && name != "acspass"
                && ["key", "secret", "token", "pwd", "pass", "credential"]
                    .iter()
                    .any(|word| name.ends_with(word))
        })
    });
    let has_long_word = text
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word.chars().count() > MAX_WORD_LENGTH);
    let has_password = text
        .split_whitespace()
        .any(|word| matches!(word.split_once('@'), Some((before, _)) if before.contains(':')));
    is_list_of_pairs
        || lower.contains("accesskey")
        || names_secret
        || has_long_word
        || has_password
        || text.split(|c: char| !is_base64_character(c)).any(is_mixed)
}

/// Returns whether a value is assigned to this name, in text without spaces and quotes.
fn assigns(squeezed: &str, name: &str) -> bool {
    squeezed.match_indices(name).any(|(at, _)| {
        let rest = &squeezed[at + name.len()..];
        rest.strip_prefix(['=', ':'])
            .is_some_and(|value| !value.is_empty() && !value.starts_with(';'))
    })
}

/// Returns whether the text has a bearer header with a token.
fn has_bearer_token(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).any(|pair| {
        let scheme = pair[0].trim_start_matches(['"', '\'']).to_ascii_lowercase();
        (scheme == "bearer" || scheme.ends_with(":bearer")) && pair[1].len() >= 8
    })
}

/// Returns whether the text has Base64url of a JSON object, which starts with `{"`.
fn has_jwt(text: &str) -> bool {
    text.match_indices("eyJ").any(|(at, start)| {
        let rest = text[at + start.len()..].chars().take(5);
        rest.filter(|c| is_base64_character(*c)).count() == 5
    })
}

/// The placeholder for a user and a password in this program's hints.
const PLACEHOLDER: &str = "USER:PASSWORD";

/// Returns whether the text has `user:password@` before a host.
fn has_password_in_url(text: &str) -> bool {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#');
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(is_end).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':') && !user.ends_with(PLACEHOLDER))
    })
}

fn secret_parameter(pair: &str) -> Option<SecretForm> {
    let (name, value) = pair.split_once('=')?;
    SECRET_PARAMETERS
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known) && value.len() >= 8)
        .map(|(_, form)| form)
}

/// Returns the kind of an opaque text of Entra. Refresh tokens and codes begin with `0.A` or `1.A` (work accounts) or
/// `M.C…_` (personal ones), older ones with `AQAB` or `OAQAB`; a client secret has `8Q~` or `7Q~`
/// after three characters.
fn opaque_form(word: &str) -> Option<SecretForm> {
    if word.len() < MIN_KEY_LENGTH {
        return None;
    }
    let mut starts = ["0.A", "1.A", "AQABA", "OAQABA"].iter();
    let is_personal = word.starts_with("M.")
        && word.as_bytes().get(2).is_some_and(u8::is_ascii_uppercase)
        && word.contains('_');
    if is_personal || starts.any(|start| word.starts_with(start)) {
        return Some(SecretForm::Token);
    }
    let is_client_secret = word.contains("8Q~") || word.contains("7Q~");
    is_client_secret.then_some(SecretForm::Password)
}

fn is_opaque_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '!' | '*' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    /// Bytes that look random and are the same in every run.
    fn bytes(count: usize, seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            })
            .collect()
    }

    #[test]
    fn path_of_a_private_bus_is_no_secret() {
        for seed in 1..=500 {
            let random = STANDARD.encode(bytes(9, seed)).replace(['+', '/'], "x");
            let guid: String = bytes(16, seed).iter().map(|b| format!("{b:02x}")).collect();
            let address = format!("unix:path=/tmp/dbus-{},guid={guid}", &random[..10]);
            assert_eq!(secret_form(&address), None, "{address}");
        }
        let key = STANDARD.encode(bytes(32, 7));
        assert_eq!(secret_form(&format!("a=b={key}")), Some(SecretForm::Key));
    }

    #[test]
    fn every_key_of_every_length_is_recognised() {
        for seed in 1..=500 {
            for length in [32, 48, 64] {
                let key = STANDARD.encode(bytes(length, seed));
                assert_eq!(secret_form(&key), Some(SecretForm::Key), "seed {seed}");
            }
        }
    }

    #[test]
    fn secrets_are_recognised_by_their_form() {
        use SecretForm::{ConnectionString, Key, Password, Token};
        for (text, form) in [
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln", Token),
            ("x=eyJzdWIiOiJ4In0", Token),
            ("Bearer abcdefgh", Token),
            ("authorization: bearer abcdefghij", Token),
            ("0.AXoAqwertyuiopasdfghjklzxcvbnm", Token),
            ("1.AXoAqwertyuiopasdfghjklzxcvbnm.AgABAwEAAAA", Token),
            ("M.C107_BAY.2.U.abcdefghijklmnop", Token),
            ("http://localhost/?code=abcdefghij&state=x", Token),
            ("{\"accessToken\": \"abc\"}", Token),
            ("endpoint=https://a.b/;accesskey=x", ConnectionString),
            ("Endpoint = https://a.b ; AccessKey = x", ConnectionString),
            ("c29tZWJvZHkncyBhY2Nlc3Mga2V5", Key),
            (
                "https://a.blob.core.windows.net/c?sv=2020&sig=abcdefgh%3D",
                Key,
            ),
            ("https://user:hunter2@proxy.example:8080", Password),
            ("client_secret=abc", Password),
            ("abc8Q~abcdefghijklmnopqrst", Password),
        ] {
            assert_eq!(secret_form(text), Some(form), "{text}");
        }
    }

    #[test]
    fn ordinary_values_are_no_secret() {
        for text in [
            "",
            "default",
            "ada@contoso.com",
            "contoso.onmicrosoft.com",
            "11111111-2222-3333-4444-555555555555",
            "A1B2C3D4-E5F6-A7B8-C9D0-E1F2A3B4C5D6",
            "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101",
            "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_wf_0fc5f2e4-7a1b-4c2d-9e3f-5a6b7c8d9e0f_1b5cc06b-f352-4571-b1e6-d9b259b7c776",
            "https://auth.msft.communication.azure.com/Teams.ManageCalls",
            "api://11111111-2222-3333-4444-555555555555/access_as_user",
            "https://login.microsoftonline.com/common/oauth2/nativeclient",
            "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/config.toml",
            "/home/ada/Documents/My Project 2/connection-string.txt",
            "/Users/AdaB2/Library/MyApp/State",
            "/Users/AdaLovelace/Library/Application Support/MyLongFolderName2/State1/X2",
            "Proj1/Test2/Data3/Lib4/Out5/File",
            "https://contoso.sharepoint.com/sites/MyTeam1/Shared2/Doc3",
            "ManageCallsManageChats2",
            "C:\\Users\\Ada\\AppData\\Local\\Temp\\token.txt",
            "http://localhost:8080/redirect",
            "uid-1234.utid-5678",
            "24h59s",
            "firefox --new-window",
            "COMMUNICATION_SERVICES_ENDPOINT",
        ] {
            assert_eq!(secret_form(text), None, "{text}");
            assert!(!may_hold_secret(text), "{text}");
        }
        let hint = "set HTTPS_PROXY to http://USER:PASSWORD@proxy.example:8080";
        assert_eq!(secret_form(hint), None);
    }

    #[test]
    fn in_doubt_a_text_is_taken_for_a_secret() {
        for text in [
            "0123456789abcdef0123456789abcdef0",
            "user:hunter2@proxy.example",
            "a=b;c=d",
            "MY_TOKEN=abc",
            "aBcDeFgHiJkLmNoPqRsTuVwXyZ",
        ] {
            assert!(may_hold_secret(text), "{text}");
        }
    }
}

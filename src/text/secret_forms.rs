//! Recognises secrets in text that a user put in a place for something else.
//!
//! Forms: compact JWTs and their parts (RFC 7519), Entra's opaque refresh tokens and authorization
//! codes, client secrets of Entra applications, ACS connection strings and access keys, bearer
//! headers, signed URLs (SAS), passwords in URLs, and long random text. It reads no token and
//! checks no key.

use std::fmt;

/// The kind of secret that a text has the form of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretForm {
    /// A token, an authorization code, or a part of one.
    Token,
    /// An ACS connection string, or another that holds a key.
    ConnectionString,
    /// An access key, or other random text of its length.
    Key,
    /// A password or client secret.
    Password,
}

impl fmt::Display for SecretForm {
    /// The kind with its article, for a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecretForm::Token => "a token",
            SecretForm::ConnectionString => "a connection string",
            SecretForm::Key => "a key",
            SecretForm::Password => "a password",
        })
    }
}

/// Names before `=` or `:` that a key or a signature follows.
const KEY_NAMES: [&str; 6] = [
    "accesskey",
    "accountkey",
    "primarykey",
    "secondarykey",
    "sharedaccesssignature",
    "connectionstring",
];
/// Names before `=` or `:` that a token follows.
const TOKEN_NAMES: [&str; 6] = [
    "access_token",
    "accesstoken",
    "refresh_token",
    "id_token",
    "client_assertion",
    "code_verifier",
];
/// Names before `=` or `:` that a password follows.
const PASSWORD_NAMES: [&str; 4] = ["password", "passphrase", "client_secret", "clientsecret"];

/// Parameters of an address that hold a secret.
const SECRET_PARAMETERS: [(&str, SecretForm); 4] = [
    ("code", SecretForm::Token),
    ("sig", SecretForm::Key),
    ("device_code", SecretForm::Token),
    ("session_state", SecretForm::Token),
];

/// Shortest random text that counts as a key: 15 bytes in Base64.
const SHORTEST_KEY: usize = 20;
/// Longest part between slashes that Base64 of a key's length does not go beyond.
const SHORTEST_SEGMENT: usize = 12;
/// Longest run of letters and digits that is an ordinary word; a GUID without dashes has 32.
const LONGEST_WORD: usize = 32;

/// The form of secret that the text holds beyond doubt, if any.
pub fn secret_form(text: &str) -> Option<SecretForm> {
    // Most texts are words of a message: what cannot be found in them is not searched for.
    let assigns = text.contains('=') || text.contains(':');
    let assigned = if assigns { assigned_form(text) } else { None };
    match assigned {
        Some(SecretForm::ConnectionString) => return assigned,
        _ if bears_token(text) || holds_jwt(text) => return Some(SecretForm::Token),
        Some(_) => return assigned,
        None if text.len() < SHORTEST_KEY => return None,
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

/// The form of secret that the text assigns to a name, if any.
fn assigned_form(text: &str) -> Option<SecretForm> {
    let squeezed: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''))
        .flat_map(char::to_lowercase)
        .collect();
    let names = |names: &[&str]| names.iter().any(|name| assigns(&squeezed, name));
    if names(&KEY_NAMES) {
        return Some(SecretForm::ConnectionString);
    }
    if names(&TOKEN_NAMES) {
        return Some(SecretForm::Token);
    }
    if names(&PASSWORD_NAMES) || holds_password_in_url(text) {
        return Some(SecretForm::Password);
    }
    text.split(['?', '&', '#', ' ', '\n'])
        .find_map(secret_parameter)
}

/// Whether the text holds a secret, or may hold one: it is then not repeated.
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
        .any(|word| word.chars().count() > LONGEST_WORD);
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

/// Whether a value is assigned to this name, in text without spaces and quotes.
fn assigns(squeezed: &str, name: &str) -> bool {
    squeezed.match_indices(name).any(|(at, _)| {
        let rest = &squeezed[at + name.len()..];
        rest.strip_prefix(['=', ':'])
            .is_some_and(|value| !value.is_empty() && !value.starts_with(';'))
    })
}

/// A bearer header with a token, whatever the token's form.
fn bears_token(text: &str) -> bool {
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let word = word.trim_start_matches(['"', '\'']).to_ascii_lowercase();
        let is_scheme = word == "bearer" || word.ends_with(":bearer");
        if is_scheme && words.clone().next().is_some_and(|token| token.len() >= 8) {
            return true;
        }
    }
    false
}

/// The start of a Base64url JSON object, `{"`, and more of it.
fn holds_jwt(text: &str) -> bool {
    text.match_indices("eyJ").any(|(at, _)| {
        let rest = text[at + 3..].bytes();
        rest.take_while(|byte| is_base64_character(char::from(*byte)))
            .take(5)
            .count()
            == 5
    })
}

/// What our own hints write in the place of a user and a password.
const PLACEHOLDER: &str = "USER:PASSWORD";

/// `user:password@` before a host.
fn holds_password_in_url(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = &text[at + 3..];
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#'))
            .unwrap_or(rest.len());
        rest[..end]
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

/// Entra's opaque texts. Refresh tokens and codes begin with `0.A` or `1.A` (work accounts) or
/// `M.C…_` (personal ones), older ones with `AQAB` or `OAQAB`; a client secret has `8Q~` or `7Q~`
/// behind three characters.
fn opaque_form(word: &str) -> Option<SecretForm> {
    let is_long = word.len() >= SHORTEST_KEY;
    let begins = ["0.A", "1.A", "AQABA", "OAQABA"]
        .iter()
        .any(|start| word.starts_with(start));
    let is_personal = word.starts_with("M.")
        && word.as_bytes().get(2).is_some_and(u8::is_ascii_uppercase)
        && word.contains('_');
    if is_long && (begins || is_personal) {
        return Some(SecretForm::Token);
    }
    let is_client_secret = is_long && (word.contains("8Q~") || word.contains("7Q~"));
    is_client_secret.then_some(SecretForm::Password)
}

fn is_opaque_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '!' | '*' | '$')
}

/// The alphabets of Base64 and Base64url, with padding.
fn is_base64_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-')
}

/// Whether small letters, capitals and digits alternate in a long text as only chance has it: in
/// random Base64 at 6 of 10 places, in camel case at 3 to 4. Base64 has slashes; so have paths, which
/// must alternate more to be taken for it as a whole.
fn is_random(run: &str) -> bool {
    values(run).any(is_random_value)
}

/// Splits `name=value` at the signs that are no padding: Base64 has `=` only at its end.
fn values(run: &str) -> impl Iterator<Item = &str> {
    let body = run.trim_end_matches('=').len();
    let last = run[..body].rfind('=').map_or(0, |at| at + 1);
    run[..last].split('=').chain([&run[last..]])
}

fn is_random_value(run: &str) -> bool {
    let is_whole_random = match is_path(run) {
        true => run.split('/').any(|folder| Mix::of(folder).is_random()),
        false => Mix::of(run).is_random(),
    };
    if is_padded_base64(run) {
        return true;
    }
    let longest = run.split('/').map(str::len).max().unwrap_or_default();
    let may_be_base64 = !run.starts_with('/') && longest >= SHORTEST_SEGMENT;
    is_whole_random || (may_be_base64 && Mix::of(run).is_evenly_random())
}

/// Base64 that says so by its padding.
fn is_padded_base64(run: &str) -> bool {
    let text = run.trim_end_matches('=');
    text.len() < run.len()
        && text.len() >= SHORTEST_KEY
        && run.len().is_multiple_of(4)
        && !text.contains(['=', '-', '_'])
        && Mix::of(text).is_long_mixed_case()
}

/// As [`is_random`], in doubt.
fn is_mixed(run: &str) -> bool {
    let is_mixed = |mix: Mix| mix.is_long_mixed_case() && mix.changes * 10 >= mix.length * 4;
    values(run).any(|value| match is_path(value) {
        true => value.split('/').any(|folder| is_mixed(Mix::of(folder))),
        false => is_mixed(Mix::of(value)),
    })
}

fn is_path(run: &str) -> bool {
    run.contains('/') && !run.contains(['+', '='])
}

/// How the letters and digits of a text alternate.
#[derive(Default)]
struct Mix {
    length: usize,
    changes: usize,
    has_lower: bool,
    has_upper: bool,
    digit_groups: usize,
}

impl Mix {
    fn is_random(&self) -> bool {
        let has_digits = self.digit_groups >= 3 && self.changes * 10 >= self.length * 3;
        let is_longer = self.length >= 40 && self.changes * 20 >= self.length * 7;
        self.is_evenly_random() || (self.is_long_mixed_case() && (has_digits || is_longer))
    }

    fn is_evenly_random(&self) -> bool {
        self.is_long_mixed_case() && self.changes * 2 >= self.length
    }

    fn is_long_mixed_case(&self) -> bool {
        self.length >= SHORTEST_KEY && self.has_lower && self.has_upper
    }

    fn of(run: &str) -> Mix {
        let mut mix = Mix::default();
        let mut last = None;
        for byte in run.bytes().filter(u8::is_ascii_alphanumeric) {
            let class = (byte.is_ascii_lowercase(), byte.is_ascii_uppercase());
            mix.has_lower |= class.0;
            mix.has_upper |= class.1;
            let changes = last != Some(class);
            mix.digit_groups += usize::from(changes && byte.is_ascii_digit());
            mix.changes += usize::from(changes && last.is_some());
            mix.length += 1;
            last = Some(class);
        }
        mix
    }
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
    fn what_users_mean_to_write_is_no_secret() {
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

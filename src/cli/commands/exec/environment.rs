//! Selects the variables that `exec` removes from the environment of the command.
//!
//! The command gets a token of one user. Other credentials can have more rights at the resource, or
//! SDKs can prefer them, so they are removed: by name, or by value under any name. Every other
//! variable that looks like a credential stays, and its name is reported. No value leaves this module.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

use crate::cli::env_vars::{PRINCIPAL_CREDENTIALS, RESOURCE_CREDENTIALS};
use crate::jwt;
use crate::text::{hex, secret_form};

/// The ends of the hosts of ACS resources in all clouds.
const HOSTS: [&str; 3] = [
    ".communication.azure.com",
    ".communication.azure.us",
    ".communication.azure.cn",
];
/// The beginnings of an access key in a connection string, in JSON and in a URL, in lower case.
const KEY_MEMBERS: [&str; 4] = ["accesskey=", "accesskey:", "accesskey\":", "accesskey%3d"];
/// The application id of Azure Communication Services.
const ACS: &str = "1fd5118e-2576-4263-8130-9503064c837a";
/// Names of credentials; `*` at an end stands for any text. (`PWD` and `OLDPWD` are folders.)
const CREDENTIAL_NAMES: &str = include_str!("../../../../assets/exec/credential-names.txt");
/// The end of the first line of a private key in PEM (RFC 7468).
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// Shortest key that is searched for in other forms, in characters.
const MIN_KEY_LENGTH: usize = 16;

/// Names of variables, sorted by what `exec` does with them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted<'e> {
    pub(super) removed: Vec<&'e str>,
    /// Variables that look like credentials and stay.
    pub(super) left: Vec<&'e str>,
}

/// Sorts an environment. `endpoint` is the resource's, and `key` is its access key, if they are known.
pub(super) fn sort<'e>(
    environment: &'e BTreeMap<String, String>,
    endpoint: Option<&str>,
    key: Option<&str>,
) -> Sorted<'e> {
    let mut sorted = Sorted::default();
    let host = endpoint.and_then(|endpoint| endpoint.rsplit('/').find(|part| !part.is_empty()));
    for (name, value) in environment {
        let looks_like_one = || {
            has_name_of_credential(name)
                || value.contains(PRIVATE_KEY)
                || secret_form(value).is_some()
        };
        if is_credential_by_name(name)
            || key.is_some_and(|key| has_key(value, key))
            || opens_the_resource(value, host)
        {
            sorted.removed.push(name);
        } else if !value.is_empty() && looks_like_one() {
            sorted.left.push(name);
        }
    }
    sorted
}

fn is_credential_by_name(name: &str) -> bool {
    let mut names = RESOURCE_CREDENTIALS.iter().chain(&PRINCIPAL_CREDENTIALS);
    // Windows reads a name in any case.
    names.any(|known| *known == name || (cfg!(windows) && known.eq_ignore_ascii_case(name)))
}

/// Whether a value contains the access key: Base64 as in the portal or for URLs, with percent escapes,
/// or hexadecimal digits.
fn has_key(value: &str, key: &str) -> bool {
    // Long Base64 is often on several lines.
    let squeezed: String = value.split_whitespace().collect();
    // Without padding, so that a value is found with and without it.
    let plain = key.trim_end_matches('=');
    let forms = [
        plain.to_owned(),
        plain.replace('+', "-").replace('/', "_"),
        plain.replace('+', "%2B").replace('/', "%2F"),
        plain.replace('+', "%2b").replace('/', "%2f"),
    ];
    // A key as short as a word would be found in many values.
    let is_long = |form: &&String| form.len() >= MIN_KEY_LENGTH;
    if squeezed.contains(key)
        || forms
            .iter()
            .filter(is_long)
            .any(|form| squeezed.contains(form))
    {
        return true;
    }
    // Without separators `aa:bb`, `AA BB`, `\xaa\xbb`, `%aa%bb` and `0xaa,0xbb` are alike.
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_hexdigit).collect() };
    let lower = value.to_lowercase();
    let key = STANDARD_NO_PAD.decode(plain).ok().map(|key| hex(&key));
    key.iter()
        .filter(is_long)
        .any(|key| digits(&lower).contains(key) || digits(&lower.replace("0x", "")).contains(key))
}

/// Whether a value contains a connection string or a token of an ACS resource.
fn opens_the_resource(value: &str, host: Option<&str>) -> bool {
    let lower = value.to_lowercase();
    let squeezed: String = lower.split_whitespace().collect();
    let mut hosts = HOSTS.into_iter().chain(host);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
    (KEY_MEMBERS.iter().any(|member| squeezed.contains(member))
        && hosts.any(|host| lower.contains(&host.to_lowercase())))
        || value.split(|c: char| !is_part(c)).any(is_token_of_resource)
}

/// Whether a word is a token of ACS, or an Entra token that ACS accepts.
fn is_token_of_resource(word: &str) -> bool {
    let Some(decoded) = word.starts_with("ey").then(|| jwt::decode(word)).flatten() else {
        return false;
    };
    let is_for_resource = |audience: &Value| {
        audience
            .as_str()
            .is_some_and(|aud| aud.contains("communication.azure.") || aud == ACS)
    };
    let claims = decoded.claims;
    match claims.get("aud") {
        Some(Value::Array(audiences)) if audiences.iter().any(is_for_resource) => true,
        Some(audience) if is_for_resource(audience) => true,
        _ => claims.contains_key("acsScope") || claims.contains_key("skypeid"),
    }
}

fn has_name_of_credential(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    CREDENTIAL_NAMES.lines().any(|pattern| {
        match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(part), Some(_)) => name.contains(part.trim_end_matches('*')),
            (Some(end), None) => name.ends_with(end),
            _ => name == pattern,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "c2VjcmV0LWtleS1vZi10aGUtcmVzb3VyY2UtMTIzNDU2Nzg5MA==";

    fn sorted(variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let sorted = sort(&environment, Some("http://localhost:8080"), Some(KEY));
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        (owned(sorted.removed), owned(sorted.left))
    }

    #[test]
    fn credentials_for_the_resource_go_under_any_name() {
        let token = |claims: &str| {
            let claims = jwt::encode_part(claims.as_bytes());
            format!(
                "Bearer {}.{claims}.c2ln",
                jwt::encode_part(b"{\"alg\":\"none\"}")
            )
        };
        for value in [
            "endpoint=https://r.communication.azure.com/;accesskey=a2V5",
            "ENDPOINT=https://R.Communication.Azure.US/ ; AccessKey = a2V5",
            "{\"acs\":\"endpoint=https://r.europe.communication.azure.com/;accesskey=a2V5\"}",
            "endpoint=http://localhost:8080;accesskey=a2V5",
            KEY,
            &format!("x{KEY}y"),
            &token("{\"skypeid\":\"acs:r_u\"}"),
            &token("{\"aud\":\"https://auth.msft.communication.azure.com\"}"),
            &token("{\"aud\":[\"1fd5118e-2576-4263-8130-9503064c837a\"]}"),
        ] {
            let expected = (vec!["ANY".to_owned()], vec![]);
            assert_eq!(sorted(&[("ANY", value)]), expected, "{value}");
        }
        for name in RESOURCE_CREDENTIALS
            .into_iter()
            .chain(PRINCIPAL_CREDENTIALS)
        {
            assert_eq!(sorted(&[(name, "x")]).0, [name]);
        }
    }

    #[test]
    fn other_credentials_are_left_and_reported() {
        let graph = format!(
            "{}.{}.c2ln",
            jwt::encode_part(b"{\"alg\":\"none\"}"),
            jwt::encode_part(b"{\"aud\":\"https://graph.microsoft.com\"}")
        );
        for (name, value) in [
            ("GITHUB_TOKEN", "x"),
            ("aws_secret_access_key", "x"),
            ("PGPASSWORD", "x"),
            ("MYSQL_PWD", "x"),
            ("REDIS_AUTH", "x"),
            ("GITHUB_PAT", "x"),
            ("MY_JWT", "x"),
            (
                "SIGNING",
                "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----",
            ),
            (
                "SIGNALR",
                "Endpoint=https://s.service.signalr.net;AccessKey=a2V5;Version=1.0;",
            ),
            ("STORAGE", "AccountName=a;AccountKey=a2V5a2V5"),
            ("SSH_KEY", "x"),
            ("SOMETHING", &graph),
            ("DATABASE_URL", "postgres://ada:hunter2@db/x"),
        ] {
            let expected = (vec![], vec![name.to_owned()]);
            assert_eq!(sorted(&[(name, value)]), expected, "{name}");
        }
    }

    #[test]
    fn ordinary_variables_are_left_without_a_word() {
        for (name, value) in [
            ("PATH", "/usr/local/bin:/usr/bin"),
            ("HOME", "/home/ada"),
            ("PWD", "/home/ada"),
            ("OLDPWD", "/home"),
            ("TERM", "xterm-256color"),
            ("LS_COLORS", "rs=0:di=01;34:ln=01;36:*.tar=01;31"),
            ("SSH_AUTH_SOCK", "/tmp/ssh-XXXXXXabc/agent.1234"),
            (
                "DBUS_SESSION_BUS_ADDRESS",
                "unix:path=/run/user/1000/bus,guid=0123456789abcdef0123456789abcdef",
            ),
            ("AZURE_CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
            ("AZURE_TENANT_ID", "organizations"),
            (
                "COMMUNICATION_SERVICES_ENDPOINT",
                "https://r.communication.azure.com",
            ),
            ("KEYBOARD", "us"),
            ("GITHUB_TOKEN", ""),
        ] {
            assert_eq!(sorted(&[(name, value)]), (vec![], vec![]), "{name}");
        }
    }

    #[test]
    fn key_is_found_in_every_form() {
        let key = "+/v7S0VZLUtFWS1LRVktS0VZ+w==";
        for value in [
            "+/v7S0VZLUtFWS1LRVktS0VZ+w==",
            "x=+/v7S0VZLUtFWS1LRVktS0VZ+w",
            "-_v7S0VZLUtFWS1LRVktS0VZ-w",
            "%2B%2Fv7S0VZLUtFWS1LRVktS0VZ%2Bw%3D%3D",
            "fbfbfb4b45592d4b45592d4b45592d4b4559fb",
            "FBFBFB4B45592D4B45592D4B45592D4B4559FB",
            "fb:fb:fb:4b:45:59:2d:4b:45:59:2d:4b:45:59:2d:4b:45:59:fb",
            "FB FB FB 4B 45 59 2D 4B 45 59 2D 4B 45 59 2D 4B 45 59 FB",
            "fb-fb-fb-4b-45-59-2d-4b-45-59-2d-4b-45-59-2d-4b-45-59-fb",
            "FBFBFB4B 45592D4B 45592D4B\n45592D4B 4559FB",
            r"\xfb\xfb\xfb\x4b\x45\x59\x2d\x4b\x45\x59\x2d\x4b\x45\x59\x2d\x4b\x45\x59\xfb",
            "%fb%fb%fb%4b%45%59%2d%4b%45%59%2d%4b%45%59%2d%4b%45%59%fb",
            "{0xFB,0xFB,0xFB,0x4B,0x45,0x59,0x2D,0x4B,0x45,0x59,0x2D,0x4B,0x45,0x59,0x2D,0x4B,0x45,0x59,0xFB}",
            "k=0xfbfbfb4b45592d4b45592d4b45592d4b4559fb",
            "+/v7S0VZLUtF\nWS1LRVktS0VZ+w==\n",
        ] {
            let environment = BTreeMap::from([("MINE".to_owned(), value.to_owned())]);
            let sorted = sort(
                &environment,
                Some("https://c.communication.azure.com"),
                Some(key),
            );
            assert_eq!(sorted.removed, ["MINE"], "{value}");
        }
        let other = "fb:fb:fb:4b:45:59:2d:4b:45:59:2d:4b:45:59:2d:4b:45:59:fc";
        let environment = BTreeMap::from([("MINE".to_owned(), other.to_owned())]);
        let sorted = sort(
            &environment,
            Some("https://c.communication.azure.com"),
            Some(key),
        );
        assert!(sorted.removed.is_empty(), "{sorted:?}");
    }
}

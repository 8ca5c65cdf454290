//! Finds tokens and connection strings in the output of tools.

use std::borrow::Cow;

use serde_json::Value;

use super::value::{bare, value_with_form};
use crate::jwt;

/// The environment variables for a connection string, in the order of precedence.
pub const CONNECTION_STRING_VARIABLES: [&str; 2] = [
    "COMMUNICATION_SERVICES_CONNECTION_STRING",
    "AZURE_COMMUNICATION_CONNECTION_STRING",
];
/// Members of `az communication list-key` and of `acspass emulator -o json`, in the order of
/// precedence.
const CONNECTION_MEMBERS: [&str; 3] = [
    "primaryConnectionString",
    "connectionString",
    "secondaryConnectionString",
];
const TOKEN_VARIABLES: [&str; 2] = [
    "AZURE_COMMUNICATION_ACCESS_TOKEN",
    "COMMUNICATION_SERVICES_ACCESS_TOKEN",
];
/// Members of `acspass get -o json`, of `user create -o json`, of `az account get-access-token` and of
/// a token response (RFC 6749, section 5.1).
const TOKEN_MEMBERS: [&str; 3] = ["token", "accessToken", "access_token"];

/// Returns the connection string in a text: alone, quoted, assigned to its variable, or in JSON.
pub fn connection_string(text: &str) -> Cow<'_, str> {
    found(
        text,
        &CONNECTION_STRING_VARIABLES,
        &CONNECTION_MEMBERS,
        is_connection_string,
    )
}

fn is_connection_string(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["endpoint=", "accesskey="]
        .iter()
        .all(|key| text.starts_with(key) || text.contains(&format!(";{key}")))
}

fn is_token(text: &str) -> bool {
    jwt::decode(without_scheme(text)).is_some()
}

/// Returns the token in a text: alone, quoted, assigned to its variable, in JSON, as a bearer header, or as
/// the second line of `user create --scope`. Lines into which a terminal has broken it are joined.
pub fn token(text: &str) -> Cow<'_, str> {
    match found(text, &TOKEN_VARIABLES, &TOKEN_MEMBERS, is_token) {
        Cow::Borrowed(text) => one_token(text),
        Cow::Owned(text) => Cow::Owned(one_token(&text).into_owned()),
    }
}

/// Returns the value of one of these variables, of one of these members of a JSON object, or the only
/// value of this form under another name.
fn found<'t>(
    text: &'t str,
    variables: &[&str],
    members: &[&str],
    has_form: fn(&str) -> bool,
) -> Cow<'t, str> {
    let text = value_with_form(text, variables, has_form);
    let json: Value = match text.starts_with(['{', '[']) {
        true => serde_json::from_str(text).unwrap_or_default(),
        false => Value::Null,
    };
    match member(&json, members).or_else(|| only(&json, has_form)) {
        Some(value) => Cow::Owned(bare(value).to_owned()),
        None => Cow::Borrowed(text),
    }
}

/// Returns the first of these members that is text, directly or in an object.
fn member<'j>(json: &'j Value, members: &[&str]) -> Option<&'j str> {
    members.iter().find_map(|name| match json.get(name)? {
        Value::String(text) => Some(text.as_str()),
        object @ Value::Object(_) => member(object, members),
        _ => None,
    })
}

/// Returns the only text in this JSON with the form, at any depth.
fn only(json: &Value, has_form: fn(&str) -> bool) -> Option<&str> {
    let mut texts = Vec::new();
    let mut rest = vec![json];
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) if has_form(bare(text)) => texts.push(text.as_str()),
            Value::Array(values) => rest.extend(values),
            Value::Object(members) => rest.extend(members.values()),
            _ => {}
        }
    }
    texts.dedup();
    match texts.as_slice() {
        [text] => Some(text),
        _ => None,
    }
}

fn one_token(text: &str) -> Cow<'_, str> {
    let text = without_scheme(text);
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let mut tokens = text
        .lines()
        .map(|line| without_scheme(bare(line)))
        .filter(|line| jwt::decode(line).is_some());
    if let (Some(token), None) = (tokens.next(), tokens.next()) {
        return Cow::Borrowed(token);
    }
    let joined: String = text.split_whitespace().collect();
    match jwt::decode(&joined) {
        Some(_) => Cow::Owned(joined),
        None => Cow::Borrowed(text),
    }
}

/// The token behind `Authorization: Bearer` or `Bearer`.
fn without_scheme(text: &str) -> &str {
    let mut rest = text;
    for word in ["authorization:", "bearer "] {
        let begins = rest
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word));
        if begins {
            rest = bare(&rest[word.len()..]);
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln";
    const STRING: &str = "endpoint=https://c.communication.azure.com/;accesskey=a2V5";

    #[test]
    fn token_is_found_in_the_output_of_tools() {
        for text in [
            TOKEN.to_owned(),
            format!("\u{feff}{TOKEN}\r\n"),
            format!("'{TOKEN}'"),
            format!("Bearer {TOKEN}"),
            format!("authorization: bearer {TOKEN}\n"),
            format!("\"Authorization: Bearer {TOKEN}\""),
            format!("AZURE_COMMUNICATION_ACCESS_TOKEN={TOKEN}"),
            format!(
                "export AZURE_COMMUNICATION_ACCESS_TOKEN='{TOKEN}'\n\
                 export COMMUNICATION_SERVICES_ENDPOINT='https://a.b'\n"
            ),
            format!("$env:AZURE_COMMUNICATION_ACCESS_TOKEN = \"{TOKEN}\""),
            format!("{{\"token\": \"{TOKEN}\", \"expiresInSeconds\": 1}}"),
            format!("{{\"accessToken\": \"{TOKEN}\", \"tokenType\": \"Bearer\"}}"),
            format!(
                "{{\"identity\": {{\"id\": \"x\"}}, \"accessToken\": {{\"token\": \"{TOKEN}\"}}}}"
            ),
            format!("{{\"token_type\": \"Bearer\", \"access_token\": \"Bearer {TOKEN}\"}}"),
            format!("8:acs:r_u\n{TOKEN}\n"),
            format!("{}\n{}\r\n{}", &TOKEN[..10], &TOKEN[10..25], &TOKEN[25..]),
            format!("\"{TOKEN}\""),
        ] {
            assert_eq!(token(&text), TOKEN, "{text}");
        }
    }

    #[test]
    fn text_without_one_token_stays_as_it_is() {
        for text in [
            "opaque".to_owned(),
            format!("{TOKEN}\n{TOKEN}x"),
            "{\"other\": 1}".to_owned(),
            "{not json".to_owned(),
            String::new(),
        ] {
            assert_eq!(token(&text), text.as_str());
        }
    }

    #[test]
    fn connection_string_is_found_in_the_output_of_tools() {
        for text in [
            STRING.to_owned(),
            format!("\u{feff}\"{STRING}\"\r\n"),
            format!("export COMMUNICATION_SERVICES_CONNECTION_STRING='{STRING}'"),
            format!("AZURE_COMMUNICATION_CONNECTION_STRING={STRING}"),
            format!("# .env\nCOMMUNICATION_SERVICES_CONNECTION_STRING=\"{STRING}\"\nOTHER=1\n"),
            format!(
                "{{\"primaryConnectionString\": \"{STRING}\", \"primaryKey\": \"x\", \"secondaryConnectionString\": \"y\"}}"
            ),
            format!("{{\"url\": \"u\", \"connectionString\": \"{STRING}\"}}"),
            format!("ACS_CONNECTION_STRING={STRING}\n"),
            format!("$env:Acs = \"{STRING}\""),
            format!("set \"ACS={STRING}\""),
            format!("# .env\nACS=\"{STRING}\"\nPORT=8080\n"),
            format!("connection-string: {STRING}\n"),
            format!("  \"ConnectionString\": \"{STRING}\",\n"),
            format!("{{\"ConnectionStrings\": {{\"Acs\": \"{STRING}\"}}, \"Port\": 1}}"),
            format!("[{{\"primaryConnectionString\": \"{STRING}\"}}]"),
        ] {
            assert_eq!(connection_string(&text), STRING, "{text}");
        }
    }
}

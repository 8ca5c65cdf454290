//! Parses lists of ids.

use serde_json::Value;

use super::value::bare;

/// The entries of a list: one a line, or several with commas between them, each perhaps in quotes; or
/// JSON as `user create -o json` and `user delete -o json` print it, in one line, several lines or
/// many objects. An entry that is no id stays whole, for a message about it.
pub fn ids(text: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    match json_values(text) {
        Some(values) => values
            .iter()
            .flat_map(|value| ids_in(value, &IDENTITIES))
            .collect(),
        None => text.lines().flat_map(entries).collect(),
    }
}

/// The entries of a list of principals: one a line, perhaps in quotes; or JSON as `access list -o
/// json`, `access grant -o json` and `access revoke -o json` print it. A name may contain spaces and
/// commas, so that a line is never split.
pub fn principals(text: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Some(values) = json_values(text) {
        let values = values.iter();
        return values
            .flat_map(|value| ids_in(value, &PRINCIPALS))
            .collect();
    }
    let lines = text.lines().map(|line| bare(line).to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// The members of JSON that contain ids of identities, or an object with one.
const IDENTITIES: [&str; 4] = ["identity", "id", "created", "deleted"];
/// The members of JSON that contain object ids, or objects with one.
const PRINCIPALS: [&str; 4] = ["objectId", "value", "granted", "revoked"];

/// Reads one or more JSON values; `None` if the text is not JSON.
fn json_values(text: &str) -> Option<Vec<Value>> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let values = serde_json::Deserializer::from_str(text).into_iter();
    values.collect::<Result<_, _>>().ok()
}

/// The entries of one line. It is split only into what has the form of ids.
fn entries(line: &str) -> Vec<String> {
    let line = bare(line);
    if line.starts_with('{')
        && let Ok(value) = serde_json::from_str(line)
    {
        return ids_in(&value, &IDENTITIES);
    }
    let words: Vec<&str> = line
        .split(|c: char| c == ',' || c.is_whitespace())
        .map(bare)
        .filter(|word| !word.is_empty())
        .collect();
    match words.iter().all(|word| is_raw_id(word)) {
        true => words.into_iter().map(str::to_owned).collect(),
        false => vec![line.to_owned()],
    }
}

/// Whether a word begins as raw ids do, like `8:acs:`.
fn is_raw_id(word: &str) -> bool {
    let (kind, rest) = word.split_once(':').unwrap_or_default();
    !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty()
}

fn ids_in(value: &Value, names: &[&str; 4]) -> Vec<String> {
    let members = names.map(|name| value.get(name));
    let all = |values: &[Value]| values.iter().flat_map(|one| ids_in(one, names)).collect();
    match value {
        Value::String(id) => vec![bare(id).to_owned()],
        Value::Array(values) => all(values),
        Value::Object(_) if members.iter().any(Option::is_some) => {
            let members = members.into_iter().flatten();
            members.flat_map(|member| ids_in(member, names)).collect()
        }
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_tools_write_it() {
        for text in [
            "8:acs:r_1\n8:acs:r_2\n",
            "\u{feff}8:acs:r_1\r\n\r\n  8:acs:r_2  \r\n",
            "\"8:acs:r_1\",\"8:acs:r_2\"",
            "8:acs:r_1, 8:acs:r_2,",
            "8:acs:r_1 8:acs:r_2",
            "'8:acs:r_1'\n\"8:acs:r_2\",\n",
            "[\"8:acs:r_1\", \"8:acs:r_2\"]",
            "{\"identity\":{\"id\":\"8:acs:r_1\"}}\n{\"identity\":{\"id\":\"8:acs:r_2\"},\"accessToken\":{\"token\":\"t\"}}",
            "{\n  \"created\": [{\"identity\": {\"id\": \"8:acs:r_1\"}}, {\"id\": \"8:acs:r_2\"}],\n  \"failed\": []\n}",
            "{\"deleted\":[\"8:acs:r_1\",\"8:acs:r_2\"],\"failed\":[]}",
            "8:acs:r_1\n{\"id\": \"8:acs:r_2\"}",
        ] {
            assert_eq!(ids(text), ["8:acs:r_1", "8:acs:r_2"], "{text}");
        }
        assert_eq!(ids(" \n"), Vec::<String>::new());
        assert_eq!(ids("[]"), Vec::<String>::new());
    }

    #[test]
    fn a_list_of_principals_keeps_names_with_spaces_and_reads_own_json() {
        for (text, expected) in [
            (
                "\u{feff}Ada Example\r\n\r\n \"ben@contoso.example\" \n",
                vec!["Ada Example", "ben@contoso.example"],
            ),
            ("Example, Ada", vec!["Example, Ada"]),
            (
                r#"{"value":[{"objectId":"1","tenantId":"t"},{"objectId":"2"}],"failed":[]}"#,
                vec!["1", "2"],
            ),
            (r#"{"granted":[{"objectId":"1"}]}"#, vec!["1"]),
            (r#"{"revoked":[]}"#, vec![]),
            ("", vec![]),
        ] {
            assert_eq!(principals(text), expected, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_id_stays_whole() {
        let string = "endpoint=https://a.b ; accesskey=x";
        assert_eq!(ids(string), [string]);
        assert_eq!(ids("hello world\n8:acs:r_1"), ["hello world", "8:acs:r_1"]);
        assert_eq!(ids("{\"x\":1}"), ["{\"x\":1}"]);
        assert_eq!(ids("[1]"), ["1"]);
    }
}

//! Indents JSON text for a terminal. Members keep their order, and numbers their digits.

/// The indentation of one level.
const LEVEL: &str = "  ";

/// Returns JSON text with one member or element on each line. `json` must be valid JSON.
pub(crate) fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth: usize = 0;
    // Whether the last token began an object or an array, which is empty if the next one ends it.
    let mut is_open = false;
    let (mut in_string, mut is_escaped) = (false, false);
    for c in json.chars() {
        if in_string {
            text.push(c);
            in_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let ends = matches!(c, '}' | ']');
        if ends {
            depth = depth.saturating_sub(1);
        }
        if is_open != ends {
            break_line(&mut text, depth);
        }
        is_open = matches!(c, '{' | '[');
        if is_open {
            depth += 1;
        }
        text.push(c);
        match c {
            ',' => break_line(&mut text, depth),
            ':' => text.push(' '),
            _ => in_string = c == '"',
        }
    }
    text
}

fn break_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.push_str(&LEVEL.repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn text_is_that_of_serde_json_in_the_given_order() {
        for json in [
            r#"{}"#,
            r#"[]"#,
            r#"{"a":[],"b":{},"c":[1,[2,{"d":null}]],"e":"x, {y}: \"z\\"}"#,
            r#"["\\",",\"[",1e2]"#,
            r#""text""#,
            "12",
        ] {
            let value: serde_json::Value = serde_json::from_str(json).expect(json);
            let pretty = serde_json::to_string_pretty(&value).expect("text");
            assert_eq!(indented(&value.to_string()), pretty, "{json}");
            assert_eq!(indented(&pretty), pretty, "{json}");
        }
        assert_eq!(
            indented("{\"b\":1.00,\n\t\"a\" : 2}"),
            "{\n  \"b\": 1.00,\n  \"a\": 2\n}"
        );
    }
}

//! A JSON object, read member by member.
//!
//! Services, proxies and test servers send members in other shapes than documented: a number as a
//! string, a list instead of text, `null`, text that is not UTF-8. Such a member is unreadable; the
//! others are not. So each reader takes the members that it needs and decides which it cannot do
//! without.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The members of an object, each parsed when it is taken. A member with a value that this reader cannot
/// parse, such as a number beyond all limits, is absent.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct Members(BTreeMap<String, Box<RawValue>>);

/// Reads the body of a response as `T`; `None` if it is not JSON, or `T` cannot do with it.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_str(&String::from_utf8_lossy(body)).ok()
}

impl Members {
    /// Whether there is a member of this name, readable or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        serde_json::from_str(self.0.remove(name)?.get()).ok()
    }

    /// Takes text that is not empty.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).filter(|text: &String| !text.is_empty())
    }

    /// Takes a whole number, also from a fraction or from text; fractions are cut off.
    pub(crate) fn number(&mut self, name: &str) -> Option<i64> {
        whole(&self.take(name)?)
    }

    /// Takes a list of words: an array of text, or text with spaces between.
    pub(crate) fn words(&mut self, name: &str) -> Option<Vec<String>> {
        let words: Vec<String> = match self.take(name)? {
            Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
            Value::Array(list) => list
                .iter()
                .filter_map(Value::as_str)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            _ => return None,
        };
        (!words.is_empty()).then_some(words)
    }

    /// Takes a list of text. It is absent if one element is of another type.
    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.take(name)
    }

    /// Takes a list of numbers: an array, or one of them.
    pub(crate) fn numbers(&mut self, name: &str) -> Vec<i64> {
        match self.take(name) {
            Some(Value::Array(list)) => list.iter().filter_map(whole).collect(),
            Some(one) => whole(&one).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Takes an object.
    pub(crate) fn object(&mut self, name: &str) -> Option<Members> {
        self.take(name)
    }

    /// Takes a list of objects.
    pub(crate) fn objects(&mut self, name: &str) -> Option<Vec<Members>> {
        self.take(name)
    }

    /// Takes JSON, directly or as text.
    pub(crate) fn json(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            value @ Value::Object(_) => Some(value.to_string()),
            _ => None,
        }
    }
}

fn whole(value: &Value) -> Option<i64> {
    let fraction = |fraction: f64| {
        // Beyond this, not every whole number is one (IEEE 754); no service means such a one.
        (fraction.abs() < 9e15).then_some(fraction.trunc() as i64)
    };
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().and_then(fraction)),
        Value::String(text) => {
            let text = text.trim();
            let number = text.parse::<i64>().ok();
            number.or_else(|| text.parse::<f64>().ok().and_then(fraction))
        }
        _ => None,
    }
}

impl From<Map<String, Value>> for Members {
    fn from(members: Map<String, Value>) -> Self {
        let raw = |(name, value)| Some((name, serde_json::value::to_raw_value(&value).ok()?));
        Members(members.into_iter().filter_map(raw).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Members {
        read(text.as_bytes()).expect("an object")
    }

    #[test]
    fn a_number_is_read_in_every_shape_that_means_one() {
        for (text, expected) in [
            ("4799", Some(4799)),
            ("4799.9", Some(4799)),
            ("4.799e3", Some(4799)),
            ("\"4799\"", Some(4799)),
            ("\" 4799.0 \"", Some(4799)),
            ("-5", Some(-5)),
            ("0", Some(0)),
            ("null", None),
            ("true", None),
            ("\"soon\"", None),
            ("\"NaN\"", None),
            ("\"inf\"", None),
            ("[4799]", None),
            ("1e400", None),
            ("18446744073709551616", None),
        ] {
            let read = members(&format!("{{\"n\":{text}}}")).number("n");
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn an_unreadable_member_leaves_the_others_readable() {
        for odd in [
            r#""\ud800""#,
            "1e400",
            "null",
            "[[]]",
            r#"{"a":{"b":[null]}}"#,
            "\"\u{fffd}\"",
        ] {
            let text = format!(r#"{{"odd":{odd},"token":"t","odd":{odd}}}"#);
            let mut members = members(&text);
            assert_eq!(members.text("token").as_deref(), Some("t"), "{odd}");
        }
        let latin_1 = b"{\"odd\":\"\xe9\",\"token\":\"t\"}";
        let mut read = read::<Members>(latin_1).expect("an object");
        assert_eq!(read.text("token").as_deref(), Some("t"));
        let deep = format!(
            r#"{{"odd":{}1{},"token":"t"}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        assert_eq!(members(&deep).text("token").as_deref(), Some("t"));
    }

    #[test]
    fn words_are_parsed_from_text_or_a_list() {
        for (text, expected) in [
            (r#""a  b""#, Some(vec!["a", "b"])),
            (r#"["a","b"]"#, Some(vec!["a", "b"])),
            (r#"["a",1]"#, Some(vec!["a"])),
            (r#""""#, None),
            ("[]", None),
            ("null", None),
            ("7", None),
        ] {
            let read = members(&format!("{{\"scope\":{text}}}")).words("scope");
            let expected: Option<Vec<String>> =
                expected.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn json_that_is_no_object_is_not_parsed() {
        for text in ["", "[]", "\"a\"", "{", "<html>", "{\"a\":1} x"] {
            assert!(read::<Members>(text.as_bytes()).is_none(), "{text}");
        }
    }
}

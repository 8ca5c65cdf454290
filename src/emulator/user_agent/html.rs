//! The first form of an HTML page, with its hidden fields and buttons.
//!
//! The reader accepts any text, because an authority may respond with any page. It is a dozen times
//! smaller than an HTML parser.

use std::collections::BTreeMap;

/// A form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) post: bool,
    /// Hidden fields: name and value.
    pub(crate) hidden: Vec<(String, String)>,
    /// The name of the first text field.
    pub(crate) text: Option<String>,
    /// Submit buttons with a name: name and value.
    pub(crate) buttons: Vec<(String, String)>,
}

/// Returns the first form of a page, up to its end tag.
pub(crate) fn first_form(html: &str) -> Option<Form> {
    let mut form: Option<Form> = None;
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (name, after) = word(after, ">");
        let name = name.to_ascii_lowercase();
        let (attributes, after) = attributes(after);
        rest = after;
        let value = |name: &str| attributes.get(name).cloned().unwrap_or_default();
        match (name.as_str(), &mut form) {
            ("form", None) => {
                form = Some(Form {
                    action: value("action"),
                    post: value("method").eq_ignore_ascii_case("post"),
                    ..Form::default()
                });
            }
            ("/form", Some(_)) => break,
            ("input", Some(form)) if value("type") == "hidden" => {
                form.hidden.push((value("name"), value("value")));
            }
            ("input", Some(form)) if value("type") == "text" && form.text.is_none() => {
                form.text = Some(value("name"));
            }
            ("button", Some(form)) if !value("name").is_empty() => {
                form.buttons.push((value("name"), value("value")));
            }
            // The content of these elements is text.
            ("script" | "style", _) => {
                rest = rest
                    .find(&format!("</{name}"))
                    .map_or("", |end| &rest[end..]);
            }
            _ => {}
        }
    }
    form
}

/// Returns the text of each element with this name, without tags in it.
pub(crate) fn texts_of(html: &str, name: &str) -> Vec<String> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let elements = html.split(&start).skip(1);
    let texts = elements.filter_map(|rest| Some(rest.split_once(&end)?.0));
    texts.map(|text| unescape(text.trim())).collect()
}

/// Splits a text at the first white space or character of `ends`.
fn word<'t>(text: &'t str, ends: &str) -> (&'t str, &'t str) {
    let end = text.find(|c: char| c.is_ascii_whitespace() || ends.contains(c));
    text.split_at(end.unwrap_or(text.len()))
}

/// Reads the attributes of a tag, of each name the first. Returns them and the text after the tag's
/// `>`.
fn attributes(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut attributes = BTreeMap::new();
    loop {
        // A stray `=` is skipped, so that the loop ends.
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || "/=".contains(c));
        if rest.is_empty() || rest.starts_with('>') {
            return (attributes, rest.strip_prefix('>').unwrap_or(rest));
        }
        let (name, after) = word(rest, "=>/");
        let mut value = "";
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    after[1..].split_once(quote).unwrap_or((&after[1..], ""))
                }
                _ => word(after, ">"),
            };
        }
        let attribute = attributes.entry(name.to_ascii_lowercase());
        attribute.or_insert_with(|| unescape(value));
    }
}

/// Replaces character references: numeric ones, and the five of every escaper.
fn unescape(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let reference = part.split_once(';');
        match reference.and_then(|(name, after)| Some((character(name)?, after))) {
            Some((c, after)) => {
                plain.push(c);
                plain.push_str(after);
            }
            None => plain.extend(["&", part]),
        }
    }
    plain
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => {}
    }
    let digits = name.strip_prefix('#')?;
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    char::from_u32(number.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_with_its_values_unescaped() {
        let page = r##"<!doctype html><!-- <form action="no"> --><style>a > b { } </style>
            <form method='post' action="http://localhost:1/?a=1&amp;b=2">
            <input type="hidden" name="state" value="a&#34;&#x3c;&lt;&amp;amp;&#39;+/=|">
            <input type=hidden name=empty value>
            <input name="seen" value="not hidden">
            <button name="emulator_user" value="ada@contoso.example"><b>Ada</b></button>
            <button>Go</button></form>
            <form action="second"></form>"##;
        let form = first_form(page).expect("there is one");
        assert_eq!(form.action, "http://localhost:1/?a=1&b=2");
        assert!(form.post);
        assert_eq!(
            form.hidden,
            [
                ("state".to_owned(), "a\"<<&amp;'+/=|".to_owned()),
                ("empty".to_owned(), String::new()),
            ]
        );
        assert_eq!(form.buttons.len(), 1);
    }

    #[test]
    fn text_without_a_form_tag_has_no_form() {
        for text in [
            "",
            "no form here",
            "<",
            "{\"form\": \"<\"}",
            "<a = >",
            "<a =",
            "<é",
            "<!-- <form>",
        ] {
            assert_eq!(first_form(text), None, "{text}");
        }
    }

    #[test]
    fn texts_of_elements_are_read_unescaped() {
        let page = "<h1>No</h1>\n<p>\n You &amp; me </p><p>Two</p><p>without an end";
        assert_eq!(texts_of(page, "p"), ["You & me", "Two"]);
        assert!(texts_of("<", "p").is_empty());
    }

    #[test]
    fn an_incomplete_form_tag_is_a_form() {
        for text in [
            "<form",
            "<form a",
            "<form a=",
            "<form a='",
            "<form><input",
            "<form></",
        ] {
            assert_eq!(first_form(text), Some(Form::default()), "{text}");
        }
    }
}

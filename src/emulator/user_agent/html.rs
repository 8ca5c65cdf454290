//! As much of HTML as it takes to fill in a form.
//!
//! In comes a page, out comes its first form with hidden fields and buttons. Everything else on
//! the page is skipped; a page that is no HTML has no form.

/// A form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) action: String,
    pub(super) post: bool,
    /// Hidden fields: name and value.
    pub(super) hidden: Vec<(String, String)>,
    /// The name of the first field to type into.
    pub(super) text: Option<String>,
    /// Submit buttons that have a name: name and value.
    pub(super) buttons: Vec<(String, String)>,
}

/// The first form of a page, up to its end tag.
pub(super) fn first_form(html: &str) -> Option<Form> {
    let mut form: Option<Form> = None;
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (tag, after) = read_tag(rest);
        rest = after;
        match (tag.name.as_str(), &mut form) {
            ("form", None) => {
                form = Some(Form {
                    action: tag.value("action"),
                    post: tag.value("method").eq_ignore_ascii_case("post"),
                    ..Form::default()
                });
            }
            ("/form", Some(_)) => break,
            ("input", Some(form)) if tag.value("type") == "hidden" => {
                form.hidden.push((tag.value("name"), tag.value("value")));
            }
            ("input", Some(form)) if tag.value("type") == "text" && form.text.is_none() => {
                form.text = Some(tag.value("name"));
            }
            ("button", Some(form)) if !tag.value("name").is_empty() => {
                form.buttons.push((tag.value("name"), tag.value("value")));
            }
            // What stands in these is text, whatever it looks like.
            ("script" | "style", _) => {
                let end = format!("</{}", tag.name);
                rest = rest.find(&end).map_or("", |end| &rest[end..]);
            }
            _ => {}
        }
    }
    form
}

#[derive(Default)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn value(&self, name: &str) -> String {
        self.attributes
            .iter()
            .find(|(attribute, _)| attribute == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    }
}

/// Reads a tag whose `<` has been passed; returns it and what follows its `>`.
fn read_tag(text: &str) -> (Tag, &str) {
    let end = text
        .find(|c: char| c.is_ascii_whitespace() || c == '>')
        .unwrap_or(text.len());
    let mut tag = Tag {
        name: text[..end].to_ascii_lowercase(),
        attributes: Vec::new(),
    };
    let mut rest = &text[end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        if rest.is_empty() {
            return (tag, rest);
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || "=>/".contains(c))
            .unwrap_or(rest.len())
            // A stray `=` must not stand still.
            .max(1);
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let value = match rest.strip_prefix('=') {
            None => "",
            Some(after) => {
                let after = after.trim_start();
                let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
                let (value, after) = match quote {
                    Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                    None => after.split_at(
                        after
                            .find(|c: char| c.is_ascii_whitespace() || c == '>')
                            .unwrap_or(after.len()),
                    ),
                };
                rest = after;
                value
            }
        };
        tag.attributes.push((name, unescape(value)));
    }
}

/// Character references: numeric ones, and the five that every escaper uses.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let reference = rest[1..].split_once(';');
        match reference.and_then(|(name, after)| Some((character(name)?, after))) {
            Some((c, after)) => {
                plain.push(c);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    let number = |digits: &str, radix| char::from_u32(u32::from_str_radix(digits, radix).ok()?);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            match digits.strip_prefix(['x', 'X']) {
                Some(digits) => number(digits, 16),
                None => number(digits, 10),
            }
        }
    }
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
    fn what_is_not_html_has_no_form_and_no_end_is_no_trouble() {
        for text in [
            "",
            "<",
            "{\"form\": \"<\"}",
            "<form",
            "<form a",
            "<form a='",
            "<a = >",
            "<é",
        ] {
            let _ = first_form(text);
        }
        assert_eq!(first_form("no form here"), None);
    }
}

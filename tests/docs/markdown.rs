//! The parts of Markdown that the documents use: tables, headings, code blocks.

/// Writes a table.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell_of(cell)).collect();
        format!("| {} |\n", cells.join(" | ")).replace("  |", " |")
    };
    let mut text = line(&head.map(str::to_owned));
    text.push_str(&format!("|{}\n", " --- |".repeat(N)));
    for row in rows {
        text.push_str(&line(row));
    }
    text
}

fn cell_of(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    without_html(&text.replace('|', "\\|"))
}

/// Escapes `<` outside of code.
pub(crate) fn without_html(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts: Vec<String> = parts
        .map(|(number, part)| match number % 2 {
            0 => part.replace('<', "&lt;"),
            _ => part.to_owned(),
        })
        .collect();
    parts.join("`")
}

/// Writes a text as code.
pub(crate) fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Writes texts as code, with commas between them.
pub(crate) fn codes<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let codes: Vec<String> = texts.into_iter().map(code).collect();
    codes.join(", ")
}

/// A line of a document, and whether it is part of a code block. Fences count as code.
pub(crate) struct Line<'p> {
    pub(crate) number: usize,
    pub(crate) text: &'p str,
    pub(crate) is_code: bool,
}

/// Returns the lines of a document.
pub(crate) fn lines(page: &str) -> Vec<Line<'_>> {
    let mut fence: Option<&str> = None;
    let lines = page.lines().enumerate().map(|(at, text)| {
        let bare = text.trim_start();
        let is_code = match fence {
            Some(open) => {
                if bare.trim_end() == open {
                    fence = None;
                }
                true
            }
            None => {
                fence = ["```", "~~~"]
                    .into_iter()
                    .find(|mark| bare.starts_with(mark));
                fence.is_some()
            }
        };
        let number = at + 1;
        Line {
            number,
            text,
            is_code,
        }
    });
    lines.collect()
}

/// Returns the anchors of the headings, as GitHub and mdBook derive them.
pub(crate) fn anchors(page: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for line in lines(page).iter().filter(|line| !line.is_code) {
        let depth = line.text.chars().take_while(|c| *c == '#').count();
        if depth == 0 || depth > 6 || !line.text[depth..].starts_with(' ') {
            continue;
        }
        let anchor = anchor_of(&line.text[depth..]);
        let same = |name: &String| *name == anchor || name.starts_with(&format!("{anchor}-#"));
        match anchors.iter().filter(|name| same(name)).count() {
            0 => anchors.push(anchor),
            times => anchors.push(format!("{anchor}-{times}")),
        }
    }
    anchors
}

fn anchor_of(heading: &str) -> String {
    // The text of a link, without its target.
    let mut text = heading.trim().to_owned();
    while let Some((before, rest)) = text.split_once("](") {
        let after = rest.split_once(')').map_or("", |(_, after)| after);
        text = format!("{before}{after}");
    }
    text.to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn tables_escape_pipes_and_angle_brackets_outside_of_code() {
    let text = table(["a", ""], &[["x | y".to_owned(), "<b> `<c>`".to_owned()]]);
    assert_eq!(text, "| a | |\n| --- | --- |\n| x \\| y | &lt;b> `<c>` |\n");
}

#[test]
fn anchors_are_those_of_github() {
    let page = "# One: `two`, three\n## [A link](x.md#y) here\n```sh\n# no heading\n```\n## One two\n## One two\n#tag\n";
    let expected = ["one-two-three", "a-link-here", "one-two", "one-two-1"];
    assert_eq!(anchors(page), expected);
}

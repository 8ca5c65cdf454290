//! Wraps text at words.
//!
//! An address, and a command in backticks, is one word of any length, so that it can be copied whole. An
//! indented line is a command, an address or a row of a table, and stays unchanged.

use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, wrap};

/// Longest line, in columns: longer ones are hard to read.
const MAX_LINE_COLUMNS: usize = 100;

/// The indentation of text that does not fit beside its label.
const BELOW: &str = "  ";

/// Returns a label and its text, wrapped if `columns` is known. The label may contain ANSI codes. Further
/// lines are indented to the first one's text, or less if a long word would not fit there.
pub(crate) fn wrapped(label: &str, text: &str, columns: Option<usize>) -> String {
    each_line(label, text, columns, paragraph)
}

/// Like [`wrapped`], but further lines are always indented to the first one's text.
pub(super) fn beside(label: &str, text: &str, columns: Option<usize>) -> String {
    each_line(label, text, columns, |label, line, columns| {
        filled(label, line, columns, display_width(label))
    })
}

fn each_line(
    label: &str,
    text: &str,
    columns: Option<usize>,
    paragraph: impl Fn(&str, &str, usize) -> String,
) -> String {
    let Some(columns) = columns else {
        return format!("{label}{text}");
    };
    let lines = text.split('\n').enumerate().map(|(number, line)| {
        let label = if number == 0 { label } else { "" };
        match line.starts_with(' ') {
            true => format!("{label}{}", indented(line, columns)),
            false => paragraph(label, line, columns),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn paragraph(label: &str, text: &str, columns: usize) -> String {
    let hang = display_width(label);
    let lines = filled(label, text, columns, hang);
    let is_too_wide = |lines: &str| lines.lines().any(|line| display_width(line) > columns);
    let name = label.trim_end();
    // Text without a label has no other place.
    if !is_too_wide(&lines) || name.is_empty() {
        return lines;
    }
    let margin = &label[..label.len() - label.trim_start().len()];
    let below = format!("{margin}{BELOW}");
    let first = words(text).next().map_or(0, |word| display_width(&word));
    if hang + first > columns {
        return format!("{name}\n{}", filled(&below, text, columns, below.len()));
    }
    let less_indented = filled(label, text, columns, below.len());
    match is_too_wide(&less_indented) {
        true => lines,
        false => less_indented,
    }
}

/// Wraps a row of a table, which has a gap behind its first words. Every other indented line is copied as
/// it is.
fn indented(line: &str, columns: usize) -> String {
    let text = line.trim_start();
    if display_width(line) <= columns || !text.contains("  ") {
        return line.to_owned();
    }
    let margin = &line[..line.len() - text.len()];
    filled(margin, text, columns, margin.len() + BELOW.len())
}

fn filled(label: &str, text: &str, columns: usize, hang: usize) -> String {
    let hang = " ".repeat(hang);
    let options = Options::new(columns.min(MAX_LINE_COLUMNS))
        .initial_indent(label)
        .subsequent_indent(&hang)
        .break_words(false)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_splitter(WordSplitter::NoHyphenation)
        .word_separator(WordSeparator::Custom(words));
    wrap(text, options).join("\n")
}

/// Widest group in brackets that stays on one line, such as `[env: ACSPASS_CLIENT_ID]`.
const MAX_GROUP_COLUMNS: usize = 32;

/// Splits a line into words, each with the spaces behind it.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut words = Vec::new();
    let (mut start, mut in_command, mut after_space, mut group_end) = (0, false, false, 0);
    for (at, c) in line.char_indices() {
        let is_inside = in_command || at < group_end;
        if after_space && c != ' ' && !is_inside && !is_unit(&line[start..at], &line[at..]) {
            words.push(Word::from(&line[start..at]));
            start = at;
        }
        if c == '`' {
            // An unpaired backtick is an ordinary character.
            in_command = !in_command && line[at + 1..].contains('`');
        }
        if c == '[' {
            let end = line[at..].find(']').filter(|end| *end < MAX_GROUP_COLUMNS);
            group_end = end.map_or(group_end, |end| at + end);
        }
        after_space = c == ' ';
    }
    words.push(Word::from(&line[start..]));
    Box::new(words.into_iter())
}

/// Units that stay on one line with their number.
const UNITS: [&str; 11] = [
    "ms", "s", "min", "h", "d", "day", "days", "minute", "minutes", "second", "seconds",
];

/// Returns whether the text and the rest belong together: a number and its unit, as in `14 min`, or two
/// parts of a duration, as in `1 h 14 min`.
fn is_unit(text: &str, rest: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_unit = |text: &str| UNITS.contains(&text);
    let mut behind = rest.split(|c: char| !c.is_ascii_alphanumeric());
    let next = behind.next().unwrap_or_default();
    let text = text.trim_start_matches('(').strip_suffix(' ');
    let last = text.and_then(|text| text.rsplit(' ').next());
    let Some(last) = last.filter(|_| text.is_some_and(|text| !text.ends_with(','))) else {
        return false;
    };
    let is_duration = text.is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    is_number(last) && is_unit(next)
        || is_duration && is_unit(last) && is_number(next) && behind.next().is_some_and(is_unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_words_and_hang_under_the_first_ones_text() {
        let text = "sign in again, and take care that nothing is cut";
        let expected =
            "hint: sign in again,\n      and take care\n      that nothing\n      is cut";
        assert_eq!(wrapped("hint: ", text, Some(20)), expected);
        let coloured = expected.replacen("hint:", "\u{1b}[1mhint:\u{1b}[0m", 1);
        let label = "\u{1b}[1mhint:\u{1b}[0m ";
        assert_eq!(wrapped(label, text, Some(20)), coloured);
        assert_eq!(wrapped("hint: ", text, None), format!("hint: {text}"));
    }

    #[test]
    fn what_is_to_be_copied_stays_whole() {
        let text = "run `acspass config set client-id GUID` now";
        let expected = "run\n`acspass config set client-id GUID`\nnow";
        assert_eq!(wrapped("", text, Some(20)), expected);
        let address = format!("https://login.test/{}", "x".repeat(50));
        let expected = format!("see\n{address}\nfirst");
        assert_eq!(
            wrapped("", &format!("see {address} first"), Some(20)),
            expected
        );
        let lines = "Open this:\n\n  ssh -L 8400:localhost:8400 host.example\n";
        assert_eq!(wrapped("", lines, Some(20)), lines);
        assert_eq!(wrapped("", "one ` two three", Some(9)), "one ` two\nthree");
    }

    #[test]
    fn long_word_stands_below_its_label() {
        let wrapped = |label, text| wrapped(label, text, Some(20));
        assert_eq!(
            wrapped("  id: ", "0123456789abcde"),
            "  id:\n    0123456789abcde"
        );
        let text = "run `command argument` now";
        assert_eq!(
            wrapped("hint: ", text),
            "hint: run\n  `command argument`\n  now"
        );
        let text = "run `a command of more columns` now";
        let unchanged = "hint: run\n      `a command of more columns`\n      now";
        assert_eq!(wrapped("hint: ", text), unchanged);
    }

    #[test]
    fn row_of_a_table_is_wrapped() {
        let row = "  ada@contoso.test  (tenant of contoso)";
        let expected = "  ada@contoso.test\n    (tenant of\n    contoso)";
        assert_eq!(wrapped("", row, Some(20)), expected);
        assert_eq!(wrapped("", row, Some(80)), row);
    }

    #[test]
    fn number_and_unit_stay_together_and_so_does_a_short_group() {
        let wrapped = |text, columns| wrapped("", text, Some(columns));
        assert_eq!(wrapped("in 1 h 14 min now", 11), "in\n1 h 14 min\nnow");
        assert_eq!(wrapped("times out (5 s)", 12), "times out\n(5 s)");
        assert_eq!(wrapped("all 14 minors", 8), "all 14\nminors");
        assert_eq!(wrapped("an id [env: NAME]", 12), "an id\n[env: NAME]");
        let long = format!("[possible values: {}]", "x".repeat(20));
        assert_eq!(
            wrapped(&long, 12),
            long.replace(": ", ":\n").replace("possible ", "possible\n")
        );
    }

    #[test]
    fn no_line_is_wider_than_is_good_to_read() {
        let text = "word ".repeat(60);
        let widest = |columns| {
            let text = wrapped("", text.trim(), Some(columns));
            text.lines().map(str::len).max()
        };
        assert_eq!(widest(80), Some(79));
        assert_eq!(widest(300), Some(99));
    }
}

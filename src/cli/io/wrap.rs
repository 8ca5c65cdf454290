//! Wraps text at words.
//!
//! An address, and a command in backticks, is one word of any length, so that it can be copied whole. An
//! indented line is a command, an address or a row of a table, and stays unchanged.

use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, wrap};

/// Longest line, in columns: longer ones are hard to read.
const MAX_LINE_COLUMNS: usize = 100;

/// Returns a label and its text, wrapped if `columns` is known. The label may contain ANSI codes. Further lines are indented to the
/// first one's text.
pub(crate) fn wrapped(label: &str, text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return format!("{label}{text}");
    };
    let lines = text.split('\n').enumerate().map(|(number, line)| {
        let label = if number == 0 { label } else { "" };
        if line.starts_with(' ') {
            return format!("{label}{line}");
        }
        let hang = " ".repeat(display_width(label));
        let options = Options::new(columns.min(MAX_LINE_COLUMNS))
            .initial_indent(label)
            .subsequent_indent(&hang)
            .break_words(false)
            .wrap_algorithm(WrapAlgorithm::FirstFit)
            .word_splitter(WordSplitter::NoHyphenation)
            .word_separator(WordSeparator::Custom(words));
        wrap(line, options).join("\n")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Splits a line into words, each with the spaces behind it.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut words = Vec::new();
    let (mut start, mut in_command, mut after_space) = (0, false, false);
    for (at, c) in line.char_indices() {
        if after_space && c != ' ' && !in_command {
            words.push(Word::from(&line[start..at]));
            start = at;
        }
        if c == '`' {
            // An unpaired backtick is an ordinary character.
            in_command = !in_command && line[at + 1..].contains('`');
        }
        after_space = c == ' ';
    }
    words.push(Word::from(&line[start..]));
    Box::new(words.into_iter())
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

//! Human-readable results: headings, text and rows, in colour and wrapped to the terminal's width.

use textwrap::core::display_width;

use crate::text::printable;

use super::style::{Mark, Style};
use super::wrap::wrapped;

/// A result as text, line by line. Control characters of foreign text are removed here, so a caller passes
/// text without ANSI codes.
pub(crate) struct Report {
    style: Style,
    columns: Option<usize>,
    text: String,
}

impl Report {
    /// Creates an empty report. `columns` is the width of the terminal, if standard output is one.
    pub(crate) fn new(style: Style, columns: Option<usize>) -> Self {
        Report {
            style,
            columns,
            text: String::new(),
        }
    }

    /// Adds a line in bold.
    pub(crate) fn heading(&mut self, text: &str) {
        let text = self.style.bold(&printable(text));
        self.push(&wrapped("", &text, self.columns));
    }

    /// Adds an empty line.
    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Adds a paragraph.
    pub(crate) fn paragraph(&mut self, text: &str) {
        self.push(&wrapped("", &printable(text), self.columns));
    }

    /// Adds a row: `label`, padded to `width` columns, and `text`, whose further lines hang under the
    /// first one. The label may begin with spaces.
    pub(crate) fn row(&mut self, label: &str, width: usize, text: &str) {
        let label = padded(&printable(label), width);
        self.push(&wrapped(&label, &printable(text), self.columns));
    }

    /// Adds a row whose text begins with a coloured word, as in `✓ fresh, expires 18:24`. `rest` follows
    /// the word directly.
    pub(crate) fn marked_row(
        &mut self,
        label: &str,
        width: usize,
        (mark, word): (Mark, &str),
        rest: &str,
    ) {
        let label = padded(&printable(label), width);
        let text = format!("{}{}", self.style.marked(mark, word), printable(rest));
        self.push(&wrapped(&label, &text, self.columns));
    }

    /// Adds a row whose label is a coloured word, as in `✓ ok    store   the keyring works`. The word is
    /// padded to `width` columns.
    pub(crate) fn mark_labelled_row(&mut self, mark: Mark, word: &str, width: usize, text: &str) {
        let label = padded(&self.style.marked(mark, word), width);
        self.push(&wrapped(&label, &printable(text), self.columns));
    }

    /// Returns the text, without the line break at its end.
    pub(super) fn into_text(self) -> String {
        self.text.trim_end_matches('\n').to_owned()
    }

    fn push(&mut self, lines: &str) {
        for line in lines.lines() {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }
}

fn padded(label: &str, width: usize) -> String {
    let padding = width.saturating_sub(display_width(label)).max(1);
    format!("{label}{}", " ".repeat(padding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hang_under_their_text_and_colours_count_no_columns() {
        let style = Style {
            is_coloured: true,
            has_symbols: true,
        };
        let mut report = Report::new(style, Some(24));
        report.heading("Accounts");
        report.row("  Store", 12, "the keyring of this login");
        report.mark_labelled_row(Mark::Good, "ok", 6, "one two three four five six");
        report.marked_row("  Token", 10, (Mark::Bad, "expired"), " x\u{7}");
        let expected = "\u{1b}[1mAccounts\u{1b}[0m\n  Store     the keyring\n            of this\n            \
                        login\n\u{1b}[32m✓ ok\u{1b}[0m  one two three four\n      five six\n  Token   \
                        \u{1b}[31m✗ expired\u{1b}[0m x";
        assert_eq!(report.into_text(), expected);
        let mut plain = Report::new(Style::default(), None);
        plain.mark_labelled_row(Mark::Neutral, "skipped", 9, "not checked");
        assert_eq!(plain.into_text(), "skipped  not checked");
    }
}

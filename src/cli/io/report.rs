//! Human-readable results: headings, text and rows, in colour and wrapped to the terminal's width.

use textwrap::core::display_width;

use crate::cli::hints::global_options::GlobalOptions;
use crate::text::printable;

use super::style::{Mark, Style};
use super::wrap::{beside, wrapped};

/// Narrowest column of text beside a label. In a narrower terminal the text begins below the label.
pub(crate) const MIN_TEXT_COLUMNS: usize = 28;

/// Widest label that is only a mark or a number, such as `1.`: its text always begins beside it.
const MAX_MARK_COLUMNS: usize = 4;

/// A result as text, line by line. Control characters of foreign text are removed here, so a caller passes
/// text without ANSI codes.
pub(crate) struct Report {
    style: Style,
    columns: Option<usize>,
    global_options: GlobalOptions,
    text: String,
}

impl Report {
    /// Creates an empty report. `columns` is the width of the terminal, if standard output is one.
    pub(crate) fn new(style: Style, columns: Option<usize>) -> Self {
        Report {
            style,
            columns,
            global_options: GlobalOptions::default(),
            text: String::new(),
        }
    }

    /// Adds these options to the commands of this program in the texts that follow.
    pub(crate) fn with_global_options(self, global_options: GlobalOptions) -> Self {
        Report {
            global_options,
            ..self
        }
    }

    /// Adds a line in bold. Further lines hang under the text behind a mark, as in `* ada@contoso.example`.
    pub(crate) fn heading(&mut self, text: &str) {
        let text = printable(text);
        let (mark, text) = match text.starts_with("* ") || text.starts_with("  ") {
            true => text.split_at(2),
            false => ("", text.as_str()),
        };
        for line in wrapped(mark, text, self.columns).lines() {
            self.push(&self.style.bold(line.trim_end()));
        }
    }

    /// Adds an empty line.
    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Adds a paragraph.
    pub(crate) fn paragraph(&mut self, text: &str) {
        let text = self.whole(text);
        self.push(&wrapped("", &text, self.columns));
    }

    /// Adds lines that are copied as they are, such as a script: they are not wrapped.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.push(&printable(text));
    }

    /// Adds a row: `label`, padded to `width` columns, and `text`, whose further lines hang under the
    /// first one. The label may begin with spaces. If a command in the text does not fit beside the label,
    /// or if more than one line would be needed in a narrow terminal, the text begins below the label.
    pub(crate) fn row(&mut self, label: &str, width: usize, text: &str) {
        let text = self.whole(text);
        self.labelled(&printable(label), width, &text);
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
        let text = format!("{}{}", self.style.marked(mark, word), self.whole(rest));
        self.labelled(&printable(label), width, &text);
    }

    /// Adds a finding with its advice, as in `✓ ok    store    keyring: read, write and delete work`.
    /// `widths` are the columns of the result and of the subject. The advice is a line of its own.
    pub(crate) fn finding(
        &mut self,
        (mark, word): (Mark, &str),
        subject: &str,
        widths: (usize, usize),
        text: &str,
        advice: Option<&str>,
    ) {
        let result = padded(&self.style.marked(mark, word), widths.0);
        let subject = self.style.bold(&printable(subject));
        let label = format!("{result}{subject}");
        let width = widths.0 + widths.1;
        let text = self.whole(text);
        let hang = self.labelled(&label, width, &text);
        if let Some(advice) = advice {
            let arrow = if self.style.has_symbols { "→" } else { "->" };
            let label = format!("{}{arrow} ", " ".repeat(hang));
            let advice = self.whole(advice);
            self.push(&wrapped(&label, &advice, self.columns));
        }
    }

    /// Returns foreign text without control characters, and with whole commands.
    fn whole(&self, text: &str) -> String {
        printable(&self.global_options.added_to(text))
    }

    /// Whether text begins below a label of this width, because the terminal is narrow.
    pub(crate) fn is_narrow(&self, width: usize) -> bool {
        self.columns
            .is_some_and(|columns| columns < width + MIN_TEXT_COLUMNS)
    }

    /// Adds a label and its text. Returns the column in which the text begins.
    fn labelled(&mut self, label: &str, width: usize, text: &str) -> usize {
        let lines = beside(&padded(label, width), text, self.columns);
        let is_too_wide = |columns| lines.lines().any(|line| display_width(line) > columns);
        let has_room = !self.is_narrow(width) || !lines.contains('\n');
        let fits = has_room && !self.columns.is_some_and(is_too_wide);
        if fits || width <= MAX_MARK_COLUMNS {
            self.push(&lines);
            return width;
        }
        let indent = label.len() - label.trim_start_matches(' ').len() + 2;
        self.push(label);
        self.push(&wrapped(&" ".repeat(indent), text, self.columns));
        indent
    }

    /// Returns the text, without the line break at its end.
    pub(in crate::cli) fn into_text(self) -> String {
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
        let mut report = Report::new(style, Some(40));
        report.heading("* ada@contoso.example (tenant of contoso)");
        report.row("  Store", 12, "the keyring of this login on this machine");
        report.marked_row("  Token", 10, (Mark::Bad, "expired"), " x\u{7}");
        let expected = "\u{1b}[1m* ada@contoso.example (tenant of\u{1b}[0m\n\u{1b}[1m  \
                        contoso)\u{1b}[0m\n  Store     the keyring of this login on\n            \
                        this machine\n  Token   \u{1b}[31m✗ expired\u{1b}[0m x";
        assert_eq!(report.into_text(), expected);
    }

    #[test]
    fn text_begins_below_its_label_in_a_narrow_terminal() {
        let mut report = Report::new(Style::default(), Some(30));
        report.row("    Entra token", 20, "fresh, expires 18:24, in 1 h");
        let expected = "    Entra token\n      fresh, expires 18:24, in\n      1 h";
        assert_eq!(report.into_text(), expected);
        let mut report = Report::new(Style::default(), Some(40));
        report.row("Resource", 10, "`acspass config set connection-string`");
        let expected = "Resource\n  `acspass config set connection-string`";
        assert_eq!(report.into_text(), expected, "a command is not broken");
    }

    #[test]
    fn finding_and_advice_hang_under_the_finding() {
        let style = Style {
            is_coloured: false,
            has_symbols: true,
        };
        let add = |style, columns| {
            let mut report = Report::new(style, columns);
            let result = (Mark::Bad, "fail");
            let advice = Some("Run `acspass get`.");
            report.finding(
                result,
                "store",
                (7, 6),
                "one two three four five six seven",
                advice,
            );
            report.into_text()
        };
        let wide = "✗ fail store one two three four five six seven\n             \
                    → Run `acspass get`.";
        assert_eq!(add(style, Some(80)), wide);
        let hanging = wide.replace("six seven", "six\n             seven");
        assert_eq!(add(style, Some(42)), hanging);
        let narrow = "✗ fail store\n  one two three four\n  five six seven\n  → Run\n    \
                      `acspass get`.";
        assert_eq!(add(style, Some(20)), narrow);
        let plain = wide.replace("✗ fail", "fail  ").replace('→', "->");
        assert_eq!(add(Style::default(), None), plain);
    }
}

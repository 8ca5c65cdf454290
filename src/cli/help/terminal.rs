//! Pages as text, in colour and wrapped to the width of a terminal.

use textwrap::core::display_width;

use super::page::{Page, Row};
use super::sections::Note;
use crate::cli::io::report::MIN_TEXT_COLUMNS;
use crate::cli::io::style::Style;
use crate::cli::io::wrap::wrapped;
use crate::error::Kind;

/// The width of text that is not for a terminal.
const DEFAULT_COLUMNS: usize = 80;

/// The indentation of a description below its label.
const BELOW: &str = "      ";

impl Page {
    /// Returns the short page: what the command does, its usage, commands and options.
    pub(crate) fn short(&self, style: Style, columns: Option<usize>) -> String {
        let mut sheet = Sheet::new(style, columns);
        let name = self.name();
        self.begin(&mut sheet);
        if self.words.is_empty() {
            sheet.blank();
            let all = self.short_commands.iter().flat_map(|(_, rows)| rows);
            let width = width(all);
            for (title, rows) in &self.short_commands {
                sheet.heading(title);
                sheet.rows(rows, width);
            }
            sheet.blank();
            sheet.paragraph(
                "Run `acspass COMMAND -h` for a command, `acspass --help` for everything.",
            );
            return sheet.text;
        }
        self.own(&mut sheet);
        sheet.blank();
        self.global_line(&mut sheet);
        sheet.paragraph(&format!("Examples: see `{name} --help`."));
        sheet.text
    }

    /// Returns the long page: the short one, with examples, notes and environment variables.
    pub(crate) fn long(&self, style: Style, columns: Option<usize>) -> String {
        let mut sheet = Sheet::new(style, columns);
        self.begin(&mut sheet);
        self.own(&mut sheet);
        let is_root = self.words.is_empty();
        if is_root {
            sheet.section("Global options", &self.global_options);
        } else {
            sheet.blank();
            self.global_line(&mut sheet);
        }
        sheet.blank();
        sheet.heading("Examples");
        let with_comment = self.examples.iter().filter(|row| !row.text.is_empty());
        let width = width(with_comment);
        sheet.rows(&self.examples, width);
        self.notes(&mut sheet);
        if !self.variables.is_empty() {
            sheet.blank();
            sheet.heading("Environment variables");
            sheet.definitions(&self.variables);
        }
        if is_root {
            sheet.blank();
            sheet.heading("Exit codes");
            sheet.row("0", 7, "Success.");
            for kind in Kind::ALL {
                sheet.row(&kind.exit_code().to_string(), 7, kind.description());
            }
        }
        sheet.text
    }

    fn begin(&self, sheet: &mut Sheet) {
        sheet.paragraph(&self.about);
        sheet.blank();
        let label = format!("{} ", sheet.style.bold("Usage:"));
        sheet.push(&wrapped(&label, &self.usage, Some(sheet.columns)));
    }

    /// The commands, arguments and options of this command alone.
    fn own(&self, sheet: &mut Sheet) {
        let all = self.commands.iter().flat_map(|(_, rows)| rows);
        let width = width(all);
        for (title, rows) in &self.commands {
            sheet.blank();
            sheet.heading(title);
            sheet.rows(rows, width);
        }
        for (title, rows) in [("Arguments", &self.arguments), ("Options", &self.options)] {
            if !rows.is_empty() {
                sheet.section(title, rows);
            }
        }
    }

    fn global_line(&self, sheet: &mut Sheet) {
        let names = self.global_names.join(", ");
        sheet.paragraph(&format!("Global options: {names}; see `acspass --help`."));
    }

    fn notes(&self, sheet: &mut Sheet) {
        let rows = self.notes.iter().filter_map(|note| match note {
            Note::Row(label, _) => Some(display_width(label) + 4),
            Note::Paragraph(_) => None,
        });
        let width = rows.max().unwrap_or_default();
        for note in &self.notes {
            match note {
                Note::Paragraph(text) => {
                    sheet.blank();
                    sheet.paragraph(text);
                }
                Note::Row(label, text) => sheet.row(label, width, text),
            }
        }
    }
}

/// Returns the width of the label column of these rows, with the space around it.
fn width<'r>(rows: impl Iterator<Item = &'r Row>) -> usize {
    let widths = rows.map(|row| display_width(&row.label) + 4);
    widths.max().unwrap_or_default()
}

/// A page that is being written.
struct Sheet {
    style: Style,
    columns: usize,
    text: String,
}

impl Sheet {
    fn new(style: Style, columns: Option<usize>) -> Sheet {
        Sheet {
            style,
            columns: columns.unwrap_or(DEFAULT_COLUMNS),
            text: String::new(),
        }
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn push(&mut self, lines: &str) {
        self.text.push_str(lines);
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        let title = self.style.bold(&format!("{title}:"));
        self.push(&title);
    }

    fn paragraph(&mut self, text: &str) {
        self.push(&wrapped("", text, Some(self.columns)));
    }

    fn section(&mut self, title: &str, rows: &[Row]) {
        self.blank();
        self.heading(title);
        self.rows(rows, width(rows.iter()));
    }

    fn rows(&mut self, rows: &[Row], width: usize) {
        for row in rows {
            self.row(&row.label, width, &row.text);
        }
    }

    /// Adds lists of names, each with its description below it.
    fn definitions(&mut self, rows: &[Row]) {
        for row in rows {
            let names = row.label.split(", ");
            let names: Vec<String> = names.map(|name| self.style.paint("36", name)).collect();
            self.push(&wrapped("  ", &names.join(", "), Some(self.columns)));
            self.push(&wrapped(BELOW, &row.text, Some(self.columns)));
        }
    }

    /// Adds a label and its description beside it, or below it if the terminal is too narrow.
    fn row(&mut self, label: &str, width: usize, text: &str) {
        let padding = width.saturating_sub(display_width(label) + 2);
        let painted = |label| format!("  {}", self.style.paint("36", label));
        if text.is_empty() {
            return self.push(&painted(label));
        }
        let fits = width + MIN_TEXT_COLUMNS <= self.columns;
        if fits && padding > 0 {
            let label = format!("{}{}", painted(label), " ".repeat(padding));
            return self.push(&wrapped(&label, text, Some(self.columns)));
        }
        // The space of a missing short option would hide the indentation of the text.
        self.push(&painted(label.trim_start()));
        self.push(&wrapped(BELOW, text, Some(self.columns)));
    }
}

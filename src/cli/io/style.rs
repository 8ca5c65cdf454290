//! Colours and symbols of text for a terminal.
//!
//! A symbol always stands beside a word with the same meaning, so that neither colour nor the symbol is
//! the only sign. Text for a file or a pipe has neither.

/// The colours and symbols that one stream can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// ANSI codes (SGR) are written.
    pub(crate) is_coloured: bool,
    /// The stream is a terminal that shows UTF-8.
    pub(crate) has_symbols: bool,
}

/// The result of a check, or the state of an account or token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// As it should be.
    Good,
    /// Works, but needs attention.
    Warning,
    /// Does not work.
    Bad,
    /// Not checked, or of no importance.
    Neutral,
}

impl Style {
    /// Returns `text` with an ANSI code around it, if colour is on.
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        match self.is_coloured && !text.is_empty() {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// Returns a heading or the name of a value, in bold.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Returns a word in the colour of its mark, after the mark's symbol if the terminal shows symbols:
    /// `✓ ok`.
    pub(crate) fn marked(self, mark: Mark, word: &str) -> String {
        let (code, symbol) = match mark {
            Mark::Good => ("32", "✓ "),
            Mark::Warning => ("33", "! "),
            Mark::Bad => ("31", "✗ "),
            Mark::Neutral => ("2", "- "),
        };
        let symbol = if self.has_symbols { symbol } else { "" };
        self.paint(code, &format!("{symbol}{word}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_stands_beside_symbol_and_colour() {
        let plain = Style::default();
        assert_eq!(plain.marked(Mark::Good, "ok"), "ok");
        assert_eq!(plain.bold("Accounts"), "Accounts");
        let terminal = Style {
            is_coloured: true,
            has_symbols: true,
        };
        assert_eq!(
            terminal.marked(Mark::Bad, "fail"),
            "\u{1b}[31m✗ fail\u{1b}[0m"
        );
        let no_color = Style {
            is_coloured: false,
            ..terminal
        };
        assert_eq!(no_color.marked(Mark::Warning, "warn"), "! warn");
    }
}

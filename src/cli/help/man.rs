//! Pages as manual pages (man(7)).

use clap_mangen::roff::{Roff, bold, italic, roman};

use super::page::{Page, Row};
use super::sections::Note;
use crate::error::Kind;

/// The files that the commands read and write, on Linux.
const FILES: [(&str, &str); 3] = [
    (
        "~/.config/acspass/config.toml",
        "Profiles and their settings.",
    ),
    (
        "~/.local/state/acspass/index.json",
        "Accounts and token expiry, without secrets.",
    ),
    (
        "~/.local/state/acspass/",
        "Locks, sealed files of the store `file`, and files of the token service.",
    ),
];

impl Page {
    /// Returns the name of the manual page: `acspass-token-issue`.
    pub(crate) fn man_name(&self) -> String {
        self.name().replace(' ', "-")
    }

    /// Returns the manual page.
    pub(crate) fn man(&self) -> String {
        let mut roff = Roff::new();
        let (name, version) = (self.man_name(), env!("CARGO_PKG_VERSION"));
        let source = format!("acspass {version}");
        roff.control(
            "TH",
            [&name.to_uppercase(), "1", "", &source, "acspass manual"],
        );
        // Names are never hyphenated, and lines end ragged.
        roff.control("nh", []);
        roff.control("ad", ["l"]);
        roff.control("SH", ["NAME"]);
        roff.text([roman(format!("{name} - {}", self.about))]);
        roff.control("SH", ["SYNOPSIS"]);
        roff.text([bold(self.usage.clone())]);
        roff.control("SH", ["DESCRIPTION"]);
        roff.text([roman(format!("{}.", self.about))]);
        for note in &self.notes {
            match note {
                Note::Paragraph(text) => {
                    roff.control("PP", []);
                    roff.text([roman(*text)]);
                }
                Note::Row(label, text) => definition(&mut roff, label, text),
            }
        }
        for (title, rows) in &self.commands {
            roff.control("SS", [*title]);
            definitions(&mut roff, rows);
        }
        roff.control("SH", ["OPTIONS"]);
        for rows in [&self.arguments, &self.options, &self.global_options] {
            definitions(&mut roff, rows);
        }
        roff.control("SH", ["EXAMPLES"]);
        for row in &self.examples {
            definition(&mut roff, &row.label, &row.text);
        }
        roff.control("SH", ["ENVIRONMENT"]);
        match self.variables.is_empty() {
            true => {
                roff.text([roman("The command reads no variable of its own.")]);
            }
            false => definitions(&mut roff, &self.variables),
        }
        roff.control("SH", ["FILES"]);
        for (path, text) in FILES {
            definition(&mut roff, path, text);
        }
        roff.control("SH", ["EXIT STATUS"]);
        definition(&mut roff, "0", "Success.");
        for kind in Kind::ALL {
            definition(&mut roff, &kind.exit_code().to_string(), kind.description());
        }
        roff.control("SH", ["SEE ALSO"]);
        let related: Vec<String> = self
            .related()
            .iter()
            .map(|name| format!("{name}(1)"))
            .collect();
        roff.text([italic(related.join(", "))]);
        roff.render()
    }

    /// Returns the manual pages of the command above and of the commands below.
    fn related(&self) -> Vec<String> {
        let mut related = Vec::new();
        if let Some((_, above)) = self.words.split_last() {
            let words = std::iter::once("acspass").chain(above.iter().map(String::as_str));
            related.push(words.collect::<Vec<_>>().join("-"));
        }
        let below = self.commands.iter().flat_map(|(_, rows)| rows);
        related.extend(below.map(|row| format!("{}-{}", self.man_name(), row.label)));
        if self.words.len() == 1 && related.len() == 1 {
            related.push("acspass-help".to_owned());
        }
        related
    }
}

fn definitions(roff: &mut Roff, rows: &[Row]) {
    for row in rows {
        definition(roff, row.label.trim_start(), &row.text);
    }
}

fn definition(roff: &mut Roff, label: &str, text: &str) {
    roff.control("TP", []);
    roff.text([bold(label)]);
    roff.text([roman(if text.is_empty() { " " } else { text })]);
}

//! The pages of all commands, at several widths.

use clap::CommandFactory;
use textwrap::core::display_width;

use super::page::Page;
use crate::cli::args::Cli;
use crate::cli::io::style::Style;
use crate::config::Setting;

const COLOURED: Style = Style {
    is_coloured: true,
    has_symbols: false,
};

/// Calls `check` with the page of each command.
fn each_page(check: impl Fn(&[String], &Page)) {
    fn walk(command: &clap::Command, words: &[String], check: &impl Fn(&[String], &Page)) {
        check(words, &Page::of(words).expect("a page"));
        for command in command.get_subcommands() {
            let words = [words, &[command.get_name().to_owned()]].concat();
            walk(command, &words, check);
        }
    }
    walk(&Cli::command(), &[], &check);
}

#[test]
fn first_page_fits_a_terminal_of_24_lines() {
    let page = Page::of(&[]).expect("a page");
    let text = page.short(Style::default(), Some(80));
    assert!(text.lines().count() <= 24, "{text}");
    assert_eq!(
        text,
        page.short(Style::default(), None),
        "the width of a pipe"
    );
}

#[test]
fn short_page_is_shorter_than_the_long_one_and_has_no_examples() {
    each_page(|words, page| {
        let short = page.short(Style::default(), Some(80));
        let long = page.long(Style::default(), Some(80));
        assert!(short.lines().count() < long.lines().count(), "{words:?}");
        assert!(!short.contains("Examples:\n"), "{words:?}");
        let examples = long.split("\nExamples:\n").nth(1).unwrap_or_default();
        let command = words.last().map_or("acspass ", String::as_str);
        assert!(
            examples
                .lines()
                .take_while(|line| line.starts_with("  "))
                .any(|line| line.contains("acspass ") && line.contains(command)),
            "{words:?}: {examples}"
        );
        for own in ["--profile", "--verbose"] {
            let lines = short.lines().filter(|line| line.contains(own));
            let is_root = words.is_empty();
            assert_eq!(lines.count(), usize::from(!is_root), "{words:?}");
        }
    });
}

#[test]
fn lines_are_wrapped_at_words() {
    for columns in [40, 80, 120] {
        each_page(|words, page| {
            for text in [
                page.short(Style::default(), Some(columns)),
                page.long(Style::default(), Some(columns)),
            ] {
                for line in text.lines() {
                    // An example, the name of a variable and a command in backticks are never broken.
                    let is_whole =
                        line.trim_start().split("  ").count() == 1 && line.starts_with("  ");
                    let is_command = line.contains('`') || line.starts_with("Usage:");
                    let fits = display_width(line) <= columns;
                    assert!(
                        fits || is_whole || is_command,
                        "{words:?} at {columns}: {line}"
                    );
                }
                let words_of = |text: &str| {
                    text.split_whitespace()
                        .map(str::to_owned)
                        .collect::<Vec<_>>()
                };
                let wide = |text: &str| words_of(text);
                let reference = match text.contains("Examples:\n") {
                    true => page.long(Style::default(), Some(1000)),
                    false => page.short(Style::default(), Some(1000)),
                };
                assert_eq!(
                    wide(&text),
                    wide(&reference),
                    "{words:?} at {columns}: a word is broken"
                );
            }
        });
    }
}

#[test]
fn headings_and_names_are_coloured_and_plain_text_has_no_codes() {
    each_page(|words, page| {
        for (plain, coloured) in [
            (
                page.short(Style::default(), Some(80)),
                page.short(COLOURED, Some(80)),
            ),
            (
                page.long(Style::default(), Some(80)),
                page.long(COLOURED, Some(80)),
            ),
        ] {
            assert!(!plain.contains('\u{1b}'), "{words:?}");
            assert!(coloured.contains("\u{1b}[1mUsage:\u{1b}[0m "), "{words:?}");
            let mut without = coloured;
            for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[36m"] {
                without = without.replace(code, "");
            }
            assert_eq!(without, plain, "{words:?}");
        }
    });
}

#[test]
fn long_first_page_has_each_variable_and_exit_code() {
    let text = Page::of(&[])
        .expect("a page")
        .long(Style::default(), Some(80));
    for setting in Setting::ALL {
        for name in setting.variables() {
            assert!(text.contains(name), "{name}");
        }
    }
    assert!(text.contains("\n  NO_COLOR\n"), "{text}");
    assert!(text.contains("\n  130  The user interrupted"), "{text}");
    assert!(!text.contains("--yes"), "{text}");
}

#[test]
fn manual_page_has_every_section_in_order() {
    each_page(|words, page| {
        let man = page.man();
        let sections: Vec<&str> = man
            .lines()
            .filter_map(|line| line.strip_prefix(".SH "))
            .collect();
        let expected = [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXAMPLES",
            "ENVIRONMENT",
            "FILES",
            "\"EXIT STATUS\"",
            "\"SEE ALSO\"",
        ];
        assert_eq!(sections, expected, "{words:?}");
    });
}

//! `docs/reference/commands.md`, from the definition of the command line.

use clap::{Arg, ArgAction, Command};

use crate::files::read;
use crate::markdown::{code, codes, table, without_html};

pub(crate) fn page() -> String {
    let mut root = acspass::cli::command();
    root.build();
    let mut found = Vec::new();
    collect(&root, &mut Vec::new(), &mut found);
    let mut page = String::from("# Commands\n\n");
    let rows: Vec<[String; 2]> = found
        .iter()
        .map(|(path, command)| {
            let name = path.join(" ");
            let anchor = format!("acspass-{}", path.join("-"));
            [format!("[`{name}`](#{anchor})"), about(command)]
        })
        .collect();
    page.push_str(&table(["command", "purpose"], &rows));
    page.push_str("\n## Global options\n\nEvery command takes these options.\n\n");
    let is_global = |arg: &&Arg| arg.is_global_set() || is_built_in(arg);
    page.push_str(&options(root.get_arguments().filter(is_global)));
    for (path, command) in found {
        page.push_str(&section(&path, command));
    }
    page.push_str("\n[Aliases](aliases.md) lists names that work and are not in the help.\n");
    page
}

/// Collects the shown commands below this one, each with its words.
fn collect<'c>(
    command: &'c Command,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, &'c Command)>,
) {
    for command in command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        path.push(command.get_name().to_owned());
        // `help` of a group of commands is the same for each.
        if path.len() == 1 || command.get_name() != "help" {
            found.push((path.clone(), command));
            collect(command, path, found);
        }
        path.pop();
    }
}

fn about(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string);
    about.unwrap_or_default()
}

fn section(path: &[String], command: &Command) -> String {
    let mut text = format!("\n## acspass {}\n\n", path.join(" "));
    let long = command.get_long_about().map(ToString::to_string);
    let long = without_html(&long.unwrap_or_else(|| about(command)));
    text.push_str(&format!("{}\n", finished(long.trim())));
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim().strip_prefix("Usage:").unwrap_or(&usage);
    let usage: Vec<&str> = usage.lines().map(str::trim).collect();
    text.push_str(&format!("\n```text\n{}\n```\n", usage.join("\n").trim()));
    let own = |arg: &&Arg| !arg.is_global_set() && !is_built_in(arg) && !arg.is_hide_set();
    if command.get_arguments().any(|arg| own(&arg)) {
        text.push('\n');
        text.push_str(&options(command.get_arguments().filter(own)));
    }
    text.push_str(&below_options(&read(&format!(
        "assets/help/{}.txt",
        path.join("-")
    ))));
    text
}

/// Ends a text with a period.
fn finished(text: &str) -> String {
    match text.ends_with(['.', ':']) {
        true => text.to_owned(),
        false => format!("{text}."),
    }
}

fn is_built_in(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

fn options<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<[String; 2]> = args.map(|arg| [name(arg), description(arg)]).collect();
    table(["option", ""], &rows)
}

fn name(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    let mut name = flags.join(", ");
    if arg.get_action().takes_values() {
        let id = arg.get_id().as_str().to_uppercase();
        let values: Vec<String> = match arg.get_value_names() {
            Some(names) => names.iter().map(ToString::to_string).collect(),
            None => vec![id],
        };
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(&values.join(" "));
    }
    code(&name)
}

fn description(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    let values = arg.get_possible_values();
    let shown = values.iter().filter(|value| !value.is_hide_set());
    let shown: Vec<&str> = shown.map(|value| value.get_name()).collect();
    let is_switch = !arg.get_action().takes_values();
    if !shown.is_empty() && !is_switch {
        text = format!("{}: {}", text.trim_end_matches('.'), codes(shown));
    }
    let defaults = arg.get_default_values().iter();
    let defaults: Vec<&str> = defaults.filter_map(|value| value.to_str()).collect();
    if !defaults.is_empty() && !is_switch {
        text.push_str(&format!(" [default: {}]", codes(defaults)));
    }
    if arg.is_required_set() && !arg.is_positional() {
        text.push_str(" (required)");
    }
    let is_repeatable = matches!(arg.get_action(), ArgAction::Append) && !arg.is_positional();
    let says_so = ["repeat", "may be given"]
        .iter()
        .any(|word| text.contains(word));
    if is_repeatable && !says_so {
        text.push_str(" (repeatable)");
    }
    text
}

/// Renders what stands below the options: a heading, examples as code, and paragraphs.
fn below_options(text: &str) -> String {
    let mut rendered = String::new();
    let mut lines = text.trim_end().lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        if !line.starts_with(' ') {
            rendered.push_str(&format!("\n{}\n", without_html(line.trim_end())));
            continue;
        }
        let mut block = vec![line];
        while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
            block.push(line);
        }
        let indent = block
            .iter()
            .map(|line| line.len() - line.trim_start().len());
        let indent = indent.min().unwrap_or_default();
        let block: Vec<&str> = block.iter().map(|line| line[indent..].trim_end()).collect();
        rendered.push_str(&format!("\n```text\n{}\n```\n", block.join("\n")));
    }
    rendered
}

/// Returns the names that are accepted and not shown in the help.
fn aliases(root: &Command) -> Vec<String> {
    let mut names = Vec::new();
    let mut waiting: Vec<(String, &Command)> = vec![(String::new(), root)];
    while let Some((path, command)) = waiting.pop() {
        for command in command.get_subcommands() {
            let name = command.get_name();
            let hidden = command.is_hide_set().then_some(name);
            let aliases = command.get_all_aliases().chain(hidden);
            names.extend(aliases.map(|alias| code(&format!("{path}{alias}"))));
            waiting.push((format!("{path}{name} "), command));
        }
    }
    names.sort();
    names
}

#[test]
fn the_page_of_aliases_lists_each_of_them() {
    let mut root = acspass::cli::command();
    root.build();
    let page = read("docs/reference/aliases.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap_or_default().trim().to_owned());
    let mut listed: Vec<String> = cells.collect();
    listed.sort();
    assert_eq!(listed, aliases(&root));
}

#[test]
fn examples_become_code_and_text_becomes_paragraphs() {
    let rendered = below_options("Examples:\n  acspass get\n    more\n\nSome <text>.\n");
    let expected = "\nExamples:\n\n```text\nacspass get\n  more\n```\n\nSome &lt;text>.\n";
    assert_eq!(rendered, expected);
}

//! The content of the help of one command, without its form.

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::commands::GROUPS;
use super::sections::{Note, Sections, sections};
use super::variables;
use crate::cli::args::Cli;

/// The help of one command.
pub(crate) struct Page {
    /// The words of the command, without the program.
    pub(super) words: Vec<String>,
    pub(super) about: String,
    pub(super) usage: String,
    /// The commands below this one, in groups; a group without a title if there are no groups.
    pub(super) commands: Vec<(&'static str, Vec<Row>)>,
    /// The same commands on fewer lines, for the short page.
    pub(super) short_commands: Vec<(&'static str, Vec<Row>)>,
    pub(super) arguments: Vec<Row>,
    pub(super) options: Vec<Row>,
    pub(super) global_options: Vec<Row>,
    /// The long names of the global options, for one line.
    pub(super) global_names: Vec<String>,
    pub(super) examples: Vec<Row>,
    pub(super) notes: Vec<Note>,
    pub(super) variables: Vec<Row>,
}

/// A name and its description.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) text: String,
}

impl Row {
    fn new(label: impl Into<String>, text: impl Into<String>) -> Row {
        Row {
            label: label.into(),
            text: text.into(),
        }
    }
}

impl Page {
    /// Creates the page of the command with these words, which are the names of commands.
    pub(crate) fn of(words: &[String]) -> Option<Page> {
        let mut root = Cli::command();
        root.build();
        let mut command = &root;
        for word in words {
            command = command.find_subcommand(word)?;
        }
        Some(Page::of_command(&root, command, words))
    }

    fn of_command(root: &Command, command: &Command, words: &[String]) -> Page {
        let names: Vec<&str> = words.iter().map(String::as_str).collect();
        let Sections { examples, notes } = sections(&names);
        let visible = |arg: &&Arg| !arg.is_hide_set();
        let own = |arg: &&Arg| visible(arg) && !arg.is_global_set();
        let global: Vec<&Arg> = root
            .get_arguments()
            .filter(|arg| arg.is_global_set() && visible(arg))
            .collect();
        Page {
            words: words.to_vec(),
            about: text(command.get_about()),
            usage: usage(command),
            commands: commands(command, words.is_empty()),
            short_commands: short_commands(command, words.is_empty()),
            arguments: command.get_positionals().filter(own).map(row).collect(),
            options: command
                .get_arguments()
                .filter(|arg| own(arg) && !arg.is_positional())
                .map(row)
                .collect(),
            global_options: global.iter().copied().map(row).collect(),
            global_names: global
                .iter()
                .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
                .collect(),
            examples: examples
                .into_iter()
                .map(|(command, comment)| Row::new(command, comment))
                .collect(),
            notes,
            variables: variables::of_command(&names)
                .into_iter()
                .map(|(names, text)| Row::new(names, text))
                .collect(),
        }
    }

    /// The words of the command, with the program.
    pub(super) fn name(&self) -> String {
        let words = std::iter::once("acspass").chain(self.words.iter().map(String::as_str));
        words.collect::<Vec<_>>().join(" ")
    }
}

fn text(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// Returns the usage without the heading and the angle brackets around placeholders.
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    usage.replace(['<', '>'], "")
}

fn visible_commands(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
}

fn commands(command: &Command, is_root: bool) -> Vec<(&'static str, Vec<Row>)> {
    let row = |command: &Command| Row::new(command.get_name(), text(command.get_about()));
    if !is_root {
        let rows: Vec<Row> = visible_commands(command).map(row).collect();
        return if rows.is_empty() {
            Vec::new()
        } else {
            vec![("Commands", rows)]
        };
    }
    let groups = GROUPS.iter().map(|group| {
        let names = group.rows.iter().flat_map(|(names, _)| *names);
        let rows = names.filter_map(|name| command.find_subcommand(name).map(row));
        (group.title, rows.collect())
    });
    groups.collect()
}

fn short_commands(command: &Command, is_root: bool) -> Vec<(&'static str, Vec<Row>)> {
    if !is_root {
        return commands(command, false);
    }
    let groups = GROUPS.iter().map(|group| {
        let rows = group.rows.iter();
        let rows = rows.map(|(names, text)| Row::new(names.join(", "), *text));
        (group.title, rows.collect())
    });
    groups.collect()
}

/// Returns the row of an argument: its names, and its description with default and possible values.
fn row(arg: &Arg) -> Row {
    let values = arg.get_value_names().unwrap_or_default();
    let takes_values = arg.get_action().takes_values();
    let mut label = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, Some(long)) => format!("    --{long}"),
        (None, None) => String::new(),
    };
    if takes_values {
        for value in values {
            label.push(' ');
            label.push_str(value);
        }
    }
    let mut text = match arg.get_action() {
        ArgAction::Help => "Print help; -h is short, --help is long".to_owned(),
        _ => text(arg.get_help()),
    };
    let as_text = |default: &clap::builder::OsStr| default.to_string_lossy().into_owned();
    let defaults: Vec<String> = arg.get_default_values().iter().map(as_text).collect();
    if takes_values && !defaults.is_empty() {
        text.push_str(&format!(" [default: {}]", defaults.join(" ")));
    }
    let mut possible = arg.get_possible_values();
    possible.retain(|value| !value.is_hide_set());
    if takes_values && !possible.is_empty() {
        let possible: Vec<&str> = possible.iter().map(|value| value.get_name()).collect();
        text.push_str(&format!(" [possible values: {}]", possible.join(", ")));
    }
    if !arg.is_positional() {
        return Row::new(label, text);
    }
    let is_list = arg
        .get_num_args()
        .is_some_and(|count| count.max_values() > 1);
    let dots = if is_list { "..." } else { "" };
    Row::new(format!("{}{dots}", label.trim_start()), text)
}

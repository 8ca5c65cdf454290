//! Reads the words before the cursor by the definition of the arguments, without errors.

use clap::{Arg, ArgAction, Command};

/// The command line before the word at the cursor.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// The innermost command.
    pub(super) command: &'a Command,
    /// The names of that command and of those above it, without aliases.
    pub(super) path: Vec<&'a str>,
    /// The option whose value is the word at the cursor.
    pub(super) pending: Option<&'a Arg>,
    /// The ids of the options before the cursor.
    pub(super) given: Vec<&'a str>,
    /// The arguments of the command that are not options.
    pub(super) positionals: Vec<&'a str>,
    /// `--` was read: no option follows.
    pub(super) is_escaped: bool,
    /// The cursor is in the command line of another program, after its name.
    pub(super) is_foreign: bool,
    /// The value of `--profile`.
    pub(super) profile: Option<&'a str>,
    /// `--emulator` was read.
    pub(super) emulator: bool,
}

impl<'a> Line<'a> {
    /// Reads the words after the program's name. `root` is built.
    pub(super) fn read(root: &'a Command, words: &'a [String]) -> Line<'a> {
        let mut line = Line {
            command: root,
            path: Vec::new(),
            pending: None,
            given: Vec::new(),
            positionals: Vec::new(),
            is_escaped: false,
            is_foreign: false,
            profile: None,
            emulator: false,
        };
        for word in words {
            line.add(word);
        }
        line
    }

    /// Returns the argument without a flag that the word at the cursor is a value of.
    pub(super) fn positional(&self) -> Option<&'a Arg> {
        let mut all = self.command.get_positionals();
        let last = self.command.get_positionals().last();
        all.nth(self.positionals.len())
            .or_else(|| last.filter(|last| takes_several(last)))
    }

    /// Returns the option with this long name.
    pub(super) fn long(&self, name: &str) -> Option<&'a Arg> {
        let mut args = self.command.get_arguments();
        args.find(|arg| arg.get_long() == Some(name))
    }

    fn add(&mut self, word: &'a str) {
        if let Some(arg) = self.pending.take() {
            self.add_value(arg, word);
        } else if self.is_foreign {
        } else if self.is_escaped {
            self.add_positional(word);
        } else if word == "--" {
            self.is_escaped = true;
        } else if let Some(option) = word.strip_prefix("--") {
            self.add_long(option);
        } else if let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            self.add_short(letters);
        } else {
            match self.command.find_subcommand(word) {
                Some(command) if self.positionals.is_empty() => {
                    self.path.push(command.get_name());
                    self.command = command;
                }
                _ => self.add_positional(word),
            }
        }
    }

    fn add_positional(&mut self, word: &'a str) {
        self.is_foreign = self.positional().is_some_and(Arg::is_trailing_var_arg_set);
        self.positionals.push(word);
    }

    fn add_long(&mut self, option: &'a str) {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let Some(arg) = self.long(name) else { return };
        self.add_option(arg);
        match value {
            Some(value) => self.add_value(arg, value),
            None => self.pending = Some(arg).filter(|arg| takes_value(arg)),
        }
    }

    /// Reads letters, the last one perhaps with its value.
    fn add_short(&mut self, letters: &'a str) {
        for (at, letter) in letters.char_indices() {
            let mut args = self.command.get_arguments();
            let Some(arg) = args.find(|arg| arg.get_short() == Some(letter)) else {
                return;
            };
            self.add_option(arg);
            if takes_value(arg) {
                let is_last = at + letter.len_utf8() == letters.len();
                self.pending = is_last.then_some(arg);
                return;
            }
        }
    }

    fn add_option(&mut self, arg: &'a Arg) {
        let id = arg.get_id().as_str();
        self.given.push(id);
        self.emulator |= id == "emulator";
    }

    fn add_value(&mut self, arg: &Arg, value: &'a str) {
        if arg.get_id() == "profile" {
            self.profile = Some(value);
        }
    }
}

pub(super) fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// Returns whether the option can follow itself.
pub(super) fn is_repeatable(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append | ArgAction::Count)
}

fn takes_several(arg: &Arg) -> bool {
    arg.get_num_args()
        .is_some_and(|count| count.max_values() > 1)
}

//! The examples and notes of each command, from `assets/help`.
//!
//! A file begins with `Examples:` and indented examples. Notes follow: paragraphs of one line, and
//! indented rows. Two spaces separate the two columns of an example or a row.

/// A line below the examples.
pub(in crate::cli) enum Note {
    Paragraph(&'static str),
    Row(&'static str, &'static str),
}

/// The sections of one command.
#[derive(Default)]
pub(in crate::cli) struct Sections {
    /// Commands and their comments.
    pub(in crate::cli) examples: Vec<(&'static str, &'static str)>,
    pub(in crate::cli) notes: Vec<Note>,
}

/// Declares the files by the words of their commands.
macro_rules! files {
    ($($($word:literal)* => $file:literal;)*) => {
        /// Returns the file of a command.
        fn text(words: &[&str]) -> Option<&'static str> {
            match words {
                $([$($word),*] => Some(include_str!(concat!("../../../assets/help/", $file))),)*
                _ => None,
            }
        }
    };
}

files! {
    => "acspass.txt";
    "login" => "login.txt";
    "get" => "get.txt";
    "exec" => "exec.txt";
    "serve" => "serve.txt";
    "status" => "status.txt";
    "logout" => "logout.txt";
    "account" => "account.txt";
    "account" "list" => "account-list.txt";
    "account" "switch" => "account-switch.txt";
    "switch" => "account-switch.txt";
    "inspect" => "inspect.txt";
    "user" => "user.txt";
    "user" "create" => "user-create.txt";
    "user" "delete" => "user-delete.txt";
    "token" => "token.txt";
    "token" "issue" => "token-issue.txt";
    "token" "revoke" => "token-revoke.txt";
    "token" "exchange" => "token-exchange.txt";
    "access" => "access.txt";
    "access" "list" => "access-list.txt";
    "access" "grant" => "access-grant.txt";
    "access" "revoke" => "access-revoke.txt";
    "api" => "api.txt";
    "config" => "config.txt";
    "config" "path" => "config-path.txt";
    "config" "list" => "config-list.txt";
    "config" "get" => "config-get.txt";
    "config" "set" => "config-set.txt";
    "config" "unset" => "config-unset.txt";
    "profile" => "profile.txt";
    "profile" "list" => "profile-list.txt";
    "profile" "use" => "profile-use.txt";
    "profile" "delete" => "profile-delete.txt";
    "session" => "session.txt";
    "session" "export" => "session-export.txt";
    "session" "import" => "session-import.txt";
    "store" => "store.txt";
    "store" "migrate" => "store-migrate.txt";
    "setup" => "setup.txt";
    "doctor" => "doctor.txt";
    "emulator" => "emulator.txt";
    "emulator" "exec" => "emulator-exec.txt";
    "emulator" "ca" => "emulator-ca.txt";
    "emulator" "ca" "path" => "emulator-ca-path.txt";
    "emulator" "ca" "trust" => "emulator-ca-trust.txt";
    "emulator" "ca" "untrust" => "emulator-ca-untrust.txt";
    "emulator" "ca" "renew" => "emulator-ca-renew.txt";
    "emulator" "env" => "emulator-env.txt";
    "emulator" "healthcheck" => "emulator-healthcheck.txt";
    "emulator" "init" => "emulator-init.txt";
    "emulator" "reset" => "emulator-reset.txt";
    "emulator" "token" => "emulator-token.txt";
    "emulator" "clock" => "emulator-clock.txt";
    "emulator" "clock" "show" => "emulator-clock-show.txt";
    "emulator" "clock" "freeze" => "emulator-clock-freeze.txt";
    "emulator" "clock" "resume" => "emulator-clock-resume.txt";
    "emulator" "clock" "advance" => "emulator-clock-advance.txt";
    "emulator" "clock" "set" => "emulator-clock-set.txt";
    "emulator" "clock" "reset" => "emulator-clock-reset.txt";
    "emulator" "verify" => "emulator-verify.txt";
    "emulator" "fault" => "emulator-fault.txt";
    "completions" => "completions.txt";
    "man" => "man.txt";
    "help" => "help.txt";
    "version" => "version.txt";
}

/// Returns the sections of the command with these words.
pub(in crate::cli) fn sections(words: &[&str]) -> Sections {
    let mut sections = Sections::default();
    let mut in_examples = false;
    for line in text(words).unwrap_or_default().lines() {
        match line.strip_prefix(' ').map(columns) {
            Some(row) if in_examples => sections.examples.push(row),
            Some((label, text)) => sections.notes.push(Note::Row(label, text)),
            None if line == "Examples:" => in_examples = true,
            None if line.is_empty() => in_examples = false,
            None => sections.notes.push(Note::Paragraph(line)),
        }
    }
    sections
}

/// Splits a row at the first two spaces.
fn columns(line: &'static str) -> (&'static str, &'static str) {
    let line = line.trim();
    let (label, text) = line.split_once("  ").unwrap_or((line, ""));
    (label, text.trim_start())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::sections;
    use crate::cli::args::Cli;

    fn check(command: &clap::Command, words: &[&str]) {
        assert!(!sections(words).examples.is_empty(), "{words:?}");
        for example in sections(words).examples {
            assert!(example.0.len() <= 76, "{words:?}: {}", example.0);
        }
        for command in command.get_subcommands() {
            check(command, &[words, &[command.get_name()]].concat());
        }
    }

    #[test]
    fn each_command_has_examples() {
        check(&Cli::command(), &[]);
    }
}

//! `--profile` and `--emulator` in the commands of a text, so that they can be pasted whole.

use crate::text::{shell_word, with_commands};

/// Commands that use no profile.
const WITHOUT_PROFILE: [&str; 6] = [
    "profile",
    "emulator",
    "completions",
    "man",
    "help",
    "version",
];

/// Commands that use the sessions of the emulator with `--emulator`, or its resource.
const WITH_EMULATOR: [&str; 14] = [
    "login", "get", "exec", "serve", "status", "logout", "account", "session", "store", "user",
    "token", "api", "access", "doctor",
];

/// The options of the command line that a command in a text needs as well.
#[derive(Debug, Clone, Default)]
pub(crate) struct GlobalOptions {
    profile: Option<String>,
    emulator: bool,
}

impl GlobalOptions {
    pub(crate) fn new(profile: Option<&str>, emulator: bool) -> Self {
        GlobalOptions {
            profile: profile.map(str::to_owned),
            emulator,
        }
    }

    /// Adds the profile and `--emulator` to the commands in the text, also to each of a pipeline.
    pub(crate) fn added_to(&self, text: &str) -> String {
        const PIPE: &str = " | ";
        let one = |command: &str| {
            let rest = command.strip_prefix("acspass ")?;
            let word = rest.split(' ').next().unwrap_or_default();
            let is_complete = rest.contains("--profile") || WITHOUT_PROFILE.contains(&word);
            let program = match is_complete {
                true => program(None),
                false => program(self.profile.as_deref()),
            };
            let adds_emulator =
                self.emulator && WITH_EMULATOR.contains(&word) && !rest.contains("--emulator");
            let option = if adds_emulator { " --emulator" } else { "" };
            Some(format!("{program}{option} {rest}"))
        };
        with_commands(text, |commands| {
            let all = commands.split(PIPE).map(one);
            let all: Option<Vec<String>> = all.collect();
            Some(all?.join(PIPE))
        })
    }
}

/// Returns `acspass` with the profile of the command line, as the start of a command in a message.
pub(in crate::cli) fn program(profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!("acspass --profile {}", shell_word(profile, "NAME")),
        None => "acspass".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_get_the_profile_and_other_text_stays() {
        for (hint, expected) in [
            (
                "Run `acspass login`.",
                "Run `acspass --profile 'my work' login`.",
            ),
            (
                "Run `acspass logout --all`, then `acspass login`.",
                "Run `acspass --profile 'my work' logout --all`, then `acspass --profile 'my work' login`.",
            ),
            ("Run `acspass profile list`.", "Run `acspass profile list`."),
            (
                "Run `acspass --profile x get`.",
                "Run `acspass --profile x get`.",
            ),
            ("Install acspass.", "Install acspass."),
        ] {
            assert_eq!(
                GlobalOptions::new(Some("my work"), false).added_to(hint),
                expected
            );
        }
        for (hint, expected) in [
            ("Run `acspass login`.", "Run `acspass --emulator login`."),
            (
                "Run `acspass get --emulator`.",
                "Run `acspass get --emulator`.",
            ),
            ("Run `acspass config list`.", "Run `acspass config list`."),
            (
                "Run `acspass get --entra | acspass token exchange`.",
                "Run `acspass --emulator get --entra | acspass --emulator token exchange`.",
            ),
        ] {
            assert_eq!(GlobalOptions::new(None, true).added_to(hint), expected);
        }
    }
}

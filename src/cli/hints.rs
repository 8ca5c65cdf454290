//! Repeats the user's `--profile` in the commands of hints, so that they can be pasted whole.

use crate::error::Error;
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

/// Returns `acspass` with the profile of the command line, as the start of a command in a message.
pub(super) fn program(profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!("acspass --profile {}", shell_word(profile, "NAME")),
        None => "acspass".to_owned(),
    }
}

/// Adds the profile of the command line to the commands in the hint.
pub(super) fn with_profile(error: Error, profile: Option<&str>) -> Error {
    match profile {
        Some(_) => {
            let hint = rewritten(error.hint(), profile);
            error.with_hint(hint)
        }
        None => error,
    }
}

fn rewritten(hint: &str, profile: Option<&str>) -> String {
    with_commands(hint, |command| {
        let rest = command.strip_prefix("acspass ")?;
        let word = rest.split(' ').next().unwrap_or_default();
        let is_complete = word.starts_with("--profile") || WITHOUT_PROFILE.contains(&word);
        (!is_complete).then(|| format!("{} {rest}", program(profile)))
    })
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
            assert_eq!(rewritten(hint, Some("my work")), expected);
        }
    }
}

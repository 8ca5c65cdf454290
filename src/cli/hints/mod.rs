//! Adapts the commands of hints, so that they can be pasted whole: to the sources of the settings, to
//! the options of `login`, to `--profile` and to `--emulator`.

mod completed;

use crate::config::{self, Sources};
use crate::error::Error;
use crate::text::{shell_word, with_commands};

use super::environment::Environment;
use completed::completed;
pub(super) use completed::{OTHER_PROGRAM, argument_word, own_words, with_options};

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

/// Returns `acspass` with the profile of the command line, as the start of a command in a message.
pub(super) fn program(profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!("acspass --profile {}", shell_word(profile, "NAME")),
        None => "acspass".to_owned(),
    }
}

/// Adapts a command of a notice.
pub(super) fn command_for_user(command: &str, env: &Environment) -> String {
    for_user(&format!("`{command}`"), env).replace('`', "")
}

/// Adapts the hint of the error that ends a command. A command that edits the profile is about the
/// values there.
pub(super) fn adapted(error: Error, env: &Environment, edits_profile: bool) -> Error {
    let hint = completed(error.hint(), &env.arguments);
    let hint = match edits_profile {
        true => at_command_line(&hint, env),
        false => for_user(&hint, env),
    };
    error.with_hint(hint)
}

/// Adapts a hint to the sources of the settings and to the command line.
pub(super) fn for_user(hint: &str, env: &Environment) -> String {
    // Without a valid file there is no setting to change at its source.
    let Ok((_, profile)) = env.profile() else {
        return at_command_line(hint, env);
    };
    let mut sources = env.sources(&profile);
    if let Some(flags) = env.flags.get() {
        sources = Sources { flags, ..sources };
    }
    at_command_line(&config::at_source(hint, &sources), env)
}

fn at_command_line(hint: &str, env: &Environment) -> String {
    let (profile, emulator) = (env.global.profile.as_deref(), env.global.emulator);
    match env.login_options.get() {
        Some(options) => rewritten(&options.added_to(hint), profile, emulator),
        None => rewritten(hint, profile, emulator),
    }
}

/// Adds the profile and `--emulator` to the commands in the hint, also to each of a pipeline.
fn rewritten(hint: &str, profile: Option<&str>, emulator: bool) -> String {
    const PIPE: &str = " | ";
    let one = |command: &str| {
        let rest = command.strip_prefix("acspass ")?;
        let word = rest.split(' ').next().unwrap_or_default();
        let is_complete = rest.contains("--profile") || WITHOUT_PROFILE.contains(&word);
        let program = match is_complete {
            true => program(None),
            false => program(profile),
        };
        let adds_emulator =
            emulator && WITH_EMULATOR.contains(&word) && !rest.contains("--emulator");
        let option = if adds_emulator { " --emulator" } else { "" };
        Some(format!("{program}{option} {rest}"))
    };
    with_commands(hint, |commands| {
        let all = commands.split(PIPE).map(one);
        let all: Option<Vec<String>> = all.collect();
        Some(all?.join(PIPE))
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
            assert_eq!(rewritten(hint, Some("my work"), false), expected);
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
            assert_eq!(rewritten(hint, None, true), expected);
        }
    }
}

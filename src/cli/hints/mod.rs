//! Adapts the commands of hints, so that they can be pasted whole: to the sources of the settings, to
//! the options of `login`, to `--profile` and to `--emulator`.

mod completed;
pub(super) mod global_options;

use crate::config::{self, Sources};
use crate::error::Error;

use super::environment::Environment;
use completed::completed;
pub(super) use completed::{OTHER_PROGRAM, argument_word, own_words, with_options};
use global_options::GlobalOptions;

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
    let global = GlobalOptions::new(env.global.profile.as_deref(), env.global.emulator);
    match env.login_options.get() {
        Some(options) => global.added_to(&options.added_to(hint)),
        None => global.added_to(hint),
    }
}

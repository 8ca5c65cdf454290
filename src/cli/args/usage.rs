//! What is wrong with a command line, as an error that repeats no secret.
//!
//! In: clap's error, or what clap has read. Out: an [`Error`] for the user. The rules of clap, such as
//! conflicts and ranges, are stated in [`args`](super).

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgMatches, Command};

use crate::cli::environment::begins_in_a_folder;
use crate::error::{Error, Result};
use crate::text::{SecretForm, secret_form, shown};

/// The next step for a connection string on the command line.
const KEEP_IT: &str = "run `acspass config set connection-string` and paste it when asked, or pipe it \
                       in; and regenerate the key that was shown";

/// The next step for another secret on the command line.
const PIPE_IT_IN: &str = "pipe it in, or name a file that holds it; and renew or regenerate it, since \
                          it was visible";

/// Translates clap's error. The values that it quotes go through [`shown`].
pub(in crate::cli) fn error_of(mut wrong: clap::Error) -> Error {
    let mut form = None;
    let said: Vec<(ContextKind, ContextValue)> = wrong
        .context()
        .map(|(kind, value)| (kind, value.clone()))
        .collect();
    let mut hides = false;
    for (kind, value) in said {
        let ContextValue::String(text) = value else {
            continue;
        };
        let safe = shown(&text);
        if safe != text {
            hides = true;
            form = form.or(secret_form(&text));
            wrong.insert(kind, ContextValue::String(safe));
        }
    }
    if hides {
        // Clap suggests how to pass the same value in another way.
        wrong.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(Vec::<StyledStr>::new()),
        );
    }
    let text = wrong.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let hint = match (form, rest.trim()) {
        (Some(form), _) => {
            let step = next_step(form);
            format!("every process of this machine sees {form} here: {step}")
        }
        (None, "") => "see `acspass --help`".to_owned(),
        (None, rest) => {
            let rest = rest.strip_prefix("tip: ").unwrap_or(rest);
            rest.replace("\n\n", "\n")
        }
    };
    Error::usage(message.trim(), hint)
}

/// Refuses a secret in any value on the command line, of any command and any flag. The command that
/// `exec` runs is left alone, and so is the path of a file that exists.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) naming the flag or the argument.
pub(in crate::cli) fn check_no_secret(command: &Command, matches: &ArgMatches) -> Result<()> {
    for arg in command.get_arguments() {
        if let Some(form) = secret_in(arg, matches) {
            return Err(Error::usage(
                format!(
                    "{form} was given as {}, where every process of this machine sees it",
                    name_of(arg)
                ),
                next_step(form),
            ));
        }
    }
    match matches.subcommand() {
        Some((name, matches)) => command
            .find_subcommand(name)
            .map_or(Ok(()), |command| check_no_secret(command, matches)),
        None => Ok(()),
    }
}

fn next_step(form: SecretForm) -> &'static str {
    match form {
        SecretForm::ConnectionString => KEEP_IT,
        SecretForm::Token | SecretForm::Key | SecretForm::Password => PIPE_IT_IN,
    }
}

fn secret_in(arg: &Arg, matches: &ArgMatches) -> Option<SecretForm> {
    if arg.is_trailing_var_arg_set() {
        return None;
    }
    let values = matches.try_get_raw(arg.get_id().as_str()).ok()??;
    let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let texts: Vec<_> = values
        .filter(|value| !is_path || !is_known_path(Path::new(value)))
        .map(|value| value.to_string_lossy())
        .collect();
    // A shell may have split a connection string at its spaces.
    let whole = texts.join(" ");
    secret_form(&whole)
}

fn name_of(arg: &Arg) -> String {
    if let Some(long) = arg.get_long() {
        return format!("`--{long}`");
    }
    let names = arg.get_value_names().unwrap_or_default();
    match names.first() {
        Some(name) => format!("the argument {name}"),
        None => "an argument".to_owned(),
    }
}

/// Whether a file exists, or could be created where the path says.
fn is_known_path(path: &Path) -> bool {
    path.exists() || begins_in_a_folder(path)
}

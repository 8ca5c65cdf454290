//! Reports what is wrong with a command line, without repeating a secret.
//!
//! Clap's rules, such as conflicts and ranges, are in [`args`](super).

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgMatches, Command};

use crate::cli::environment::begins_in_a_folder;
use crate::error::{Error, Result};
use crate::text::{SecretForm, secret_form, shown};

/// Translates clap's error. The values that it quotes go through [`shown`].
pub(crate) fn error_of(mut wrong: clap::Error) -> Error {
    let quoted = wrong.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => Some((kind, text.clone())),
        _ => None,
    });
    let mut form = None;
    for (kind, text) in quoted.collect::<Vec<_>>() {
        let safe = shown(&text);
        if safe != text {
            form = form.or(secret_form(&text));
            wrong.insert(kind, ContextValue::String(safe));
            // Clap suggests how to pass the same value in another way.
            wrong.insert(ContextKind::Suggested, ContextValue::StyledStrs(Vec::new()));
        }
    }
    let text = wrong.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let rest = rest.trim();
    let hint = match form {
        Some(form) => {
            let step = next_step(form);
            format!("every process of this machine sees {form} here: {step}")
        }
        None if rest.is_empty() => "see `acspass --help`".to_owned(),
        None => {
            let rest = rest.strip_prefix("tip: ").unwrap_or(rest);
            rest.replace("\n\n", "\n")
        }
    };
    Error::usage(message.trim(), hint)
}

/// Refuses a secret in any value on the command line, of any command and any flag. Does not check the
/// command that `exec` runs, and the path of an existing file.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) naming the flag or the argument.
pub(crate) fn check_no_secret(command: &Command, matches: &ArgMatches) -> Result<()> {
    for arg in command.get_arguments() {
        if let Some(form) = secret_in(arg, matches) {
            let name = match (arg.get_long(), arg.get_value_names()) {
                (Some(long), _) => format!("`--{long}`"),
                (None, Some([name, ..])) => format!("the argument {name}"),
                (None, _) => "an argument".to_owned(),
            };
            return Err(Error::usage(
                format!("{form} was given as {name}, where every process of this machine sees it"),
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
        SecretForm::ConnectionString => {
            "run `acspass config set connection-string` and paste it when asked, or pipe it in; and \
             regenerate the key that was shown"
        }
        SecretForm::Token | SecretForm::Key | SecretForm::Password => {
            "pipe it in, or name a file that holds it; and renew or regenerate it, since it was visible"
        }
    }
}

fn secret_in(arg: &Arg, matches: &ArgMatches) -> Option<SecretForm> {
    if arg.is_trailing_var_arg_set() {
        return None;
    }
    let values = matches.try_get_raw(arg.get_id().as_str()).ok()??;
    let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    // The path of a file that exists or can be created is no secret.
    let is_known = |path: &Path| path.exists() || begins_in_a_folder(path);
    let texts: Vec<_> = values
        .filter(|value| !is_path || !is_known(Path::new(value)))
        .map(|value| value.to_string_lossy())
        .collect();
    // A shell may have split a connection string at its spaces.
    secret_form(&texts.join(" "))
}

//! Rejects secrets on the command line, without repeating them.

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command};

use crate::cli::environment::begins_in_a_folder;
use crate::emulator::Expectation;
use crate::error::{Error, Result};
use crate::text::{SecretForm, secret_form};

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
                format!("{form} was given as {name}, which every process on this machine can read"),
                next_step_of(command, form),
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

/// Returns the hint for a secret that was an argument of this command. Some commands read a token.
fn next_step_of(command: &Command, form: SecretForm) -> String {
    let reader = match (form, command.get_name()) {
        (SecretForm::Token, "inspect") => "acspass inspect",
        (SecretForm::Token, "exchange") => "acspass token exchange",
        (SecretForm::Key | SecretForm::Password, "set") => return KEY_OF_RESOURCE.to_owned(),
        _ => return next_step(form).to_owned(),
    };
    format!(
        "Run `{reader}` and paste the token, or name a file that contains it. Request a new token, \
         because this one was visible."
    )
}

/// The hint for an access key as the value of a setting.
pub(in crate::cli) const KEY_OF_RESOURCE: &str = "Run `acspass config set connection-string` and paste the connection string, which contains the \
     access key, at the prompt. Delete the typed command from the history of the shell and regenerate \
     the key, because it was visible.";

/// Returns the hint for a secret that was visible.
pub(super) fn next_step(form: SecretForm) -> &'static str {
    match form {
        SecretForm::ConnectionString => {
            "Run `acspass config set connection-string` and paste it at the prompt. Regenerate the key that \
             was visible."
        }
        SecretForm::Token | SecretForm::Key | SecretForm::Password => {
            "Pass it on standard input or in a file. Renew or regenerate it, since it was visible."
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
        // `refresh_token==1` names an operation, and holds no token.
        .filter(|value| Expectation::parse(value).is_err())
        .collect();
    // A shell may have split a connection string at its spaces.
    secret_form(&texts.join(" "))
}

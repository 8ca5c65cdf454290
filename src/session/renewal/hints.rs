//! Names the account in the commands of a hint.

use crate::error::Error;
use crate::text::{shell_word, with_commands};

/// Adds `--account` to the commands `acspass login` and `acspass get` in the hint, so that they can be
/// pasted. A command that lets the user choose an account stays, and so does a hint that names an
/// account already: its other commands accept any account.
pub(super) fn with_account(error: Error, username: Option<&str>) -> Error {
    let Some(username) = username.filter(|_| !error.hint().contains("--account")) else {
        return error;
    };
    let flag = format!(" --account {}", shell_word(username, "USER"));
    let hint = with_commands(error.hint(), |command| in_command(command, &flag));
    error.with_hint(hint)
}

fn in_command(command: &str, flag: &str) -> Option<String> {
    let name = ["acspass login", "acspass get"]
        .into_iter()
        .find(|name| command.starts_with(name))?;
    let rest = command.strip_prefix(name)?;
    let is_whole = rest.is_empty() || rest.starts_with(' ');
    let names_account = rest.contains("account");
    (is_whole && !names_account).then(|| format!("{name}{flag}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn commands_of_a_hint_name_the_account() {
        for (hint, expected) in [
            (
                "run `acspass login`",
                "run `acspass login --account ada@x.test`",
            ),
            (
                "run `acspass get --force-refresh`, or `acspass login --prompt consent`",
                "run `acspass get --account ada@x.test --force-refresh`, or `acspass login \
                 --account ada@x.test --prompt consent`",
            ),
            (
                "run `acspass login --prompt select_account`",
                "run `acspass login --prompt select_account`",
            ),
            (
                "run `acspass login --account ben@x.test`, or `acspass login` to accept any user",
                "run `acspass login --account ben@x.test`, or `acspass login` to accept any user",
            ),
            ("run acspass login", "run acspass login"),
            ("see `acspass status`", "see `acspass status`"),
        ] {
            let error = Error::new(Kind::SignInNeeded, "refused", hint);
            let named = with_account(error.clone(), Some("ada@x.test"));
            assert_eq!(named.hint(), expected);
            assert_eq!(with_account(error, None).hint(), hint);
        }
    }
}

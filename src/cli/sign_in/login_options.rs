//! Repeats the options of `acspass login` in the commands of its hints.
//!
//! Input is the hint of an error, or a notice. The command of a hint has options of its own, and the
//! words after it may say what to leave out.

use std::borrow::Cow;

use crate::cli::args::Login;
use crate::entra::Prompt;
use crate::text::shell_word;

const METHODS: [&str; 3] = [DEVICE_CODE, "--paste", "--no-browser"];
const DEVICE_CODE: &str = "--device-code";

/// The options that a sign-in by device code does not have.
const OF_PAGES: [&str; 3] = ["--port", "--redirect-uri", "--prompt"];

/// The options that the user gave, in the order in which a hint repeats them.
#[derive(Debug)]
pub(crate) struct LoginOptions(Vec<LoginOption>);

#[derive(Debug)]
struct LoginOption {
    flag: &'static str,
    /// The value as a shell word; none for a switch.
    word: Option<String>,
}

impl LoginOptions {
    pub(crate) fn new(args: &Login) -> LoginOptions {
        let mut given = Vec::new();
        let mut value = |flag, value: Option<&str>, placeholder| {
            given.extend(value.map(|value| LoginOption {
                flag,
                word: Some(shell_word(value, placeholder).into_owned()),
            }));
        };
        value("--tenant", args.tenant.as_deref(), "TENANT");
        value("--client-id", args.client_id.as_deref(), "GUID");
        value("--account", args.account.as_deref(), "USER");
        for scope in &args.scope {
            value("--scope", Some(scope), "SCOPE");
        }
        let port = args.port.map(|port| port.to_string());
        value("--port", port.as_deref(), "N");
        value("--redirect-uri", args.redirect_uri.as_deref(), "URI");
        // Without a page, the step of a hint is impossible.
        let prompt = args.prompt.filter(|prompt| *prompt != Prompt::None);
        value("--prompt", prompt.map(Prompt::as_str), "PROMPT");
        let methods = [args.device_code, args.paste, args.no_browser];
        for (flag, _) in METHODS.into_iter().zip(methods).filter(|(_, is)| *is) {
            given.push(LoginOption { flag, word: None });
        }
        LoginOptions(given)
    }

    /// Returns the hint with the options in each of its commands `acspass login`.
    pub(crate) fn added_to(&self, hint: &str) -> String {
        let parts: Vec<&str> = hint.split('`').collect();
        let names_account = hint.contains("--account");
        let changed = parts.iter().enumerate().map(|(number, part)| {
            let own = part.strip_prefix("acspass login").filter(|own| {
                // The emulator has settings of its own.
                number % 2 == 1
                    && (own.is_empty() || own.starts_with(' '))
                    && !own.contains("--emulator")
            });
            let Some(own) = own else {
                return Cow::Borrowed(*part);
            };
            let after = parts.get(number + 1).copied().unwrap_or_default();
            let left_out = match after {
                " without " => parts.get(number + 2).copied().unwrap_or_default(),
                _ => "",
            };
            let context = Command {
                own,
                left_out,
                opens_browser: sentence(after).contains("browser"),
                names_account,
            };
            let kept = self.0.iter().filter(|option| context.takes(option.flag));
            let mut command = "acspass login".to_owned();
            for LoginOption { flag, word } in kept {
                command.push(' ');
                command.push_str(flag);
                command.extend(word.iter().flat_map(|word| [" ", word]));
            }
            Cow::Owned(command + own)
        });
        changed.collect::<Vec<_>>().join("`")
    }
}

/// A command `acspass login` in a hint.
struct Command<'h> {
    /// Its options.
    own: &'h str,
    /// The option that the hint says to leave out, with its value.
    left_out: &'h str,
    /// Whether its purpose is a sign-in in a browser.
    opens_browser: bool,
    /// Whether one of the hint's commands names an account: the others accept any.
    names_account: bool,
}

impl Command<'_> {
    fn takes(&self, flag: &str) -> bool {
        let has = |flag: &str| self.own.split(' ').any(|word| word == flag);
        let is_left_out = match flag {
            "--account" => self.names_account || self.own.contains("select_account"),
            DEVICE_CODE => self.opens_browser || OF_PAGES.into_iter().any(has),
            _ => has(DEVICE_CODE) && OF_PAGES.contains(&flag),
        };
        let has_another_method = METHODS.contains(&flag) && METHODS.into_iter().any(has);
        !has(flag) && !has_another_method && !is_left_out && !self.left_out.starts_with(flag)
    }
}

/// Returns the text up to the end of the sentence.
fn sentence(text: &str) -> &str {
    let end = text.find(". ").or(text.find('\n'));
    end.map_or(text, |end| &text[..end])
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn added(options: &str, hint: &str) -> String {
        let words = ["acspass", "login"].into_iter().chain(options.split('|'));
        let words = words.filter(|word| !word.is_empty());
        match Cli::try_parse_from(words).expect("options").command {
            Command::Login(args) => LoginOptions::new(&args).added_to(hint),
            _ => unreachable!("the command is login"),
        }
    }

    #[test]
    fn commands_repeat_the_options_that_the_user_gave() {
        let all = "--client-id|x|--tenant|my tenant|--account|ada@x.test|--scope|a|--scope|b";
        for (options, hint, expected) in [
            ("", "Run `acspass login`.", "Run `acspass login`."),
            (
                all,
                "Run `acspass login --timeout 15m` for more time (`acspass setup`).",
                "Run `acspass login --tenant 'my tenant' --client-id x --account ada@x.test --scope a \
                 --scope b --timeout 15m` for more time (`acspass setup`).",
            ),
            (
                "--port|1|--redirect-uri|http://localhost/x|--paste",
                "Run `acspass login`, or `acspass login --device-code`.",
                "Run `acspass login --port 1 --redirect-uri http://localhost/x --paste`, or `acspass \
                 login --device-code`.",
            ),
            (
                "--no-browser|--tenant|x",
                "Run `acspass login --paste`. Run `acspass logins`.",
                "Run `acspass login --tenant x --paste`. Run `acspass logins`.",
            ),
            (
                "--tenant|x|--paste",
                "Run `acspass login --emulator`.",
                "Run `acspass login --emulator`.",
            ),
            (
                "--tenant|x|--prompt|consent",
                "Run `acspass login --tenant TENANT`, or `acspass login --prompt login`.",
                "Run `acspass login --prompt consent --tenant TENANT`, or `acspass login --tenant x \
                 --prompt login`.",
            ),
        ] {
            #[cfg(windows)]
            let expected = expected.replace('\'', "\"");
            assert_eq!(added(options, hint), expected);
        }
    }

    #[test]
    fn options_that_the_hint_is_against_are_left_out() {
        for (options, hint, expected) in [
            (
                "--scope|a|--tenant|x",
                "Run `acspass login` without `--scope`.",
                "Run `acspass login --tenant x` without `--scope`.",
            ),
            (
                "--prompt|none|--tenant|x",
                "run `acspass login` and complete every step on its page",
                "run `acspass login --tenant x` and complete every step on its page",
            ),
            (
                "--device-code|--tenant|x",
                "run `acspass login` without it, because policies often allow the browser only. \
                 Then run `acspass login`. A browser is not needed",
                "run `acspass login --tenant x` without it, because policies often allow the browser \
                 only. Then run `acspass login --tenant x --device-code`. A browser is not needed",
            ),
            (
                "--device-code",
                "run `acspass login --prompt consent` and accept",
                "run `acspass login --prompt consent` and accept",
            ),
            (
                "--paste",
                "Run `acspass login` to sign in through the browser.",
                "Run `acspass login --paste` to sign in through the browser.",
            ),
            (
                "--account|ada@x.test",
                "run `acspass login --prompt select_account` and choose the right account",
                "run `acspass login --prompt select_account` and choose the right account",
            ),
            (
                "--account|ada@x.test",
                "Run `acspass login --account ben@x.test`, or `acspass login` to accept any user.",
                "Run `acspass login --account ben@x.test`, or `acspass login` to accept any user.",
            ),
        ] {
            assert_eq!(added(options, hint), expected);
        }
    }
}

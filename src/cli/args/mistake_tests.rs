//! Errors about command lines that do not parse.

use std::ffi::OsString;

use clap::{ColorChoice, CommandFactory};

use super::Cli;
use super::mistake::{error_of, wanted_color, wants_json};

fn arguments(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

#[test]
fn json_and_color_are_found_in_a_line_that_does_not_parse() {
    for line in [
        "x -o json",
        "x -ojson",
        "x -o=json",
        "x --output json",
        "x --output=json",
        "x -qo json",
        "x -qojson",
        "x -vvo=json",
    ] {
        assert!(wants_json(&arguments(line)), "{line}");
    }
    for line in [
        "x -o text",
        "x -o",
        "x exec -- y -o json",
        "x --output=jsonl",
        "x -qo text",
        "x -q json",
        "x --foo json",
        "x",
    ] {
        assert!(!wants_json(&arguments(line)), "{line}");
    }
    let color = |line: &str| wanted_color(&arguments(line));
    assert_eq!(color("x --color always"), ColorChoice::Always);
    assert_eq!(color("x --color=never"), ColorChoice::Never);
    assert_eq!(color("x --colour never"), ColorChoice::Auto);
}

/// Returns the message and the hint about a line that does not parse.
fn error_about(line: &str) -> (String, String) {
    let arguments = arguments(line);
    let parsed = Cli::command().try_get_matches_from(&arguments);
    let error = error_of(parsed.expect_err(line), &arguments);
    (error.to_string(), error.hint().to_owned())
}

#[test]
fn most_similar_command_is_suggested() {
    for (typed, meant) in [("statsu", "status"), ("logn", "login"), ("serv", "serve")] {
        let (message, hint) = error_about(&format!("acspass {typed}"));
        assert_eq!(message, format!("unknown command `{typed}`"));
        assert_eq!(hint, format!("Run `acspass {meant}`."));
    }
}

#[test]
fn names_of_arguments_have_no_marks_of_usage() {
    let (message, hint) = error_about("acspass man --folder D get");
    assert_eq!(message, "--folder cannot be used with CMD");
    assert_eq!(hint, "Remove --folder or CMD.");
    let (message, hint) = error_about("acspass serve --open=x");
    assert_eq!(message, "--open takes no value");
    assert_eq!(hint, "Use `--open`.");
    let (message, _) = error_about("acspass emulator exec");
    assert_eq!(message, "missing argument: CMD");
}

#[test]
fn missing_argument_is_shown_in_an_example() {
    for (line, example) in [
        ("acspass emulator exec", "acspass emulator exec -- npm test"),
        (
            "acspass emulator exec --",
            "acspass emulator exec -- npm test",
        ),
        (
            "acspass config set",
            "acspass config set tenant contoso.com",
        ),
        ("acspass token issue", "acspass token issue --scope chat"),
        ("acspass completions", "source <(acspass completions bash)"),
    ] {
        let hint = error_about(line).1;
        assert!(
            hint.starts_with(&format!("Run, for example, `{example}")),
            "{hint}"
        );
    }
}

#[test]
fn missing_option_is_added_to_the_typed_command_line() {
    for (line, missing, command) in [
        (
            "user create --valid-for 1h",
            "--scope SCOPE",
            "user create --valid-for 1h --scope SCOPE",
        ),
        (
            "--profile work emulator --cert a;b",
            "--key FILE",
            "--profile work emulator --cert 'a;b' --key FILE",
        ),
        (
            "emulator --key k",
            "--cert FILE",
            "emulator --key k --cert FILE",
        ),
        (
            "api GET /x --account ada",
            "--as WHO",
            "api GET /x --account ada --as user",
        ),
        (
            "token issue --user 8:acs:x",
            "--scope SCOPE",
            "token issue --user 8:acs:x --scope SCOPE",
        ),
    ] {
        #[cfg(windows)]
        let command = command.replace('\'', "\"");
        let (message, hint) = error_about(&format!("acspass {line}"));
        assert_eq!(message, format!("missing argument: {missing}"));
        assert!(
            hint.starts_with(&format!("Run `acspass {command}`.")),
            "{hint}"
        );
    }
}

/// Every value that a parser refuses has a hint of this program, not the parser's own words.
#[test]
fn each_refused_value_has_a_sentence_as_its_hint() {
    let mut seen = 0;
    let root = Cli::command();
    let mut commands = vec![(vec!["acspass".to_owned()], &root)];
    while let Some((words, command)) = commands.pop() {
        for below in command.get_subcommands() {
            let words = words.iter().cloned();
            commands.push((words.chain([below.get_name().to_owned()]).collect(), below));
        }
        let options = command.get_arguments().filter_map(clap::Arg::get_long);
        for option in options {
            let value = format!("--{option}=\u{fc}?");
            let line = words.iter().cloned().chain([value]);
            let line: Vec<OsString> = line.map(OsString::from).collect();
            let Err(wrong) = Cli::command().try_get_matches_from(&line) else {
                continue;
            };
            if wrong.kind() != clap::error::ErrorKind::ValueValidation {
                continue;
            }
            seen += 1;
            let error = error_of(wrong, &line);
            let is_sentence = ["Use ", "Write ", "Run "]
                .iter()
                .any(|verb| error.hint().starts_with(verb));
            assert!(
                is_sentence && error.hint().ends_with('.'),
                "{line:?}: {}",
                error.hint()
            );
        }
    }
    assert!(seen > 15, "{seen}");
}

#[test]
fn empty_argument_is_named_and_shown_in_an_example() {
    let (message, hint) = error_about("acspass inspect ");
    assert_eq!(message, "the argument FILE is empty");
    let example = "Run, for example, `acspass get | acspass inspect`.";
    assert!(hint.starts_with(example), "{hint}");
}

#[test]
fn formats_in_a_hint_are_those_of_the_command() {
    for (line, formats) in [
        ("acspass get -o yaml", "text, json, env, header"),
        ("acspass -o yaml get", "text, json, env, header"),
        ("acspass status -o yaml", "text, json"),
        ("acspass -o yaml config list", "text, json"),
    ] {
        assert_eq!(
            error_about(line).1,
            format!("Use one of {formats}."),
            "{line}"
        );
    }
}

#[test]
fn a_time_limit_below_a_second_is_invalid_and_the_range_is_named() {
    for line in [
        "login --timeout 0",
        "get --timeout 0s",
        "exec --timeout 500ms",
    ] {
        let (message, hint) = error_about(&format!("acspass {line}"));
        let value = line.rsplit(' ').next().unwrap_or_default();
        assert_eq!(message, format!("invalid duration `{value}` for --timeout"));
        assert_eq!(hint, "Use a duration of 1s or more, such as 90s or 10m.");
    }
    let (_, hint) = error_about("acspass login --timeout soon");
    assert!(hint.starts_with("Use a duration like 90s"), "{hint}");
}

#[test]
fn unknown_option_is_replaced_in_the_whole_command_line() {
    for (line, command) in [
        ("get --acount ada", "get --account ada"),
        ("get --acount=ada -o env", "get --account=ada -o env"),
        (
            "login --username ada --paste",
            "login --account ada --paste",
        ),
        ("login --username", "login --account USER"),
        (
            "get --format yaml --account ada",
            "get -o json --account ada",
        ),
        (
            "token revoke --user 8:acs:x --json",
            "token revoke --user 8:acs:x -o json",
        ),
        (
            "login --use-device-code --tenant a;b",
            "login --device-code --tenant 'a;b'",
        ),
        ("status --no-color", "status --color never"),
    ] {
        #[cfg(windows)]
        let command = command.replace('\'', "\"");
        let (_, hint) = error_about(&format!("acspass {line}"));
        assert_eq!(hint, format!("Run `acspass {command}`."), "{line}");
    }
    for (line, command) in [
        (
            "exec --acount ada -- node --password hunter2",
            "exec --account ada -- CMD",
        ),
        (
            "exec --acount=ada node --password hunter2",
            "exec --account=ada -- CMD",
        ),
        (
            "exec --acount ada --server npm --token=hunter2 -- x",
            "exec --account ada --server -- CMD",
        ),
        (
            "exec --profil work -- npm test",
            "exec --profile work -- CMD",
        ),
        (
            "exec --sever node --password hunter2 -- x",
            "exec --server -- CMD",
        ),
    ] {
        let (_, hint) = error_about(&format!("acspass {line}"));
        assert_eq!(hint, format!("Run `acspass {command}`."), "{line}");
    }
    let long = "x".repeat(150);
    let (_, hint) = error_about(&format!("acspass get --account {long} {long} --acount ada"));
    assert!(!hint.contains("xxx"), "{hint}");
    let (_, hint) = error_about("acspass login --account");
    assert_eq!(hint, "Run `acspass login --account USER`.");
}

#[test]
fn hidden_values_follow_their_noun_in_brackets() {
    let long = "x".repeat(300);
    let message = error_about(&format!("acspass {long}")).0;
    assert_eq!(message, "unknown command (a value of 300 characters)");
    let message = error_about("acspass get --min-validity=").0;
    assert_eq!(
        message,
        "invalid duration (an empty value) for --min-validity"
    );
}

#[test]
fn no_error_repeats_a_value_that_may_be_a_secret() {
    for line in [
        "acspass get --force-refresh=MY_TOKEN=abc",
        "acspass get --min-validity MY_TOKEN=abc",
        "acspass --color MY_TOKEN=abc get",
        "acspass get --bogus=MY_TOKEN=abc",
        "acspass get MY_TOKEN=abc",
        "acspass MY_TOKEN=abc",
        "acspass token MY_TOKEN=abc",
    ] {
        let (message, hint) = error_about(line);
        assert!(
            !message.contains("abc") && !hint.contains("abc"),
            "{line}: {message}"
        );
    }
}

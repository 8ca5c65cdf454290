//! The candidates at the end of command lines.

use std::collections::BTreeMap;

use clap::CommandFactory;

use super::candidates::{Candidate, Names, candidates};
use super::line::Line;
use super::names::is_safe;
use crate::cli::args::Cli;
use crate::config::{Config, Profile, Setting, Sources};

struct Fixed;

impl Names for Fixed {
    fn accounts(&self) -> Vec<String> {
        vec!["ada@contoso.com".into(), "ben@contoso.com".into()]
    }

    fn profiles(&self) -> Vec<String> {
        vec!["default".into(), "work".into()]
    }
}

fn complete(text: &str) -> Vec<Candidate> {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let word = words.pop().unwrap_or_default();
    let mut root = Cli::command();
    root.build();
    let line = Line::read(&root, &words);
    candidates(&root, &line, &word, &Fixed)
}

/// Returns the words of the candidates, with a space between. A kind is in angle brackets.
fn words(text: &str) -> String {
    let found = complete(text).into_iter();
    let words = found.map(|candidate| match candidate.word.is_empty() {
        true => format!("<{}>", candidate.about),
        false => candidate.word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn values_follow_the_option_or_the_command() {
    const ACCOUNTS: &str = "ada@contoso.com ben@contoso.com";
    for (line, expected) in [
        ("lo", "login logout"),
        ("get --account a", "ada@contoso.com"),
        ("get --account=a", "--account=ada@contoso.com"),
        ("exec --account ", ACCOUNTS),
        ("logout --account ", ACCOUNTS),
        ("signin --account b", "ben@contoso.com"),
        ("account switch ", ACCOUNTS),
        ("switch ", ACCOUNTS),
        ("account switch ada@contoso.com ", ""),
        ("--profile w", "work"),
        ("get --profile ", "default work"),
        ("get --profile=w", "--profile=work"),
        ("profile use w", "work"),
        ("profile delete d", "default"),
        ("config set s", "scopes store sign-in"),
        ("config get cl", "client-id"),
        ("config unset p", "profile port"),
        ("config set cae ", "true false"),
        ("config set cae t", "true"),
        ("config set profile ", "default work"),
        ("config set exchange ", "key entra teams-extension service"),
        ("config set sign-in ", "browser device-code paste"),
        ("config set connection-string ", ""),
        ("config set nothing ", ""),
        (
            "user create --scope chat,",
            "chat,voip chat,chat.join chat,chat.join.limited chat,voip.join",
        ),
        ("token issue --scope v", "voip voip.join"),
        (
            "login --scope Teams.",
            "Teams.ManageCalls Teams.ManageChats",
        ),
        ("get -o ", "text json env header"),
        ("get --output=h", "--output=header"),
        ("status -o ", "text json"),
        ("-vo j", "json"),
        ("--color ", "auto always never"),
        ("login --prompt ", "select_account login consent none"),
        ("completions ", "bash elvish fish powershell zsh"),
        ("help conf", "config"),
        ("help config ", "path list get set unset"),
        ("man token i", "issue"),
        ("help nothing ", ""),
        ("get --timeout ", ""),
        ("inspect ", "<files>"),
        ("man --folder ", "<folders>"),
        ("exec -- ", "<commands>"),
        ("exec cu", "<commands>"),
        ("exec -- curl --head", "<files>"),
        ("nothing ", ""),
        ("setup ", "--script"),
    ] {
        assert_eq!(words(line), expected, "{line}");
    }
}

#[test]
fn commands_precede_options_and_global_options_need_a_dash() {
    let all = words("");
    assert!(all.starts_with("login get exec "), "{all}");
    assert!(!all.contains("--"), "{all}");
    assert!(!all.contains("switch"), "{all}");
    let own = words("user create ");
    assert_eq!(own, "--scope --valid-for --count");
    let dashed = words("user create --");
    assert!(dashed.starts_with(&own), "{dashed}");
    assert!(dashed.contains("--profile --output"), "{dashed}");
    // Hidden options, and options that were given.
    let delete = words("user delete --");
    assert!(!delete.contains("--yes"), "{delete}");
    let again = words("get --account ada --ou");
    assert_eq!(again, "--output");
    assert!(!words("get -o json --").contains("--output"));
    assert!(!words("get --account ada --").contains("--account"));
    assert!(words("login --scope x --").contains("--scope"));
    assert!(words("-v --").contains("--verbose"));
    assert_eq!(words("exec -- --"), "<commands>");
}

#[test]
fn each_command_completes_its_own_name_and_its_options() {
    fn check(command: &clap::Command, path: &str) {
        for below in command
            .get_subcommands()
            .filter(|below| !below.is_hide_set())
        {
            let name = below.get_name();
            if path.is_empty() || name != "help" {
                let found = words(&format!("{path}{name}"));
                assert!(
                    found.split(' ').any(|word| word == name),
                    "{path}{name}: {found}"
                );
                check(below, &format!("{path}{name} "));
            }
        }
        let dashed = words(&format!("{path}--"));
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let long = arg.get_long().map(|long| format!("--{long}"));
            let is_found = |long: &String| dashed.split(' ').any(|word| word == long);
            assert!(
                long.as_ref().is_none_or(is_found),
                "{path}{long:?}: {dashed}"
            );
        }
    }
    let mut root = Cli::command();
    root.build();
    check(&root, "");
}

#[test]
fn fixed_values_of_settings_are_those_that_config_accepts() {
    let profile = Profile::default();
    let none = BTreeMap::new();
    for setting in Setting::ALL {
        for value in setting.fixed_values() {
            let change = Sources {
                argument: Some((setting, value)),
                ..Sources::new(&none, &profile)
            };
            assert!(
                Config::resolve(String::new(), &change).is_ok(),
                "{setting:?} {value}"
            );
        }
    }
    assert_eq!(words("config set port "), "");
}

#[test]
fn names_that_a_shell_would_read_otherwise_are_not_offered() {
    for name in [
        "ada@contoso.com",
        "çelik@contoso.example",
        "a+b_c-d@x.y",
        "ada_fabrikam.com#EXT#@contoso.com",
    ] {
        assert!(is_safe(name), "{name}");
    }
    for name in [
        "",
        " ",
        "a b",
        "a\"b",
        "a'b",
        "$(id)",
        "a`id`",
        "a;b",
        "a|b",
        "a&b",
        "a*",
        "a?",
        "~ada",
        "-v",
        "#a",
        "a\tb",
        "a\nb",
        "a\u{1b}[0m",
        "a\u{202e}b",
        "a\\b",
        "a!b",
        "{a,b}",
        "a=b",
        "a:b",
        "@a",
    ] {
        assert!(!is_safe(name), "{name:?}");
    }
}

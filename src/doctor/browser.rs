//! The check of the browser that `login` opens.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::Check;
use crate::config::{HostKind, Opener};
use crate::entra::browser::BrowserCommand;
use crate::text::quoted;

const NAME: &str = "browser";

/// What would open the sign-in page: the same decision as `login` makes.
pub fn browser(environment: &BTreeMap<String, String>) -> Check {
    let place = HostKind::of(environment);
    let forwarding = place.forwarding(8400);
    let elsewhere = match &forwarding {
        Some(command) => format!(
            "Run `acspass login --paste`, which needs no port. Or run `acspass login --no-browser \
             --port 8400` here and `{command}` on your own machine."
        ),
        None => "Run `acspass login --paste` to use a browser on another machine.".to_owned(),
    };
    match Opener::of(environment) {
        Opener::Command(command) => match BrowserCommand::parse(&command) {
            Err(error) => Check::failed(NAME, &error),
            Ok(command) => program(command.program(), "set in BROWSER", environment),
        },
        Opener::Wslview => program(
            "wslview",
            "opens the browser of Windows; if the sign-in does not return, turn on mirrored \
             networking in WSL",
            environment,
        ),
        Opener::System if !has_launcher(environment) => Check::warn(
            NAME,
            "no program opens pages on this display, so the address is printed",
            "Install the package xdg-utils, or set BROWSER to a command that opens pages.",
        ),
        Opener::System => Check::ok(
            NAME,
            match environment.contains_key("SSH_CONNECTION") {
                true => "default browser of this machine, on the display that SSH forwards",
                false => "default browser of the system",
            },
        ),
        Opener::Nothing(place) => {
            let finding = match place {
                HostKind::Ssh(_) => "SSH session without a display",
                HostKind::Container => "container without a display",
                _ => "no display",
            };
            let finding = format!("{finding}: the address is printed");
            Check::warn(NAME, finding, elsewhere)
        }
    }
}

/// A program that opens pages, if it can be found.
fn program(program: &str, why: &str, environment: &BTreeMap<String, String>) -> Check {
    let quoted = quoted(program);
    match is_program(program, environment) {
        true => Check::ok(NAME, format!("{quoted}: {why}")),
        false => Check::warn(
            NAME,
            format!("the program {quoted} does not exist, so the address is printed"),
            match program {
                "wslview" => {
                    "Install the package wslu, or set BROWSER to a command that opens pages."
                }
                _ => "Correct or unset the environment variable BROWSER.",
            },
        ),
    }
}

/// Whether one of the programs is there by which the crate `open` opens pages.
fn has_launcher(environment: &BTreeMap<String, String>) -> bool {
    const LAUNCHERS: [&str; 6] = [
        "xdg-open",
        "gio",
        "gnome-open",
        "kde-open6",
        "kde-open5",
        "kde-open",
    ];
    let mut launchers = LAUNCHERS.iter();
    !cfg!(target_os = "linux") || launchers.any(|name| is_program(name, environment))
}

/// Whether a process could be started by this name: a path, or a name in one of PATH's folders.
fn is_program(program: &str, environment: &BTreeMap<String, String>) -> bool {
    // Windows adds endings and folders of its own: there only the start itself can tell.
    if cfg!(windows) {
        return true;
    }
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let folders = environment
        .get("PATH")
        .map(String::as_str)
        .unwrap_or_default();
    std::env::split_paths(folders).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn browser_check_agrees_with_login() {
        let folder = tempfile::tempdir().expect("a folder");
        for program in ["firefox", "wslview", "xdg-open"] {
            std::fs::write(folder.path().join(program), "").expect("a program");
        }
        let path = folder.path().display().to_string();
        let ssh = ("SSH_CONNECTION", "192.0.2.1 50000 198.51.100.7 22");
        for (variables, outcome, words) in [
            (
                &[("BROWSER", "firefox -P work"), ssh][..],
                Outcome::Ok,
                &["`firefox`"][..],
            ),
            (
                &[("BROWSER", "'open")],
                Outcome::Fail(crate::Kind::Usage),
                &["quote"],
            ),
            (
                &[("BROWSER", "nosuch")],
                Outcome::Warn,
                &["`nosuch`", "printed"],
            ),
            (&[("BROWSER", "/no/such")], Outcome::Warn, &["`/no/such`"]),
            (
                &[ssh, ("DISPLAY", "localhost:10.0")],
                Outcome::Ok,
                &["SSH forwards"],
            ),
            (
                &[ssh],
                Outcome::Warn,
                &["SSH", "--paste", "ssh -L 8400:localhost:8400 198.51.100.7"],
            ),
            (
                &[("WSL_DISTRO_NAME", "Ubuntu")],
                Outcome::Ok,
                &["`wslview`", "mirrored"],
            ),
            (
                &[("WSL_DISTRO_NAME", "Ubuntu"), ("PATH", "/nowhere")],
                Outcome::Warn,
                &["wslu"],
            ),
            #[cfg(target_os = "linux")]
            (
                &[("DISPLAY", ":0"), ("PATH", "/nowhere")],
                Outcome::Warn,
                &["xdg-utils"],
            ),
            (&[("container", "podman")], Outcome::Warn, &["container"]),
            (&[], Outcome::Warn, &["no display"]),
        ] {
            let mut environment = BTreeMap::from([("PATH".to_owned(), path.clone())]);
            let set = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            environment.extend(variables.iter().map(set));
            let check = browser(&environment);
            assert_eq!(check.outcome, outcome, "{check:?}");
            let text = format!("{} {}", check.finding, check.advice.unwrap_or_default());
            for word in words {
                assert!(text.contains(word), "{text}");
            }
            if !cfg!(any(windows, target_os = "macos")) {
                let prints = matches!(Opener::of(&environment), Opener::Nothing(_));
                assert!(!prints || outcome == Outcome::Warn, "{text}");
            }
        }
    }
}

//! Checks that need no network.

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::path::Path;

use super::check::Check;
use crate::account::Tenancy;
use crate::config::{Config, HostKind, KeySource, Opener};
use crate::entra::browser::BrowserCommand;
use crate::error::Error;
use crate::loopback::{self, peer::PeerCheck};
use crate::store::{Reconciled, SessionStore};
use crate::text::quoted;

/// Shows the configuration, and whether it is sufficient for a token.
pub fn configuration(config: &Config, file: Option<&Path>) -> Check {
    const NAME: &str = "configuration";
    if let Err(error) = config.tenancy() {
        return Check::failed(NAME, &error);
    }
    let resource = match config.resource() {
        Ok(resource) => resource,
        Err(error) => return Check::failed(NAME, &error),
    };
    let file = match file {
        Some(path) if path.exists() => format!("{}", path.display()),
        Some(path) => format!("no file at {}", path.display()),
        None => "no file".to_owned(),
    };
    let key = match resource.key {
        KeySource::Given(_) => "with a key",
        KeySource::Stored => "with a key in the store",
        KeySource::None => "without a key",
    };
    let finding = format!(
        "profile {} ({file}), tenant {} at {}, client id {}, resource {} {}",
        config.profile,
        config.authority.tenant(),
        config.authority.host(),
        config.client_id.as_deref().unwrap_or("none"),
        resource.endpoint.host_header(),
        key,
    );
    match config.authority.tenant() {
        "common" | "consumers" => Check::warn(
            NAME,
            finding,
            "set `tenant` to your own or `organizations`: a Teams user is not a personal account",
        ),
        _ => Check::ok(NAME, finding),
    }
}

/// The configuration is not valid: what stands on it is not looked at.
pub fn not_configured(error: &Error) -> Vec<Check> {
    let rest = [
        "store",
        "proxy",
        "tls",
        "entra",
        "clock",
        "resource",
        "redirect-port",
        "loopback",
        "browser",
        "memory",
        "swap",
        "confinement",
    ];
    let skipped = rest.map(|name| Check::skipped(name, "the configuration has to be valid first"));
    std::iter::once(Check::failed("configuration", error))
        .chain(skipped)
        .collect()
}

/// Whether a session can be kept, tried with a small item that is removed again, and whether the
/// listed accounts of this tenancy are in the store. The index is corrected by what is found.
pub fn store(
    sessions: &SessionStore,
    tenancy: Option<&Tenancy>,
    folder: Option<&Path>,
    offline: bool,
) -> Check {
    const NAME: &str = "store";
    let name = sessions.store_name();
    if !sessions.is_persistent() {
        return Check::warn(
            NAME,
            format!("{name}: nothing is kept when the command ends"),
            "unset ACSPASS_STORE, or set it to `keyring`, to stay signed in",
        );
    }
    if offline {
        return Check::skipped(NAME, format!("{name}; it is not tried with --offline"));
    }
    let reconciled = sessions.probe().and_then(|()| match tenancy {
        Some(tenancy) => sessions.reconcile(tenancy),
        None => Ok(Reconciled::default()),
    });
    let Reconciled { restored, lost } = match reconciled {
        Ok(reconciled) => reconciled,
        Err(error) => return Check::failed(NAME, &error),
    };
    let mut finding = format!("{name} keeps, gives back and removes");
    if let Some(folder) = folder {
        finding.push_str(&format!("; its index is in {}", folder.display()));
    }
    if restored > 0 {
        finding.push_str(&format!(
            "; accounts that the index had lost and now lists again: {restored}"
        ));
    }
    if lost > 0 {
        finding.push_str(&format!(
            "; listed accounts whose sessions it does not have: {lost}"
        ));
        return Check::warn(NAME, finding, "run `acspass login` to sign in again");
    }
    Check::ok(NAME, finding)
}

/// Checks whether listeners on this machine can recognise connections of other users.
pub fn loopback() -> Check {
    const NAME: &str = "loopback";
    if PeerCheck::is_available() {
        return Check::ok(
            NAME,
            "connections from other users of this machine are closed unread",
        );
    }
    Check::warn(
        NAME,
        "this system does not report which user a local connection comes from",
        "on a machine with several users, sign in with `acspass login --device-code`",
    )
}

/// On which loopback addresses the browser's answer can be awaited.
pub fn redirect_port(port: u16) -> Check {
    const NAME: &str = "redirect-port";
    let bound = match loopback::bind(port) {
        Ok(bound) => bound,
        Err(error) => return Check::failed(NAME, &error),
    };
    let of = |listener: &TcpListener| listener.local_addr().map(|address| address.ip());
    let families: Vec<IpAddr> = bound
        .listeners
        .iter()
        .filter_map(|one| of(one).ok())
        .collect();
    let names: Vec<String> = families.iter().map(IpAddr::to_string).collect();
    let port = match port {
        0 => "any free port".to_owned(),
        port => format!("port {port}"),
    };
    let missing = match families[..] {
        [IpAddr::V4(_)] => "; this machine has no ::1",
        [IpAddr::V6(_)] => "; this machine has no 127.0.0.1",
        _ => "",
    };
    Check::ok(NAME, format!("{port} on {}{missing}", names.join(" and ")))
}

/// What would open the sign-in page: the same decision as `login` makes.
pub fn browser(environment: &BTreeMap<String, String>) -> Check {
    const NAME: &str = "browser";
    let place = HostKind::of(environment);
    let forwarding = place.forwarding(8400);
    let elsewhere = match &forwarding {
        Some(command) => format!(
            "forward a fixed port, `acspass login --no-browser --port 8400` here and `{command}` \
             there; or use `acspass login --paste`, which needs no port"
        ),
        None => "open the printed address in a browser on this machine, or use `acspass login \
                 --paste`, which takes the answer of a browser elsewhere"
            .to_owned(),
    };
    let nothing = |finding: &str| Check::warn(NAME, finding, elsewhere.as_str());
    match Opener::of(environment) {
        Opener::Command(command) => match BrowserCommand::parse(&command) {
            Err(error) => Check::failed(NAME, &error),
            Ok(command) => program(NAME, command.program(), "by BROWSER", environment),
        },
        Opener::Wslview => program(
            NAME,
            "wslview",
            "which opens pages in the browser of Windows; if its answer does not arrive, switch on \
             mirrored networking",
            environment,
        ),
        Opener::System if !has_launcher(environment) => Check::warn(
            NAME,
            "there is a display, and no program that opens pages on it: the address is printed",
            "install the package xdg-utils, or set BROWSER to a command that opens pages",
        ),
        Opener::System => Check::ok(
            NAME,
            match environment.contains_key("SSH_CONNECTION") {
                true => "the default browser of this machine, on the display that SSH forwards",
                false => "the system's default browser",
            },
        ),
        Opener::Nothing(HostKind::Ssh(_)) => {
            nothing("this is an SSH session without a display: the address is printed")
        }
        Opener::Nothing(HostKind::Container) => {
            nothing("this is a container without a display: the address is printed")
        }
        Opener::Nothing(_) => nothing("there is no display: the address is printed"),
    }
}

/// A program that opens pages, if it can be found.
fn program(
    name: &'static str,
    program: &str,
    why: &str,
    environment: &BTreeMap<String, String>,
) -> Check {
    let quoted = quoted(program);
    match is_program(program, environment) {
        true => Check::ok(name, format!("{quoted}, {why}")),
        false => Check::warn(
            name,
            format!("there is no program {quoted}, {why}: the address is printed"),
            match program {
                "wslview" => {
                    "install the package wslu, or set BROWSER to a command that opens pages"
                }
                _ => "correct BROWSER, or unset it",
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
    !cfg!(target_os = "linux")
        || LAUNCHERS
            .iter()
            .any(|launcher| is_program(launcher, environment))
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

    #[test]
    fn a_taken_port_is_a_failure_and_a_free_one_names_its_families() {
        let holder = loopback::bind(0).expect("a port");
        let taken = redirect_port(holder.port);
        assert_eq!(taken.failure(), Some(crate::Kind::Usage));
        assert!(
            redirect_port(0).finding.starts_with("any free port on 1"),
            "families"
        );
    }
}

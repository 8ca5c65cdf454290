//! What the environment variables tell besides settings: the kind of host, the opener of pages, the
//! proxy, and the files of certificate authorities.
//!
//! This module probes nothing, so the kind of host can be wrong: it selects messages and the command
//! that opens a page, and not the sign-in method. `login`, the dashboard and `doctor` use it, so that
//! they agree.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tracing::warn;

use crate::http::{CaFile, NoProxy, Proxies};
use crate::secret::ProxyAddress;
use crate::text::quoted;

/// The kind of host that this process runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostKind {
    /// A desktop, which can open pages.
    Desktop,
    /// Linux inside Windows, with the browser of Windows.
    Wsl,
    /// A session from another machine, and this one's address if it is known.
    Ssh(Option<String>),
    /// A container.
    Container,
    /// A machine without a display.
    Bare,
}

/// The opener of pages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opener {
    /// The command in BROWSER, which is used with or without a display.
    Command(String),
    /// The desktop's default browser.
    System,
    /// `wslview`, which opens pages in the browser of Windows.
    Wslview,
    /// None: the address is printed.
    Nothing(HostKind),
}

impl Opener {
    /// Returns the opener of this environment.
    pub fn of(environment: &BTreeMap<String, String>) -> Opener {
        match (first(environment, &["BROWSER"]), HostKind::of(environment)) {
            (Some((_, command)), _) => Opener::Command(command.to_owned()),
            (None, HostKind::Desktop) => Opener::System,
            (None, HostKind::Wsl) => Opener::Wslview,
            (None, place) => Opener::Nothing(place),
        }
    }
}

impl HostKind {
    /// Tells the place by the environment.
    pub fn of(environment: &BTreeMap<String, String>) -> HostKind {
        HostKind::on(cfg!(any(windows, target_os = "macos")), environment)
    }

    /// `has_desktop`: this system always has a desktop, which a user at another machine does not see.
    fn on(has_desktop: bool, environment: &BTreeMap<String, String>) -> HostKind {
        let has = |names: &[&'static str]| first(environment, names).is_some();
        let is_ssh = has(&["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"]);
        if has(&["WSL_DISTRO_NAME", "WSL_INTEROP"]) {
            HostKind::Wsl
        } else if has(&["DISPLAY", "WAYLAND_DISPLAY"]) || (has_desktop && !is_ssh) {
            // Also over SSH (`ssh -X`): the display is forwarded, and pages open beside this process.
            HostKind::Desktop
        } else if is_ssh {
            let connection = first(environment, &["SSH_CONNECTION"]);
            HostKind::Ssh(connection.and_then(|(_, text)| address_of_server(text)))
        } else if has(&["container", "REMOTE_CONTAINERS"])
            || has(&["CODESPACES", "KUBERNETES_SERVICE_HOST"])
        {
            HostKind::Container
        } else {
            HostKind::Bare
        }
    }

    /// Returns the reason that no page opens, and the next step.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            HostKind::Desktop => None,
            HostKind::Wsl => Some(
                "This is WSL. Install the package wslu, whose `wslview` opens the browser of Windows.",
            ),
            HostKind::Ssh(_) => Some(
                "This is an SSH session. Forward the port as shown below, or run `acspass login \
                 --paste`, which needs no port.",
            ),
            HostKind::Container => {
                Some("This is a container. `acspass login --paste` works without a published port.")
            }
            HostKind::Bare => Some(
                "This machine has no display. `acspass login --paste` works with a browser on \
                 another machine.",
            ),
        }
    }

    /// Returns the command that forwards the redirect port from the user's machine.
    pub fn forwarding(&self, port: u16) -> Option<String> {
        let HostKind::Ssh(server) = self else {
            return None;
        };
        let server = server.as_deref().unwrap_or("this-machine");
        Some(format!("ssh -L {port}:localhost:{port} {server}"))
    }
}

/// Returns the first of these variables that is set and not empty: its name and its value.
fn first<'e>(
    environment: &'e BTreeMap<String, String>,
    names: &[&'static str],
) -> Option<(&'static str, &'e str)> {
    names.iter().find_map(|name| {
        let text = environment.get(*name)?.trim();
        (!text.is_empty()).then_some((*name, text))
    })
}

/// Third of `client-address client-port server-address server-port` (ssh(1), ENVIRONMENT).
fn address_of_server(connection: &str) -> Option<String> {
    let address = connection.split_whitespace().nth(2)?;
    let is_address = address.parse::<std::net::IpAddr>().is_ok();
    is_address.then(|| address.to_owned())
}

/// The proxy for https, by the first of these that is set and not empty: `HTTPS_PROXY`, `ALL_PROXY`,
/// each in lower case too; else the system's, where the system is one that has such settings. Plain
/// http is used for loopback only, without a proxy, so `HTTP_PROXY` is ignored.
pub fn proxies(environment: &BTreeMap<String, String>) -> Proxies {
    let first = |names: &[&'static str]| first(environment, names);
    if let Some((by, address)) = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
        let (name, list) = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
        let (except, ignored) = NoProxy::parse(list);
        for word in ignored {
            warn!("invalid entry {} in {name} is ignored", quoted(&word));
        }
        return Proxies::Named {
            by,
            address: ProxyAddress::new(address),
            except,
        };
    }
    if cfg!(any(target_os = "macos", windows)) {
        return Proxies::System;
    }
    let why = match first(&["HTTP_PROXY", "http_proxy"]) {
        Some((name, _)) => {
            format!("{name} is for http only; for https, set HTTPS_PROXY")
        }
        None => "no proxy variable is set".to_owned(),
    };
    Proxies::None { why }
}

/// Returns the certificate authorities of the environment, in addition to the system's.
/// `path_of` returns the path in an environment variable.
pub fn ca_files(path_of: impl Fn(&str) -> Option<PathBuf>) -> Vec<CaFile> {
    const REQUIRED: &str = "ACSPASS_CA_FILE";
    let others = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
    let files = std::iter::once(REQUIRED)
        .chain(others)
        .filter_map(|named_by| {
            Some(CaFile {
                path: path_of(named_by)?,
                named_by,
                required: named_by == REQUIRED,
            })
        });
    files.collect()
}

/// Returns whether the environment makes the platform's loader leave out the system's certificates.
pub fn platform_loader_omits_system_cas(environment: &BTreeMap<String, String>) -> bool {
    environment.contains_key("SSL_CERT_FILE") || environment.contains_key("SSL_CERT_DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opener_depends_on_the_environment() {
        const SSH: (&str, &str) = ("SSH_CONNECTION", "192.0.2.1 50000 198.51.100.7 22");
        let ssh = || HostKind::Ssh(Some("198.51.100.7".to_owned()));
        for (has_desktop, variables, place) in [
            (false, &[][..], HostKind::Bare),
            (true, &[], HostKind::Desktop),
            (false, &[("DISPLAY", ":0")], HostKind::Desktop),
            (false, &[("DISPLAY", " ")], HostKind::Bare),
            (
                false,
                &[("WAYLAND_DISPLAY", "wayland-0")],
                HostKind::Desktop,
            ),
            (false, &[SSH], ssh()),
            (true, &[SSH], ssh()),
            (false, &[("SSH_TTY", "/dev/pts/1")], HostKind::Ssh(None)),
            // `ssh -X`.
            (
                false,
                &[SSH, ("DISPLAY", "localhost:10.0")],
                HostKind::Desktop,
            ),
            (
                true,
                &[SSH, ("DISPLAY", "localhost:10.0")],
                HostKind::Desktop,
            ),
            (
                false,
                &[("WSL_DISTRO_NAME", "Ubuntu"), ("DISPLAY", ":0")],
                HostKind::Wsl,
            ),
            (false, &[("container", "podman")], HostKind::Container),
            (
                false,
                &[("container", "podman"), ("DISPLAY", ":0")],
                HostKind::Desktop,
            ),
            (false, &[SSH, ("CODESPACES", "true")], ssh()),
        ] {
            let environment: BTreeMap<String, String> = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(
                HostKind::on(has_desktop, &environment),
                place,
                "{variables:?}"
            );
            if has_desktop {
                continue;
            }
            let mut with_browser = environment.clone();
            with_browser.insert("BROWSER".to_owned(), "w3m".to_owned());
            let command = Opener::Command("w3m".to_owned());
            assert_eq!(Opener::of(&with_browser), command);
        }
    }

    #[test]
    fn server_address_is_used_only_if_valid() {
        let address = |text| address_of_server(text);
        assert_eq!(
            address("192.0.2.1 50000 198.51.100.7 22").as_deref(),
            Some("198.51.100.7")
        );
        assert_eq!(address("::1 50000 fe80::1 22").as_deref(), Some("fe80::1"));
        assert_eq!(address("192.0.2.1 50000 ;reboot 22"), None);
        assert_eq!(address(""), None);
    }

    #[test]
    fn only_an_ssh_session_gets_a_forwarding_command() {
        let ssh = HostKind::Ssh(Some("198.51.100.7".to_owned()));
        let line = ssh.forwarding(8400);
        let expected = "ssh -L 8400:localhost:8400 198.51.100.7";
        assert_eq!(line.as_deref(), Some(expected));
        assert_eq!(HostKind::Container.forwarding(8400), None);
    }

    fn named(variables: &[(&str, &str)]) -> Option<(&'static str, String, NoProxy)> {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        match proxies(&environment) {
            Proxies::Named {
                by,
                address,
                except,
            } => Some((by, address.expose().to_owned(), except)),
            Proxies::None { .. } | Proxies::System => None,
        }
    }

    #[test]
    fn first_variable_with_a_value_names_the_proxy() {
        for (name, other) in [
            ("HTTPS_PROXY", "https_proxy"),
            ("https_proxy", "ALL_PROXY"),
            ("ALL_PROXY", "all_proxy"),
            ("all_proxy", "HTTP_PROXY"),
        ] {
            let variables = [
                (name, " http://a:1 "),
                (other, "http://b:2"),
                ("no_proxy", "x"),
            ];
            let (by, address, except) = named(&variables).expect("a proxy");
            assert_eq!((by, address.as_str()), (name, "http://a:1"));
            assert_eq!(except, NoProxy::parse("x").0);
        }
        let empty = [("HTTPS_PROXY", ""), ("https_proxy", "http://b:2")];
        assert_eq!(named(&empty).expect("a proxy").0, "https_proxy");
        assert_eq!(named(&[("HTTP_PROXY", "http://a:1")]), None);
    }
}

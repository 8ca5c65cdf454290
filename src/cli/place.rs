//! Where this runs, as far as it decides whether a browser's answer can come home.
//!
//! Pure: the environment goes in. Nothing is probed, so it can be wrong; it chooses words and a
//! command to open pages, never another way to sign in.

use super::parts::World;

/// Where this runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A desktop: pages open here.
    Desktop,
    /// Linux inside Windows, whose browser it is.
    Wsl,
    /// A session from another machine, and this one's address where that is known.
    Ssh(Option<String>),
    /// A container.
    Container,
    /// A machine without a display.
    Bare,
}

impl Place {
    pub(super) fn of(world: &World) -> Place {
        let has = |names: &[&str]| names.iter().any(|name| world.variable(name).is_some());
        let has_display =
            cfg!(any(windows, target_os = "macos")) || has(&["DISPLAY", "WAYLAND_DISPLAY"]);
        if has(&["WSL_DISTRO_NAME", "WSL_INTEROP"]) {
            Place::Wsl
        } else if has_display {
            // Also over SSH: the display is forwarded, and pages open next to this process.
            Place::Desktop
        } else if has(&["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"]) {
            let server = world.variable("SSH_CONNECTION");
            Place::Ssh(server.and_then(address_of_server))
        } else if has(&[
            "container",
            "REMOTE_CONTAINERS",
            "CODESPACES",
            "KUBERNETES_SERVICE_HOST",
        ]) {
            Place::Container
        } else {
            Place::Bare
        }
    }

    /// Why no page opens here, and what leads on.
    pub(super) fn advice(&self) -> Option<&'static str> {
        match self {
            Place::Desktop => None,
            Place::Wsl => Some(
                "this is WSL: `wslview`, of the package wslu, opens pages in the browser of Windows",
            ),
            Place::Ssh(_) => Some(
                "this is an SSH session: forward the port as shown below, or use `acspass login \
                 --paste`, which needs no port",
            ),
            Place::Container => {
                Some("this is a container: `acspass login --paste` works without a published port")
            }
            Place::Bare => Some(
                "there is no display here to open a browser on; `acspass login --paste` takes the \
                 answer of a browser elsewhere",
            ),
        }
    }

    /// What makes the answer's port reachable from the machine that the user sits at.
    pub(super) fn forwarding(&self, port: u16) -> Option<String> {
        let Place::Ssh(server) = self else {
            return None;
        };
        let server = server.as_deref().unwrap_or("this-machine");
        Some(format!("ssh -L {port}:localhost:{port} {server}"))
    }
}

/// Third of `client-address client-port server-address server-port` (ssh(1), ENVIRONMENT).
fn address_of_server(connection: &str) -> Option<String> {
    let address = connection.split_whitespace().nth(2)?;
    let is_address = address.parse::<std::net::IpAddr>().is_ok();
    is_address.then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_address_is_taken_only_where_it_is_one() {
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
    fn only_an_ssh_session_is_told_how_to_forward() {
        let ssh = Place::Ssh(Some("198.51.100.7".to_owned()));
        let line = ssh.forwarding(8400);
        let expected = "ssh -L 8400:localhost:8400 198.51.100.7";
        assert_eq!(line.as_deref(), Some(expected));
        assert_eq!(Place::Container.forwarding(8400), None);
    }
}

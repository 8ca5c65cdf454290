//! What can be seen without asking anybody.

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::path::Path;

use super::Check;
use crate::account::Tenancy;
use crate::config::{Config, KeySource};
use crate::entra::browser::BrowserCommand;
use crate::error::Error;
use crate::loopback::{self, peer::PeerCheck};
use crate::store::{Reconciled, Vault};
use crate::text::quoted;

/// What is configured, and whether it is enough for a token.
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
    ];
    let skipped = rest.map(|name| Check::skipped(name, "the configuration has to be valid first"));
    std::iter::once(Check::failed("configuration", error))
        .chain(skipped)
        .collect()
}

/// Whether a session can be kept, tried with a small item that is removed again, and whether the
/// listed accounts of this tenancy are in the store. The index is corrected by what is found.
pub fn store(
    vault: &Vault,
    tenancy: Option<&Tenancy>,
    folder: Option<&Path>,
    offline: bool,
) -> Check {
    const NAME: &str = "store";
    let name = vault.store_name();
    if !vault.is_persistent() {
        return Check::warn(
            NAME,
            format!("{name}: nothing is kept when the command ends"),
            "unset ACSPASS_STORE, or set it to `keyring`, to stay signed in",
        );
    }
    if offline {
        return Check::skipped(NAME, format!("{name}; it is not tried with --offline"));
    }
    let reconciled = vault.probe().and_then(|()| match tenancy {
        Some(tenancy) => vault.reconcile(tenancy),
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

/// What would open the sign-in page.
pub fn browser(environment: &BTreeMap<String, String>) -> Check {
    const NAME: &str = "browser";
    let variable = |name: &str| {
        let text = environment.get(name).map(|text| text.trim())?;
        (!text.is_empty()).then_some(text)
    };
    if let Some(command) = variable("BROWSER") {
        let program = command.split_whitespace().next().unwrap_or_default();
        return match BrowserCommand::parse(command) {
            Ok(_) => Check::ok(NAME, format!("{}, by BROWSER", quoted(program))),
            Err(error) => Check::failed(NAME, &error),
        };
    }
    let elsewhere = "open the printed address in a browser on this machine, or forward a fixed port: \
                     `acspass login --no-browser --port 8400` here, `ssh -L 8400:localhost:8400` there";
    if variable("SSH_CONNECTION").is_some() {
        return Check::warn(
            NAME,
            "this is an SSH session: no browser of yours is here",
            elsewhere,
        );
    }
    if variable("WSL_DISTRO_NAME").is_some() {
        return Check::warn(
            NAME,
            "this is WSL: the browser is on the Windows side, and may not reach this side",
            "install wslu and set BROWSER=wslview; where the answer does not come back, switch on \
             mirrored networking",
        );
    }
    let has_display = cfg!(any(windows, target_os = "macos"))
        || variable("DISPLAY").is_some()
        || variable("WAYLAND_DISPLAY").is_some();
    match has_display {
        true => Check::ok(NAME, "the system's default browser"),
        false => Check::warn(
            NAME,
            "there is no display: the address is printed instead",
            elsewhere,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn the_browser_is_told_by_the_environment() {
        for (variables, outcome, word) in [
            (
                &[("BROWSER", "firefox -P work")][..],
                Outcome::Ok,
                "`firefox`",
            ),
            (
                &[("BROWSER", "'open")],
                Outcome::Fail(crate::Kind::Usage),
                "quote",
            ),
            (
                &[("SSH_CONNECTION", "a b"), ("DISPLAY", ":0")],
                Outcome::Warn,
                "SSH",
            ),
            (&[("WSL_DISTRO_NAME", "Ubuntu")], Outcome::Warn, "WSL"),
        ] {
            let environment = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let check = browser(&environment);
            assert_eq!(check.outcome, outcome, "{check:?}");
            assert!(check.finding.contains(word), "{check:?}");
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

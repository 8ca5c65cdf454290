//! Checks that need no network: configuration, store, listeners, and what protects the program's
//! processes.

use std::net::IpAddr;
use std::path::Path;

use super::check::Check;
use crate::account::EntraApplication;
use crate::config::{Config, KeySource};
use crate::entra::redirect::RedirectUri;
use crate::error::{Error, Result};
use crate::hardening::{Confined, Memory};
use crate::loopback::{self, peer::PeerCheck};
use crate::store::{Reconciled, SessionStore};

/// Shows the configuration, and whether it is sufficient for a token.
pub fn configuration(config: &Config, file: Option<&Path>) -> Check {
    const NAME: &str = "configuration";
    let issuer = match config.application().and_then(|_| issuer(config)) {
        Ok(issuer) => issuer,
        Err(error) => return Check::failed(NAME, &error),
    };
    let file = match file {
        Some(path) if path.exists() => format!("{}", path.display()),
        Some(path) => format!("no file at {}", path.display()),
        None => "no file".to_owned(),
    };
    let finding = format!(
        "profile {} ({file}), tenant {} at {}, client id {}, {issuer}",
        config.profile,
        config.authority.tenant(),
        config.authority.host_and_port(),
        config.client_id.as_deref().unwrap_or("none"),
    );
    match config.authority.tenant() {
        "common" | "consumers" => Check::warn(
            NAME,
            finding,
            "Run `acspass config set tenant organizations`, or `acspass config set tenant TENANT` with \
             your own tenant: a Teams user has no personal account.",
        ),
        _ => Check::ok(NAME, finding),
    }
}

/// Describes the exchange service, or else the resource.
fn issuer(config: &Config) -> Result<String> {
    if config.uses_exchange_service() {
        let service = config.exchange_service()?;
        let tokens = match service.is_on_behalf_of {
            true => "on behalf of the user",
            false => "with two tokens",
        };
        return Ok(format!("exchange service {} {tokens}", service.url));
    }
    let resource = config.resource()?;
    let key = match resource.key {
        KeySource::Given(_) => "with a key",
        KeySource::Stored => "with a key in the store",
        KeySource::None => "without a key",
    };
    let host = resource.endpoint.host_header();
    Ok(format!("resource {host} {key}"))
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
    let skipped = rest.map(|name| Check::skipped(name, "requires a valid configuration"));
    std::iter::once(Check::failed("configuration", error))
        .chain(skipped)
        .collect()
}

/// Whether a session can be kept, tried with a small item that is removed again, and whether the
/// listed accounts of this application are in the store. The index is corrected by what is found.
pub fn store(
    sessions: &SessionStore,
    application: Option<&EntraApplication>,
    folder: Option<&Path>,
    offline: bool,
) -> Check {
    const NAME: &str = "store";
    let name = sessions.store_name();
    if !sessions.is_persistent() {
        return Check::warn(
            NAME,
            format!("{name}: sessions end with the command"),
            "Use another store to stay signed in, such as `acspass config set store keyring`, and \
             unset ACSPASS_STORE.",
        );
    }
    if offline {
        return Check::skipped(NAME, format!("{name}: --offline does not access it"));
    }
    let reconciled = sessions.probe().and_then(|()| {
        application.map_or_else(
            || Ok(Reconciled::default()),
            |application| sessions.reconcile(application),
        )
    });
    let Reconciled { restored, lost } = match reconciled {
        Ok(reconciled) => reconciled,
        Err(error) => return Check::failed(NAME, &error),
    };
    let mut finding = format!("{name}: read, write and delete work");
    if let Some(folder) = folder {
        finding.push_str(&format!("; index in {}", folder.display()));
    }
    if restored > 0 {
        finding.push_str(&format!("; accounts restored to the list: {restored}"));
    }
    if lost > 0 {
        finding.push_str(&format!("; accounts without a stored session: {lost}"));
        return Check::warn(NAME, finding, "Run `acspass login` to sign in again.");
    }
    Check::ok(NAME, finding)
}

/// Checks whether listeners on this machine can recognise connections of other users.
pub fn loopback() -> Check {
    const NAME: &str = "loopback";
    if PeerCheck::is_available() {
        return Check::ok(
            NAME,
            "connections of other users of this machine are rejected",
        );
    }
    Check::warn(
        NAME,
        "this system does not report the user of a local connection",
        "On a machine with several users, run `acspass login --device-code`.",
    )
}

/// On which loopback addresses the browser's answer can be awaited.
pub fn redirect_port(uri: &RedirectUri) -> Check {
    const NAME: &str = "redirect-port";
    let port = uri.port();
    let bound = match loopback::bind(port, &uri.other_port()) {
        Ok(bound) => bound,
        Err(error) => return Check::failed(NAME, &error),
    };
    let listeners = bound.listeners.iter();
    let families: Vec<IpAddr> = listeners
        .filter_map(|listener| Some(listener.local_addr().ok()?.ip()))
        .collect();
    let names: Vec<String> = families.iter().map(IpAddr::to_string).collect();
    let port = match port {
        0 => "any free port".to_owned(),
        port => format!("port {port}"),
    };
    let missing = match families[..] {
        [IpAddr::V4(_)] => "; ::1 is not available",
        [IpAddr::V6(_)] => "; 127.0.0.1 is not available",
        _ => "",
    };
    Check::ok(NAME, format!("{port} on {}{missing}", names.join(" and ")))
}

/// Shows whether other processes and core dumps can disclose the secrets in memory.
pub fn memory(memory: Memory) -> Check {
    const NAME: &str = "memory";
    match (memory.is_closed, memory.leaves_no_core) {
        (true, _) => Check::ok(
            NAME,
            "no core dumps; only root can read the memory of acspass",
        ),
        (false, true) => Check::ok(
            NAME,
            "no core dumps; this system lets the user's debuggers read the memory",
        ),
        _ if cfg!(windows) => Check::skipped(
            NAME,
            "not available on Windows; other programs of the user can read the memory",
        ),
        _ => Check::warn(
            NAME,
            "a core dump of acspass would contain tokens",
            "Run `ulimit -c 0` before `acspass`.",
        ),
    }
}

/// Shows whether the system keeps the secrets in memory out of the swap device.
pub fn swap(is_memory_locked: bool) -> Check {
    const NAME: &str = "swap";
    match is_memory_locked {
        true => Check::ok(
            NAME,
            "tokens and keys are in locked memory, which is never swapped",
        ),
        false => Check::warn(
            NAME,
            "this process may not lock memory, so tokens can be written to the swap device",
            match cfg!(unix) {
                true => "Raise the limit with `ulimit -l 1024`, or encrypt the swap device.",
                false => "Encrypt the disk.",
            },
        ),
    }
}

/// Shows how far the running service is confined, or how far the kernel could confine one.
pub fn confinement(running: Option<(u32, Option<Confined>)>, offered: Confined) -> Check {
    const NAME: &str = "confinement";
    if !cfg!(target_os = "linux") {
        return Check::skipped(NAME, "available on Linux only");
    }
    let (subject, confined, whole, advice) = match running {
        Some((id, confined)) => (
            format!("the running service (process {id})"),
            confined.unwrap_or_default(),
            format!(
                "the running service (process {id}) can access only its own files and the \
                 system's, and cannot start programs"
            ),
            "Stop the service and run `acspass serve -v`, which prints the reason.",
        ),
        None => (
            "on this kernel, `acspass serve`".to_owned(),
            offered,
            "this kernel can confine `acspass serve` to its own files, without other programs"
                .to_owned(),
            "Use a kernel with Landlock (Linux 5.13 or later) and seccomp.",
        ),
    };
    let limits = match (confined.files, confined.programs) {
        (true, true) => return Check::ok(NAME, whole),
        (true, false) => "can access only its own files, but can start programs",
        (false, true) => "cannot start programs, but can access all files of its user",
        (false, false) => "is not confined",
    };
    Check::warn(NAME, format!("{subject} {limits}"), advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn a_taken_port_is_a_failure_and_a_free_one_names_its_families() {
        let holder = loopback::bind_free().expect("a port");
        let taken = redirect_port(&RedirectUri::localhost(holder.port));
        assert_eq!(taken.failure(), Some(crate::Kind::Usage));
        assert!(
            redirect_port(&RedirectUri::localhost(0))
                .finding
                .starts_with("any free port on 1"),
            "families"
        );
    }

    #[test]
    fn core_dumps_that_would_hold_tokens_are_a_warning() {
        let open = Memory {
            leaves_no_core: false,
            is_closed: false,
        };
        let expected = match cfg!(windows) {
            true => Outcome::Skipped,
            false => Outcome::Warn,
        };
        assert_eq!(memory(open).outcome, expected);
        let closed = Memory {
            leaves_no_core: true,
            is_closed: true,
        };
        assert_eq!(memory(closed).outcome, Outcome::Ok);
    }

    #[test]
    fn memory_that_may_be_swapped_is_a_warning() {
        assert_eq!(swap(true).outcome, Outcome::Ok);
        assert_eq!(swap(false).outcome, Outcome::Warn);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn service_that_is_not_wholly_confined_is_a_warning() {
        let confined = |files, programs| Confined { files, programs };
        let none = confined(false, false);
        for (running, offered, outcome) in [
            (Some((7, Some(confined(true, true)))), none, Outcome::Ok),
            (Some((7, Some(confined(false, true)))), none, Outcome::Warn),
            (Some((7, Some(confined(true, false)))), none, Outcome::Warn),
            (Some((7, None)), confined(true, true), Outcome::Warn),
            (None, confined(true, true), Outcome::Ok),
            (None, confined(false, true), Outcome::Warn),
        ] {
            let check = confinement(running, offered);
            assert_eq!(check.outcome, outcome, "{check:?}");
        }
    }
}

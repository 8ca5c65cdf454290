//! The context that all requests share, and the emulator's host names.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::watch;

use crate::emulator::clock::EmulatorClock;
use crate::emulator::faults::FaultSelection;
use crate::emulator::faults::selection::WrongSelection;
use crate::emulator::key_ring::KeyRing;
use crate::emulator::options::Options;
use crate::emulator::real_hosts::names::{CLOUDS, Site, below};
use crate::emulator::seed::invalid::Invalid;
use crate::emulator::seed::model::SeedFile;
use crate::emulator::sign::Certificate;
use crate::emulator::state::State;
use crate::emulator::world::{self, World};
use crate::error::Result;
use crate::loopback;
use crate::time::Timestamp;

/// The ports of a resource's listeners.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) http: u16,
    pub(crate) https: Option<u16>,
}

impl Ports {
    /// Returns the port of a scheme, if it is served.
    fn of(self, scheme: &str) -> Option<u16> {
        match scheme {
            "http" => Some(self.http),
            "https" => self.https,
            _ => None,
        }
    }
}

/// The listener that received a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listener {
    pub(crate) scheme: &'static str,
    /// The index of its resource.
    pub(crate) resource: usize,
}

/// Options, keys and state.
pub(crate) struct Context {
    /// The options, with all host names of the emulator.
    pub(crate) options: Options,
    /// The clock of the options, adjusted.
    pub(crate) clock: EmulatorClock,
    /// The start, by the clock of the options.
    pub(crate) started: Timestamp,
    /// The data at the start.
    pub(crate) initial: Arc<World>,
    /// The present data; a change replaces it.
    world: RwLock<Arc<World>>,
    pub(crate) signer: KeyRing,
    pub(crate) certificate: Certificate,
    /// The certificate of the authority for https, PEM.
    pub(crate) ca_pem: Option<String>,
    pub(crate) state: Mutex<State>,
    /// The ports of each resource; the first one has the main ports.
    ports: Vec<Ports>,
    /// Turns true when the emulator is dropped.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Context {
    /// Makes the context of an emulator with these ports for the resources of `world`.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if a published key cannot be read.
    pub(crate) fn new(
        options: Options,
        world: Arc<World>,
        ports: Vec<Ports>,
        ca_pem: Option<String>,
        stopping: watch::Receiver<bool>,
    ) -> Result<Context> {
        Ok(Context {
            signer: KeyRing::new()?,
            certificate: Certificate::published()?,
            ca_pem,
            state: Mutex::new(State::new(&world, &options)),
            clock: EmulatorClock::new(Arc::clone(&options.clock)),
            started: options.clock.now(),
            options,
            initial: Arc::clone(&world),
            world: RwLock::new(world),
            ports,
            stopping,
        })
    }

    /// Returns the present data.
    pub(crate) fn world(&self) -> Arc<World> {
        let world = self.world.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&world)
    }

    /// Changes the seed of the present data. Requests that have begun keep the old data.
    ///
    /// # Errors
    /// Returns the first fault of the changed seed; nothing has changed then.
    pub(crate) fn change(&self, change: impl FnOnce(&mut SeedFile)) -> Result<Arc<World>, Invalid> {
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        let mut seed = world.seed.clone();
        change(&mut seed);
        let changed = Arc::new(world::build(seed)?);
        *world = Arc::clone(&changed);
        Ok(changed)
    }

    /// Replaces the data.
    pub(crate) fn replace_world(&self, world: Arc<World>) {
        *self.world.write().unwrap_or_else(PoisonError::into_inner) = world;
    }

    /// Returns the main ports.
    pub(crate) fn main_ports(&self) -> Ports {
        self.ports[0]
    }

    /// Returns the ports of each resource.
    pub(crate) fn ports(&self) -> &[Ports] {
        &self.ports
    }

    /// Locks the state. After a panic of another thread the state is used as it is.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds a fault of the catalogue. Returns its id.
    pub(crate) fn select_fault(&self, selection: FaultSelection) -> Result<u64, WrongSelection> {
        selection.check_names(&self.world())?;
        self.state().faults.select(selection)
    }

    /// Revokes the sessions of the user with this name. Returns false if there is none.
    pub(crate) fn revoke_sessions_of(&self, username: &str) -> bool {
        let world = self.world();
        let user = world.user_named(username);
        if let Some(user) = user {
            self.state().sessions.revoke(Some(&user.home.oid));
        }
        user.is_some()
    }

    /// Returns the port that this `Host` header must have at a listener, if the listener is served.
    pub(crate) fn port(&self, at: Listener, host: &str) -> Option<u16> {
        let port = self.ports.get(at.resource)?.of(at.scheme)?;
        Some(self.options.port_in(at.scheme, host, port))
    }

    /// Returns whether a `Host` header names this emulator at the port of this listener.
    pub(crate) fn is_own_host(&self, at: Listener, host: &str) -> bool {
        let is_at = |port| is_own_host(at.scheme, host, port, &self.options.host_names);
        self.port(at, host).is_some_and(is_at)
    }

    /// Returns scheme and host of the issuer of version 1 for requests to this base. At Entra's own hosts
    /// it is another host.
    pub(crate) fn v1_base<'b>(&self, base: &'b str) -> &'b str {
        let host = base.split_once("://").map_or(base, |(_, host)| host);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let site = self.options.real_hosts.then(|| Site::of(name)).flatten();
        match site {
            Some(Site::Entra(cloud)) => cloud.v1_issuer.unwrap_or(base),
            _ => base,
        }
    }

    /// Returns whether scheme and host of a token's issuer or audience are this emulator's, or
    /// those of any emulator on this machine if such tokens are accepted.
    pub(crate) fn is_own_base(&self, base: &str) -> bool {
        let Some((scheme, host)) = base.split_once("://") else {
            return false;
        };
        let mut clouds = CLOUDS.iter();
        if self.options.real_hosts && clouds.any(|cloud| cloud.v1_issuer == Some(base)) {
            return true;
        }
        if self.options.takes_sibling_tokens && matches!(scheme, "http" | "https") {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            return loopback::is_loopback_host(name) || loopback::is_loopback_host(host);
        }
        let is_at = |port| is_own_host(scheme, host, port, &self.options.host_names);
        let port = self.main_ports().of(scheme);
        port.is_some_and(|port| is_at(self.options.port_in(scheme, host, port)))
    }
}

/// Returns the base of a URL at this port, without the scheme's default port: clients omit that
/// port in `Host` and in signed text too.
pub(crate) fn base(scheme: &str, host: &str, port: u16) -> String {
    match is_default_port(scheme, port) {
        true => format!("{scheme}://{host}"),
        false => format!("{scheme}://{host}:{port}"),
    }
}

/// Returns whether a `Host` header names this listener: one of `names`, with this port, or without
/// a port if it is the scheme's default (RFC 9110, section 4.2).
fn is_own_host(scheme: &str, header: &str, port: u16, names: &[String]) -> bool {
    let name = match header.strip_suffix(&format!(":{port}")) {
        Some(name) => name,
        None if is_default_port(scheme, port) => header,
        None => return false,
    };
    names.iter().any(|own| match own.strip_prefix("*.") {
        Some(domain) => below(name, domain).is_some(),
        None if own.contains(':') => name.eq_ignore_ascii_case(&format!("[{own}]")),
        None => name.eq_ignore_ascii_case(own),
    })
}

/// Removes the second port of a `Host` header that has this port twice, as
/// @azure/communication-common 2.0.0 to 2.4.0 sends and signs `localhost:8443:8443`.
pub(crate) fn without_second_port(header: &str, port: u16) -> Option<&str> {
    let port = format!(":{port}");
    let host = header.strip_suffix(&port)?;
    host.ends_with(&port).then_some(host)
}

fn is_default_port(scheme: &str, port: u16) -> bool {
    matches!((scheme, port), ("http", 80) | ("https", 443))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::host_names::own_names;

    #[test]
    fn a_host_matches_with_its_port_only() {
        let names = ["Login.example.test", "127.0.0.2", "fd00::1"].map(str::to_owned);
        let names = own_names(&names).expect("names");
        for own in [
            "localhost:8443",
            "127.0.0.1:8443",
            "[::1]:8443",
            "LOGIN.example.test:8443",
            "127.0.0.2:8443",
            "[fd00::1]:8443",
        ] {
            assert!(is_own_host("https", own, 8443, &names), "{own}");
        }
        for other in [
            "localhost",
            "localhost:",
            "localhost:08443",
            "localhost:8443:8443",
            "[::1]",
            "::1:8443",
            "login.example.test",
            "login.example.test:443",
            "login.example.test.evil.test:8443",
            "evil.test:8443",
            "fd00::1:8443",
            ":8443",
            "",
        ] {
            assert!(!is_own_host("https", other, 8443, &names), "{other}");
        }
        assert!(!is_own_host("https", "login.example.test:8443", 8443, &[]));
    }

    #[test]
    fn only_a_default_port_may_be_omitted() {
        let names = own_names(&["login.example.test".to_owned()]).expect("a name");
        for host in ["localhost", "127.0.0.1", "[::1]", "login.example.test"] {
            for (scheme, port, other) in [("http", 80, 443), ("https", 443, 80)] {
                let with_port = format!("{host}:{port}");
                assert!(is_own_host(scheme, host, port, &names), "{scheme} {host}");
                assert!(is_own_host(scheme, &with_port, port, &names), "{with_port}");
                assert!(!is_own_host(scheme, host, other, &names), "{scheme} {host}");
                assert!(!is_own_host(scheme, host, 8443, &names), "{scheme} {host}");
            }
        }
        assert!(!is_own_host("https", "evil.test", 443, &names));
        assert_eq!(base("https", "localhost", 443), "https://localhost");
        assert_eq!(base("http", "localhost", 80), "http://localhost");
        assert_eq!(base("http", "localhost", 443), "http://localhost:443");
        assert_eq!(base("https", "localhost", 8443), "https://localhost:8443");
    }

    #[test]
    fn a_second_port_is_removed() {
        let shortened = |header| without_second_port(header, 8443);
        assert_eq!(shortened("localhost:8443:8443"), Some("localhost:8443"));
        assert_eq!(shortened("[::1]:8443:8443"), Some("[::1]:8443"));
        for other in [
            "localhost:8443",
            "localhost:8443:8444",
            "localhost:8444:8443",
            "localhost:18443",
        ] {
            assert_eq!(shortened(other), None, "{other}");
        }
        let three_times = shortened("localhost:8443:8443:8443").expect("one is taken off");
        assert!(!is_own_host("https", three_times, 8443, &[]));
    }
}

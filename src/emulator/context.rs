//! The context that all requests share.

use std::sync::MutexGuard;

use tokio::sync::watch;

use crate::emulator::certificate::Certificate;
use crate::emulator::names;
use crate::emulator::options::Options;
use crate::emulator::sign::Signer;
use crate::emulator::state::{Inner, State};
use crate::loopback;
use crate::time::Timestamp;

/// Options, keys and state.
pub(crate) struct Context {
    /// The options, with valid host names in lower case.
    pub(crate) options: Options,
    pub(crate) signer: Signer,
    pub(crate) certificate: Certificate,
    pub(crate) state: State,
    pub(crate) http_port: u16,
    pub(crate) https_port: Option<u16>,
    /// Turns true when the emulator is dropped.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Context {
    /// Locks the state.
    pub(crate) fn state(&self) -> MutexGuard<'_, Inner> {
        self.state.lock()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    /// Returns whether a `Host` header names this emulator at this port.
    pub(crate) fn is_own_host(&self, scheme: &str, host: &str, port: u16) -> bool {
        names::is_own_host(scheme, host, port, &self.options.host_names)
    }

    /// Returns whether scheme and host of a token's issuer or audience are this emulator's, or
    /// those of any emulator on this machine if such tokens are accepted.
    pub(crate) fn is_own_base(&self, base: &str) -> bool {
        let Some((scheme, host)) = base.split_once("://") else {
            return false;
        };
        if self.options.takes_sibling_tokens && matches!(scheme, "http" | "https") {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            return loopback::is_loopback_host(name) || loopback::is_loopback_host(host);
        }
        let port = match scheme {
            "http" => Some(self.http_port),
            "https" => self.https_port,
            _ => None,
        };
        port.is_some_and(|port| self.is_own_host(scheme, host, port))
    }
}

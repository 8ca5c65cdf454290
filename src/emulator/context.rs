//! The context that all requests share.

use std::sync::{Arc, MutexGuard};

use tokio::sync::watch;

use crate::emulator::certificate::Certificate;
use crate::emulator::names;
use crate::emulator::options::MissingIdentity;
use crate::emulator::sign::Signer;
use crate::emulator::state::{Inner, State};
use crate::loopback;
use crate::time::Clock;

/// Clock, keys, settings and state.
pub(crate) struct Context {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signer: Signer,
    pub(crate) certificate: Certificate,
    pub(crate) state: State,
    pub(crate) missing_identity: MissingIdentity,
    pub(crate) takes_sibling_tokens: bool,
    pub(crate) host_names: Vec<String>,
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

    /// Returns whether a `Host` header names this emulator at this port.
    pub(crate) fn is_own_host(&self, scheme: &str, host: &str, port: u16) -> bool {
        names::is_ours(scheme, host, port, &self.host_names)
    }

    /// Returns whether scheme and host of a token's issuer or audience are this emulator's, or
    /// those of any emulator on this machine if such tokens are accepted.
    pub(crate) fn is_own_base(&self, base: &str) -> bool {
        let Some((scheme, host)) = base.split_once("://") else {
            return false;
        };
        if self.takes_sibling_tokens && matches!(scheme, "http" | "https") {
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

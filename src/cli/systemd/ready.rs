//! Reports readiness to a service manager: one datagram to the socket that the manager names
//! (sd_notify(3)).

#[cfg(target_os = "linux")]
use crate::cli::env_vars::NOTIFY_SOCKET;
use crate::cli::environment::Environment;

/// Reports readiness. Returns whether there is a service manager.
#[cfg(target_os = "linux")]
pub(crate) fn report(env: &Environment) -> bool {
    let Some(name) = env.variable(NOTIFY_SOCKET) else {
        return false;
    };
    if let Err(cause) = send(name) {
        tracing::warn!("the service manager could not be told that the service is ready: {cause}");
    }
    true
}

#[cfg(target_os = "linux")]
fn send(name: &str) -> std::io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
    Ok(())
}

/// Returns `false`: this system has no such manager.
#[cfg(not(target_os = "linux"))]
pub(crate) fn report(_env: &Environment) -> bool {
    false
}

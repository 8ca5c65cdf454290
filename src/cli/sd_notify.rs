//! Tells a service manager that the program is ready: one datagram to the socket that the manager
//! names (sd_notify(3)).

use super::context::Environment;

/// Tells it, where there is one; whether there is.
#[cfg(target_os = "linux")]
pub(super) fn tell(env: &Environment) -> bool {
    let Some(name) = env.variable("NOTIFY_SOCKET") else {
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

/// No manager of this kind is known here.
#[cfg(not(target_os = "linux"))]
pub(super) fn tell(_world: &Environment) -> bool {
    false
}

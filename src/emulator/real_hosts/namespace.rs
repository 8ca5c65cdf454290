//! Network and mount namespaces of this process (namespaces(7)).

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{
    DumpableBehavior, dumpable_behavior, getegid, geteuid, set_dumpable_behavior,
};

use super::dns::NameServer;
use super::refusal::refused;
use super::{files, loopback_device};
use crate::error::{Error, Result};

const CREATE: &str = "create namespaces";

/// The namespaces that this process is in, and their name server.
#[derive(Debug)]
pub struct Namespace {
    names: NameServer,
}

impl Namespace {
    /// Moves this process into a network and a mount namespace of its own. Without the privilege for
    /// that, also into a user namespace, with the same user and group id. Programs that it starts are
    /// in them too. The process must have one thread.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) with the reason if the system allows no namespaces.
    pub fn enter() -> Result<Namespace> {
        match unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET) {
            Err(Errno::EPERM) => enter_as_user()?,
            entered => entered.map_err(|cause| refused(CREATE, cause))?,
        }
        // Mounts must not reach the namespace that this process came from.
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).map_err(|cause| refused("separate its mounts", cause))?;
        let started = loopback_device::bring_up();
        started.map_err(|cause| refused("start the loopback device", cause))?;
        let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        let names = NameServer::bind((Ipv4Addr::LOCALHOST, 53).into(), has_ipv6);
        let names = names.map_err(|cause| refused("listen on port 53", cause))?;
        Ok(Namespace { names })
    }

    /// Mounts this run's names over the files of the system's resolver, and `bundle` over the
    /// system's files of certificates. `folder` gets the files, and may be removed afterwards. Returns
    /// the place of the certificates in the system, if it has one.
    ///
    /// # Errors
    /// If a file cannot be written or mounted.
    pub fn mount_files(&self, folder: &Path, bundle: &Path) -> Result<Option<PathBuf>> {
        files::mount(folder, bundle)
    }

    /// Answers queries for names until the future is dropped.
    ///
    /// # Errors
    /// If the sockets cannot be registered with the runtime.
    pub async fn serve_names(self) -> Result<()> {
        let served = self.names.serve().await;
        served.map_err(|cause| Error::internal("the name server stopped").caused_by(cause))
    }
}

/// Enters the namespaces with a new user namespace, in which this process has all privileges. A
/// program that an ordinary user starts has none of them.
fn enter_as_user() -> Result<()> {
    let (user, group) = (geteuid(), getegid());
    let memory = dumpable_behavior();
    // The maps belong to root while the process is closed to debuggers.
    let opened = set_dumpable_behavior(DumpableBehavior::Dumpable);
    opened.map_err(|cause| refused(CREATE, cause))?;
    let all = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    let entered = unshare(all).map_err(io::Error::from).and_then(|()| {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
    });
    if let Ok(memory) = memory {
        let closed = set_dumpable_behavior(memory);
        closed.map_err(|cause| refused("close its memory again", cause))?;
    }
    entered.map_err(|cause| refused(CREATE, cause))
}

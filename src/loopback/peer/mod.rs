//! Tells which user owns the program at the other end of a loopback connection.
//!
//! Any local user can connect to a loopback port. The kernel knows the owner of each local socket,
//! so a listener can close a connection of another user before it reads a byte. The check costs one
//! request to the kernel per connection and nothing per request.
//!
//! Only Linux reports owners here: by `sock_diag`, or by `/proc/net/tcp` if a sandbox withholds
//! that. On other systems, and if no local socket matches the peer (WSL2 with mirrored networking),
//! the owner is [`Owner::Unreported`]; the caller then needs another protection.

#[cfg(target_os = "linux")]
mod table;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(target_os = "linux")]
use std::{mem::discriminant, time::Duration};

#[cfg(target_os = "linux")]
use table::{ESTABLISHED, SYN_SENT, Socket, Sockets, find_listed};

/// How long an unmatched peer is observed before it counts as unreported. A peer that has reset its
/// connection leaves the kernel's table a moment before the reset arrives at this end.
#[cfg(target_os = "linux")]
const SETTLE: Duration = Duration::from_millis(20);

/// The owner of a peer's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This user, or root: port forwarders and WSL's relay run as root.
    Trusted,
    /// Another user, by the user id that this process sees.
    OtherUser(u32),
    /// The peer has closed its socket, so its owner is no longer known.
    Gone,
    /// The system reports no owner.
    Unreported,
}

/// A connection that may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The peer is this user's or root's.
    Trusted,
    /// The system cannot tell. The peer may be another user's program.
    Unreported,
}

/// Checks the owners of one listener's peers. Opens nothing before the first check.
#[derive(Debug, Default)]
pub struct PeerCheck {
    #[cfg(target_os = "linux")]
    sockets: std::sync::OnceLock<Sockets>,
    #[cfg(target_os = "linux")]
    listed: Listed,
    has_warned: AtomicBool,
}

impl PeerCheck {
    /// A check with no state yet.
    pub fn new() -> Self {
        PeerCheck::default()
    }

    /// Whether this system reports the owner of a local program's connection. Opens one loopback
    /// connection to itself to find out. A peer without a local socket stays unreported even then.
    pub fn is_available() -> bool {
        #[cfg(target_os = "linux")]
        return rustix::process::geteuid().as_raw() != OVERFLOW && Sockets::probe().is_some();
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    /// Decides whether a connection may be read. `local` is this end, `peer` the other. `None`
    /// means that the connection must be closed unread. Reports the first connection of another
    /// user as a warning, further ones at debug level. Needs a tokio runtime with time.
    pub async fn admit(&self, local: SocketAddr, peer: SocketAddr) -> Option<Admission> {
        let owner = self.owner(local, peer);
        #[cfg(target_os = "linux")]
        let owner = match owner {
            Owner::Unreported => {
                let again = || self.owner(local, peer);
                self.listed.owner(local, peer, again).await
            }
            owner => owner,
        };
        match owner {
            Owner::Trusted => Some(Admission::Trusted),
            Owner::Unreported => Some(Admission::Unreported),
            Owner::Gone => None,
            Owner::OtherUser(uid) => {
                if self.has_warned.swap(true, Ordering::Relaxed) {
                    tracing::debug!("Closed a connection from the user with id {uid}.");
                } else {
                    tracing::warn!(
                        "closed a connection to port {} from another user of this machine (user \
                         id {uid})",
                        local.port()
                    );
                }
                None
            }
        }
    }

    /// Returns the owner of the socket at `peer` that is connected to `local`. Does not block.
    #[cfg(target_os = "linux")]
    pub fn owner(&self, local: SocketAddr, peer: SocketAddr) -> Owner {
        let sockets = self.sockets.get_or_init(Sockets::first);
        // Neither end is in the table: this end was reset, or the table cannot be read.
        owner_by(sockets, local, peer).unwrap_or_else(|| match Sockets::probe() {
            None => Owner::Unreported,
            Some(other) if discriminant(&other) == discriminant(sockets) => Owner::Gone,
            Some(other) => owner_by(&other, local, peer).unwrap_or(Owner::Gone),
        })
    }

    /// Returns [`Owner::Unreported`].
    #[cfg(not(target_os = "linux"))]
    pub fn owner(&self, _local: SocketAddr, _peer: SocketAddr) -> Owner {
        Owner::Unreported
    }
}

/// Returns the owner by one way of reading the table; `None` if neither end of the connection is there.
#[cfg(target_os = "linux")]
fn owner_by(sockets: &Sockets, local: SocketAddr, peer: SocketAddr) -> Option<Owner> {
    if let Some(socket) = sockets.find(peer, local) {
        return Some(judge(socket, rustix::process::geteuid().as_raw()));
    }
    let own = sockets.find(local, peer)?;
    // No local socket is connected to this one. If the connection lives, its other end is
    // elsewhere; if not, its owner closed it, perhaps in order not to be recognised.
    Some(match own.state {
        ESTABLISHED => Owner::Unreported,
        _ => Owner::Gone,
    })
}

/// Looks unmatched peers up in the table as text, which lists every socket, whatever the lookup by
/// `sock_diag` takes into account: a socket that is bound to another device once it is connected.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Listed {
    /// The table is long on a busy machine, and any user can make it longer. So one thread reads it
    /// at a time, and not more than half of the time.
    turn: std::sync::Arc<tokio::sync::Mutex<()>>,
    /// The peers that wait for the table, and the one that is looked up.
    waiting: tokio::sync::Semaphore,
}

/// Most unmatched peers that wait. Further ones are closed unread. A browser opens fewer connections.
#[cfg(target_os = "linux")]
const WAITING: usize = 16;

#[cfg(target_os = "linux")]
impl Default for Listed {
    fn default() -> Self {
        Listed {
            turn: std::sync::Arc::default(),
            waiting: tokio::sync::Semaphore::new(WAITING),
        }
    }
}

#[cfg(target_os = "linux")]
impl Listed {
    /// Looks `again` after a pause, and then in the table. The number of such lookups at a time is
    /// limited, because another user can make any number of sockets that are not found at first.
    async fn owner(
        &self,
        local: SocketAddr,
        peer: SocketAddr,
        again: impl FnOnce() -> Owner,
    ) -> Owner {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Owner::Gone;
        };
        tokio::time::sleep(SETTLE).await;
        match again() {
            Owner::Unreported => {}
            owner => return owner,
        }
        let turn = self.turn.clone().lock_owned().await;
        let began = tokio::time::Instant::now();
        // The turn goes along, because the lookup goes on if its connection is dropped meanwhile.
        let lookup = move || (find_listed(peer, local), turn);
        let Ok((listed, turn)) = tokio::task::spawn_blocking(lookup).await else {
            return Owner::Gone;
        };
        let rest = began.elapsed();
        tokio::spawn(async move {
            tokio::time::sleep(rest).await;
            drop(turn);
        });
        match listed {
            Some(socket) => judge(socket, rustix::process::geteuid().as_raw()),
            None => Owner::Unreported,
        }
    }
}

/// The id of every user without an id in this user namespace (`overflowuid` in `proc(5)`). A process
/// with this id cannot tell itself from those users.
#[cfg(target_os = "linux")]
const OVERFLOW: u32 = 65_534;

/// A closed socket has no inode and is reported as owned by root, regardless of its former owner.
#[cfg(target_os = "linux")]
fn judge(socket: Socket, own_uid: u32) -> Owner {
    match socket {
        Socket { inode: 0, .. } => Owner::Gone,
        // The peer of an accepted connection has received the handshake's reply. This is another
        // socket of the same ends, which waits for its own connection.
        Socket {
            state: SYN_SENT, ..
        } => Owner::Gone,
        Socket { uid: OVERFLOW, .. } if own_uid == OVERFLOW => Owner::Unreported,
        Socket { uid, .. } if uid == own_uid || uid == 0 => Owner::Trusted,
        Socket { uid, .. } => Owner::OtherUser(uid),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

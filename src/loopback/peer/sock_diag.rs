//! Looks one TCP socket up in the kernel's table by `sock_diag(7)`: one datagram each way.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

use super::proc_net::{Socket, mapped};

// From Linux's `netlink.h`, `sock_diag.h` and `inet_diag.h`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;
/// Length of a reply up to and including `idiag_inode`.
const REPLY: usize = HEADER + 72;
/// Where the ports and addresses are in a reply.
const REPLY_ENDS: Range<usize> = HEADER + 4..HEADER + 40;
/// Linux gives the loopback device this index in every network namespace (`net/flow.h`). A lookup
/// without a device does not find a socket that is bound to one by `SO_BINDTODEVICE`, which every
/// user may set. A lookup with the device finds both kinds.
const LOOPBACK_DEVICE: u32 = 1;
const IPPROTO_TCP: u8 = 6;
const ANY_COOKIE: [u8; 8] = [0xff; 8];

/// A netlink socket that asks for one TCP socket at a time.
#[derive(Debug)]
pub(super) struct SockDiag(Mutex<(OwnedFd, u32)>);

impl SockDiag {
    /// `None` if this process may not open such a socket.
    pub(super) fn open() -> Option<Self> {
        let flags = SocketFlags::CLOEXEC;
        let kind = SocketType::DGRAM;
        let fd = socket_with(AddressFamily::NETLINK, kind, flags, Some(SOCK_DIAG)).ok()?;
        connect(&fd, &SocketAddrNetlink::new(0, 0)).ok()?;
        Some(SockDiag(Mutex::new((fd, 0))))
    }

    /// Returns the socket bound to `from` and connected to `to`, if the kernel reports it.
    pub(super) fn find(&self, from: SocketAddr, to: SocketAddr) -> Option<Socket> {
        let mut guard = self.0.lock().ok()?;
        let (fd, sequence) = &mut *guard;
        *sequence = sequence.wrapping_add(1);
        send(&*fd, &request(from, to, *sequence), SendFlags::empty()).ok()?;
        // The kernel queues its reply before `send` returns, so there is nothing to wait for. An
        // earlier reply that was not read is skipped.
        let mut buffer = [0; 512];
        loop {
            let (length, _) = recv(&*fd, &mut buffer, RecvFlags::DONTWAIT).ok()?;
            let reply = buffer.get(..length)?;
            if number(reply, 8)? == *sequence {
                return read(reply, from, to);
            }
        }
    }
}

fn request(from: SocketAddr, to: SocketAddr, sequence: u32) -> Vec<u8> {
    let family = match from {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let mut bytes = Vec::with_capacity(REQUEST);
    bytes.extend((REQUEST as u32).to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend([family.as_raw() as u8, IPPROTO_TCP, 0, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(ends([from, to], octets));
    bytes.extend(LOOPBACK_DEVICE.to_ne_bytes());
    bytes.extend(ANY_COOKIE);
    bytes
}

/// The two ports and then the two addresses, in network order.
fn ends(ends: [SocketAddr; 2], octets: fn(IpAddr) -> [u8; 16]) -> Vec<u8> {
    let ports = ends.iter().flat_map(|end| end.port().to_be_bytes());
    let addresses = ends.iter().flat_map(|end| octets(end.ip()));
    ports.chain(addresses).collect()
}

/// Four words in network order; an IPv4 address takes the first.
fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let mut words = [0; 16];
            words[..4].copy_from_slice(&ip.octets());
            words
        }
    }
}

/// `None` for an error, which has another type: `ENOENT` if there is no such socket. If no connection
/// has these ends, the kernel may answer with a socket that listens at `from`, which is another one.
fn read(reply: &[u8], from: SocketAddr, to: SocketAddr) -> Option<Socket> {
    let kind = u16::from_ne_bytes(reply.get(4..6)?.try_into().ok()?);
    if kind != SOCK_DIAG_BY_FAMILY || reply.len() < REPLY {
        return None;
    }
    // A socket of the IPv6 family may be connected to an IPv4 address.
    let octets = match *reply.get(HEADER)? == AddressFamily::INET.as_raw() as u8 {
        true => |ip: IpAddr| octets(ip.to_canonical()),
        false => |ip: IpAddr| mapped(ip).octets(),
    };
    if *reply.get(REPLY_ENDS)? != ends([from, to], octets) {
        return None;
    }
    Some(Socket {
        state: *reply.get(HEADER + 1)?,
        uid: number(reply, HEADER + 64)?,
        inode: number(reply, HEADER + 68)?,
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(four.try_into().ok()?))
}

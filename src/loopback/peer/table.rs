//! Looks one socket up in the kernel's table of TCP sockets: by `sock_diag(7)`, with one datagram each
//! way, or in `/proc/net/tcp` and `tcp6`, which list every socket as text.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

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

/// One socket as the kernel describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) state: u8,
    pub(super) uid: u32,
    pub(super) inode: u32,
}

/// `TCP_ESTABLISHED` of Linux's `tcp_states.h`.
pub(super) const ESTABLISHED: u8 = 1;
/// `TCP_SYN_SENT` of the same file.
pub(super) const SYN_SENT: u8 = 2;

/// The kernel's table of TCP sockets, by the way in which it can be read.
#[derive(Debug)]
pub(super) enum Sockets {
    /// A netlink socket that asks for one TCP socket at a time, and the number of its last request.
    SockDiag(Mutex<(OwnedFd, u32)>),
    ProcNet,
}

impl Sockets {
    /// The fastest way that can be opened; whether it answers shows in use.
    pub(super) fn first() -> Self {
        Sockets::sock_diag().unwrap_or(Sockets::ProcNet)
    }

    /// `None` if this process may not open such a socket.
    pub(super) fn sock_diag() -> Option<Self> {
        let flags = SocketFlags::CLOEXEC;
        let kind = SocketType::DGRAM;
        let fd = socket_with(AddressFamily::NETLINK, kind, flags, Some(SOCK_DIAG)).ok()?;
        connect(&fd, &SocketAddrNetlink::new(0, 0)).ok()?;
        Some(Sockets::SockDiag(Mutex::new((fd, 0))))
    }

    /// The first way that finds a connection which certainly exists.
    pub(super) fn probe() -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .or_else(|_| TcpListener::bind((Ipv6Addr::LOCALHOST, 0)))
            .ok()?;
        let own = TcpStream::connect(listener.local_addr().ok()?).ok()?;
        let (local, peer) = (own.local_addr().ok()?, own.peer_addr().ok()?);
        [Sockets::first(), Sockets::ProcNet]
            .into_iter()
            .find(|sockets| sockets.find(local, peer).is_some())
    }

    /// Returns the socket bound to `from` and connected to `to`, if the kernel reports it.
    pub(super) fn find(&self, from: SocketAddr, to: SocketAddr) -> Option<Socket> {
        let Sockets::SockDiag(diag) = self else {
            return find_listed(from, to);
        };
        let mut guard = diag.lock().ok()?;
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
                return read_reply(reply, from, to);
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
fn read_reply(reply: &[u8], from: SocketAddr, to: SocketAddr) -> Option<Socket> {
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

/// Returns the socket bound to `from` and connected to `to`, if the text lists it.
pub(super) fn find_listed(from: SocketAddr, to: SocketAddr) -> Option<Socket> {
    let ends = [from, to];
    let spelled = ends.map(spell);
    if from.is_ipv6() {
        return find_in_file("/proc/net/tcp6", &spelled);
    }
    // A socket of the IPv6 family that is connected to an IPv4 address is in the other file.
    let mapped = || ends.map(|end| spell(SocketAddr::new(mapped(end.ip()).into(), end.port())));
    find_in_file("/proc/net/tcp", &spelled).or_else(|| find_in_file("/proc/net/tcp6", &mapped()))
}

/// Returns the address as one of IPv6.
fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

fn find_in_file(path: &str, ends: &[String; 2]) -> Option<Socket> {
    let lines = BufReader::new(File::open(path).ok()?).lines();
    lines
        .map_while(Result::ok)
        .find_map(|line| read_line(&line, ends))
}

/// Fields of a line: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
fn read_line(line: &str, [from, to]: &[String; 2]) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    if fields.next()? != from || fields.next()? != to {
        return None;
    }
    Some(Socket {
        state: u8::from_str_radix(fields.next()?, 16).ok()?,
        uid: fields.nth(3)?.parse().ok()?,
        inode: fields.nth(1)?.parse().ok()?,
    })
}

/// Each word of the address is printed as a number of this machine's byte order.
fn spell(end: SocketAddr) -> String {
    let octets = match end.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = octets.chunks_exact(4).map(|word| {
        let word = [word[0], word[1], word[2], word[3]];
        format!("{:08X}", u32::from_ne_bytes(word))
    });
    format!("{}:{:04X}", words.collect::<String>(), end.port())
}

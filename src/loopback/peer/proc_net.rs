//! Looks one TCP socket up in `/proc/net/tcp` and `tcp6`, which list every socket as text.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

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

/// Returns the socket bound to `from` and connected to `to`, if the kernel lists it.
pub(super) fn find(from: SocketAddr, to: SocketAddr) -> Option<Socket> {
    let ends = [from, to];
    let spelled = ends.map(spell);
    if from.is_ipv6() {
        return find_in("/proc/net/tcp6", &spelled);
    }
    // A socket of the IPv6 family that is connected to an IPv4 address is in the other file.
    let mapped = || ends.map(|end| spell(SocketAddr::new(mapped(end.ip()).into(), end.port())));
    find_in("/proc/net/tcp", &spelled).or_else(|| find_in("/proc/net/tcp6", &mapped()))
}

/// Returns the address as one of IPv6.
pub(super) fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

fn find_in(path: &str, ends: &[String; 2]) -> Option<Socket> {
    let lines = BufReader::new(File::open(path).ok()?).lines();
    lines
        .map_while(Result::ok)
        .find_map(|line| read(&line, ends))
}

/// Fields of a line: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
fn read(line: &str, [from, to]: &[String; 2]) -> Option<Socket> {
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

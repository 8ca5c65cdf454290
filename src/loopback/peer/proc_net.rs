//! Looks one TCP socket up in `/proc/net/tcp` and `tcp6`, which list every socket as text.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

use super::socket::Socket;

/// Returns the socket bound to `from` and connected to `to`, if the kernel lists it.
pub(super) fn find(from: SocketAddr, to: SocketAddr) -> Option<Socket> {
    // A socket of the IPv6 family that is connected to an IPv4 address is in the other file.
    let mapped = [spell_mapped(from), spell_mapped(to)];
    let plain = [spell(from), spell(to)];
    match from.is_ipv4() {
        true => find_in("/proc/net/tcp", &plain).or_else(|| find_in("/proc/net/tcp6", &mapped)),
        false => find_in("/proc/net/tcp6", &plain),
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
    spell_octets(&octets, end.port())
}

fn spell_mapped(end: SocketAddr) -> String {
    let octets = match end.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    spell_octets(&octets, end.port())
}

fn spell_octets(octets: &[u8], port: u16) -> String {
    let words = octets.chunks_exact(4).map(|word| {
        let word = [word[0], word[1], word[2], word[3]];
        format!("{:08X}", u32::from_ne_bytes(word))
    });
    format!("{}:{port:04X}", words.collect::<String>())
}

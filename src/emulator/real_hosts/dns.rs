//! A name server for one network namespace: its own hosts are loopback, and no other name exists.
//!
//! It receives messages of the programs in the namespace only. Every message is bounded before it is
//! parsed: one question, at most one additional record (EDNS), 512 bytes.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{
    CLASS, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;

use super::names::Site;

/// The longest message over UDP without EDNS (RFC 1035, section 2.3.4). No query is longer.
const LONGEST: usize = 512;
/// The connections at a time, and the time that each of them has.
const CONNECTIONS: usize = 16;
const CONNECTION_LIFE: Duration = Duration::from_secs(5);
/// The life of an answer, in seconds.
const TTL: u32 = 60;

/// The sockets of the name server.
#[derive(Debug)]
pub(super) struct NameServer {
    udp: std::net::UdpSocket,
    tcp: std::net::TcpListener,
    /// Whether the emulator also listens on `::1`.
    has_ipv6: bool,
}

impl NameServer {
    /// Binds UDP and TCP at one address.
    pub(super) fn bind(address: SocketAddr, has_ipv6: bool) -> io::Result<NameServer> {
        let tcp = std::net::TcpListener::bind(address)?;
        let udp = std::net::UdpSocket::bind(tcp.local_addr()?)?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        Ok(NameServer { udp, tcp, has_ipv6 })
    }

    /// Answers until the future is dropped.
    pub(super) async fn serve(self) -> io::Result<()> {
        let udp = UdpSocket::from_std(self.udp)?;
        let tcp = TcpListener::from_std(self.tcp)?;
        let datagrams = serve_datagrams(udp, self.has_ipv6);
        let connections = serve_connections(tcp, self.has_ipv6);
        tokio::join!(datagrams, connections);
        Ok(())
    }
}

async fn serve_datagrams(socket: UdpSocket, has_ipv6: bool) {
    let mut buffer = [0; LONGEST + 1];
    loop {
        // A socket error belongs to an earlier reply, whose receiver is gone.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let message = buffer.get(..length).unwrap_or_default();
        if let Some(reply) = reply_to(message, has_ipv6) {
            let _ = socket.send_to(&reply, peer).await;
        }
    }
}

async fn serve_connections(listener: TcpListener, has_ipv6: bool) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        connections.spawn(async move {
            let served = serve_connection(stream, has_ipv6);
            let _ = tokio::time::timeout(CONNECTION_LIFE, served).await;
            drop(place);
        });
    }
}

/// Answers messages with their length in front (RFC 1035, section 4.2.2).
async fn serve_connection(mut stream: TcpStream, has_ipv6: bool) -> io::Result<()> {
    let mut buffer = [0; LONGEST];
    loop {
        let length = usize::from(stream.read_u16().await?);
        let message = buffer.get_mut(..length);
        let message = message.ok_or(io::ErrorKind::InvalidData)?;
        stream.read_exact(message).await?;
        let reply = reply_to(message, has_ipv6).ok_or(io::ErrorKind::InvalidData)?;
        let length = u16::try_from(reply.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        stream.write_u16(length).await?;
        stream.write_all(&reply).await?;
    }
}

/// Returns the reply to a message; `None` if it is not a query with one question.
fn reply_to(message: &[u8], has_ipv6: bool) -> Option<Vec<u8>> {
    let count = |at: usize| {
        Some(u16::from_be_bytes([
            *message.get(at)?,
            *message.get(at + 1)?,
        ]))
    };
    let is_response = message.get(2)? & 0x80 != 0;
    // The parser reserves memory for as many records as a message claims to have.
    let is_bounded = count(4)? == 1 && count(6)? == 0 && count(8)? == 0 && count(10)? <= 1;
    if is_response || !is_bounded || message.len() > LONGEST {
        return None;
    }
    let query = Packet::parse(message).ok()?;
    let mut reply = Packet::new_reply(query.id());
    *reply.opcode_mut() = query.opcode();
    let recursion = PacketFlag::RECURSION_DESIRED;
    if query.has_flags(recursion) {
        reply.set_flags(recursion);
    }
    reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_AVAILABLE);
    let question = query.questions.into_iter().next()?;
    match answers(reply.opcode(), &question, has_ipv6) {
        Ok(answers) => reply.answers = answers,
        Err(code) => *reply.rcode_mut() = code,
    }
    reply.questions.push(question);
    reply.build_bytes_vec_compressed().ok()
}

/// Returns the records that answer a question, which can be none.
fn answers<'q>(
    opcode: OPCODE,
    question: &Question<'q>,
    has_ipv6: bool,
) -> Result<Vec<ResourceRecord<'q>>, RCODE> {
    let is_internet = matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY);
    if opcode != OPCODE::StandardQuery || !is_internet {
        return Err(RCODE::NotImplemented);
    }
    let name = question.qname.to_string();
    if !name.is_ascii() || Site::of(&name).is_none() {
        return Err(RCODE::NameError);
    }
    let v4 = RData::A(A {
        address: Ipv4Addr::LOCALHOST.into(),
    });
    let v6 = RData::AAAA(AAAA {
        address: Ipv6Addr::LOCALHOST.into(),
    });
    let data = match question.qtype {
        QTYPE::TYPE(TYPE::A) => Some(v4),
        QTYPE::TYPE(TYPE::AAAA) if has_ipv6 => Some(v6),
        _ => None,
    };
    let record = |data| ResourceRecord::new(question.qname.clone(), CLASS::IN, TTL, data);
    Ok(data.into_iter().map(record).collect())
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;

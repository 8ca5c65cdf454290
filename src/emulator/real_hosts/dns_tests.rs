//! The name server on real sockets, and with messages that are none.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use simple_dns::Name;

use super::*;

fn query(name: &str, kind: TYPE) -> Vec<u8> {
    let mut packet = Packet::new_query(0xbeef);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new_unchecked(name);
    let question = Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false);
    packet.questions.push(question);
    packet.build_bytes_vec().expect("a query")
}

/// The code and the addresses of the reply to a message.
fn answer(message: &[u8]) -> Option<(RCODE, Vec<String>)> {
    let reply = reply_to(message, true)?;
    Some(read(&reply))
}

fn read(reply: &[u8]) -> (RCODE, Vec<String>) {
    let reply = Packet::parse(reply).expect("a reply");
    assert_eq!(reply.id(), 0xbeef);
    assert!(reply.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_DESIRED));
    let addresses = reply.answers.iter().map(|record| match &record.rdata {
        RData::A(a) => Ipv4Addr::from(a.address).to_string(),
        RData::AAAA(aaaa) => Ipv6Addr::from(aaaa.address).to_string(),
        other => panic!("{other:?}"),
    });
    (reply.rcode(), addresses.collect())
}

#[test]
fn own_hosts_are_loopback_and_no_other_name_exists() {
    let found = |address: &str| Some((RCODE::NoError, vec![address.to_owned()]));
    for own in [
        "login.microsoftonline.com",
        "LOGIN.Windows.net",
        "graph.microsoft.com",
        "contoso.communication.azure.com",
        "contoso.europe.communication.azure.us",
    ] {
        assert_eq!(answer(&query(own, TYPE::A)), found("127.0.0.1"), "{own}");
        assert_eq!(answer(&query(own, TYPE::AAAA)), found("::1"), "{own}");
        let other_kind = answer(&query(own, TYPE::TXT));
        assert_eq!(other_kind, Some((RCODE::NoError, vec![])), "{own}");
    }
    for other in [
        "example.com",
        "communication.azure.com",
        "management.azure.com",
        "x",
    ] {
        let none = Some((RCODE::NameError, vec![]));
        assert_eq!(answer(&query(other, TYPE::A)), none, "{other}");
    }
}

#[test]
fn without_ipv6_a_name_has_its_other_address_only() {
    let reply = reply_to(&query("login.windows.net", TYPE::AAAA), false);
    assert_eq!(read(&reply.expect("a reply")), (RCODE::NoError, vec![]));
}

#[test]
fn malformed_messages_get_no_reply_and_end_at_once() {
    let good = query("contoso.communication.azure.com", TYPE::A);
    assert!(reply_to(&good, true).is_some());
    for length in 0..good.len() {
        assert_eq!(reply_to(&good[..length], true), None, "{length} bytes");
    }
    // A response, two questions, answers, a longer message.
    for (at, value) in [
        (2, 0x81),
        (5, 2),
        (5, 0),
        (4, 0xff),
        (7, 1),
        (9, 1),
        (11, 2),
        (10, 0xff),
    ] {
        let mut message = good.clone();
        message[at] = value;
        assert_eq!(reply_to(&message, true), None, "byte {at}");
    }
    let mut long = good.clone();
    long.resize(LONGEST + 1, 0);
    assert_eq!(reply_to(&long, true), None);
    // A name that points to itself, forward, or beyond the message.
    for pointer in [[0xc0, 0x0c], [0xc0, 0x20], [0xff, 0xff]] {
        let mut message = good[..12].to_vec();
        message.extend(pointer);
        message.extend([0, 1, 0, 1]);
        assert_eq!(reply_to(&message, true), None, "{pointer:?}");
    }
}

#[test]
fn no_bytes_make_the_server_fail_or_answer_at_length() {
    let mut random = fastrand::Rng::with_seed(14);
    let good = query("contoso.communication.azure.com", TYPE::A);
    for round in 0..200_000 {
        let mut message = match round % 2 {
            0 => good.clone(),
            _ => (0..random.usize(..64)).map(|_| random.u8(..)).collect(),
        };
        for _ in 0..random.usize(1..6) {
            if !message.is_empty() {
                let at = random.usize(..message.len());
                message[at] = random.u8(..);
            }
        }
        let reply = reply_to(&message, true).unwrap_or_default();
        assert!(reply.len() <= LONGEST, "{message:?}");
    }
}

#[test]
fn udp_and_tcp_answer_at_one_address() {
    let server = NameServer::bind((Ipv4Addr::LOCALHOST, 0).into(), true).expect("a port");
    let address = server.tcp.local_addr().expect("bound");
    let client = std::thread::spawn(move || {
        let message = query("login.microsoftonline.com", TYPE::A);
        let expected = (RCODE::NoError, vec!["127.0.0.1".to_owned()]);
        let limit = Some(Duration::from_secs(30));
        let mut buffer = [0; 512];

        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        udp.set_read_timeout(limit).expect("a limit");
        udp.send_to(b"no query", address).expect("sent");
        udp.send_to(&message, address).expect("sent");
        let length = udp.recv(&mut buffer).expect("a reply");
        assert_eq!(read(&buffer[..length]), expected);

        let mut tcp = TcpStream::connect(address).expect("a connection");
        tcp.set_read_timeout(limit).expect("a limit");
        for _ in 0..2 {
            let length = u16::try_from(message.len()).expect("short");
            tcp.write_all(&length.to_be_bytes()).expect("sent");
            tcp.write_all(&message).expect("sent");
            let mut length = [0; 2];
            tcp.read_exact(&mut length).expect("a length");
            let reply = &mut buffer[..u16::from_be_bytes(length).into()];
            tcp.read_exact(reply).expect("a reply");
            assert_eq!(read(reply), expected);
        }
        tcp.write_all(&[0xff; 64]).expect("sent");
        let closed = tcp.read(&mut buffer).map_err(|error| error.kind());
        assert!(matches!(
            closed,
            Ok(0) | Err(io::ErrorKind::ConnectionReset)
        ));
    });
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let asked = runtime.block_on(async {
        tokio::select! {
            asked = tokio::task::spawn_blocking(|| client.join()) => asked,
            served = server.serve() => panic!("{served:?}"),
        }
    });
    asked.expect("a thread").expect("every answer");
}

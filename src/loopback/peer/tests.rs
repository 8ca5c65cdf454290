use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use super::*;

struct Pair {
    client: TcpStream,
    server: TcpStream,
}

fn pair(at: impl Into<SocketAddr>) -> Pair {
    let listener = TcpListener::bind(at.into()).expect("a free port");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (server, _) = listener.accept().expect("it is connected");
    Pair { client, server }
}

fn ends(server: &TcpStream) -> (SocketAddr, SocketAddr) {
    let local = server.local_addr().expect("a socket has an address");
    (local, server.peer_addr().expect("a socket has a peer"))
}

/// Each way of reading the table that this machine must have.
fn ways() -> [Sockets; 2] {
    let diag = Sockets::sock_diag().expect("this machine has sock_diag");
    [diag, Sockets::ProcNet]
}

#[test]
fn own_connection_is_trusted_on_both_families() {
    for at in [
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
    ] {
        let pair = pair(at);
        let (local, peer) = ends(&pair.server);
        for way in ways() {
            assert_eq!(
                owner_by(&way, local, peer),
                Some(Owner::Trusted),
                "{way:?} {at}"
            );
        }
        assert_eq!(PeerCheck::new().owner(local, peer), Owner::Trusted);
    }
}

#[test]
fn both_ways_report_the_same_uid_inode_and_state() {
    let pair = pair((Ipv4Addr::LOCALHOST, 0));
    let (local, peer) = ends(&pair.server);
    let found = ways().map(|way| way.find(peer, local).expect("it is connected"));
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0].uid, rustix::process::geteuid().as_raw());
    assert_ne!(found[0].inode, 0);
}

#[test]
fn ipv6_socket_that_is_connected_to_an_ipv4_address_is_found() {
    use rustix::net::{AddressFamily, SocketType, connect, socket};

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let client = socket(AddressFamily::INET6, SocketType::STREAM, None).expect("a socket");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port));
    connect(&client, &to).expect("it listens");
    let (server, _) = listener.accept().expect("it is connected");
    let (local, peer) = ends(&server);
    for way in ways() {
        assert_eq!(owner_by(&way, local, peer), Some(Owner::Trusted), "{way:?}");
    }
}

#[test]
fn peer_that_closed_after_sending_is_gone_and_not_root() {
    let Pair { mut client, server } = pair((Ipv4Addr::LOCALHOST, 0));
    client.write_all(b"POST / HTTP/1.1\r\n").expect("sent");
    let (local, peer) = ends(&server);
    drop(client);
    for way in ways() {
        assert_ne!(owner_by(&way, local, peer), Some(Owner::Trusted), "{way:?}");
        assert_ne!(
            owner_by(&way, local, peer),
            Some(Owner::Unreported),
            "{way:?}"
        );
    }
    assert_eq!(PeerCheck::new().owner(local, peer), Owner::Gone);
}

#[test]
fn peer_that_reset_after_sending_is_gone_and_not_unreported() {
    let Pair { mut client, server } = pair((Ipv4Addr::LOCALHOST, 0));
    client.write_all(b"POST / HTTP/1.1\r\n").expect("sent");
    let (local, peer) = ends(&server);
    rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO))
        .expect("linger can be set");
    drop(client);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let admission = runtime.block_on(PeerCheck::new().admit(local, peer));
    assert_eq!(admission, None);
}

#[test]
fn another_uid_is_another_user_and_root_is_trusted() {
    let socket = |uid, inode| Socket {
        state: ESTABLISHED,
        uid,
        inode,
    };
    for (socket, own, expected) in [
        (socket(1000, 7), 1000, Owner::Trusted),
        (socket(0, 7), 1000, Owner::Trusted),
        (socket(1001, 7), 1000, Owner::OtherUser(1001)),
        (socket(1000, 7), 0, Owner::OtherUser(1000)),
        (socket(65534, 7), 1000, Owner::OtherUser(65534)),
        (socket(0, 0), 1000, Owner::Gone),
        (socket(1000, 0), 1000, Owner::Gone),
        (socket(65534, 7), 65534, Owner::Unreported),
        (socket(0, 7), 65534, Owner::Trusted),
    ] {
        assert_eq!(judge(socket, own), expected, "{socket:?} seen by {own}");
    }
    let connecting = Socket {
        state: SYN_SENT,
        ..socket(1000, 7)
    };
    assert_eq!(judge(connecting, 1000), Owner::Gone, "it is no peer yet");
}

#[test]
fn this_machine_reports_owners() {
    assert!(PeerCheck::is_available());
}

#[test]
fn socket_that_is_bound_to_a_device_is_found_and_not_the_listener_at_its_port() {
    use socket2::{Domain, Socket, Type};

    for at in [
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
    ] {
        let listener = TcpListener::bind(at).expect("a free port");
        let client = Socket::new(Domain::for_address(at), Type::STREAM, None).expect("a socket");
        client.set_reuse_address(true).expect("every user may");
        client.bind_device(Some(b"lo")).expect("every user may");
        client.bind(&at.into()).expect("a free port");
        let from = client.local_addr().expect("bound").as_socket();
        // The port can still be listened at, here by the user of the attacked service.
        let _cover =
            TcpListener::bind(from.expect("an IP address")).expect("the port can be shared");
        let to = listener.local_addr().expect("bound");
        client.connect(&to.into()).expect("it listens");
        let (server, _) = listener.accept().expect("it is connected");
        let (local, peer) = ends(&server);
        for way in ways() {
            let found = way.find(peer, local).expect("it is connected");
            assert_eq!(found.state, ESTABLISHED, "{way:?} {at}");
        }
    }
}

#[test]
fn socket_that_listens_at_the_peers_port_is_not_taken_for_the_peer() {
    let listening = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let peer = listening.local_addr().expect("bound");
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let local = other.local_addr().expect("bound");
    for way in ways() {
        assert_eq!(way.find(peer, local), None, "{way:?}");
    }
}

#[test]
fn unmatched_peers_beyond_the_waiting_ones_are_closed_and_the_table_is_read_one_at_a_time() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listed = Listed::default();
        let absent = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let turn = listed.turn.clone().lock_owned().await;
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| Box::pin(listed.owner(absent, absent, || Owner::Unreported)))
            .collect();
        for one in &mut waiting {
            assert!(futures_util::poll!(one.as_mut()).is_pending());
        }
        assert_eq!(
            listed.owner(absent, absent, || Owner::Unreported).await,
            Owner::Gone
        );
        drop(turn);
        for one in waiting {
            assert_eq!(one.await, Owner::Unreported);
        }
        assert_eq!(
            listed.owner(absent, absent, || Owner::Unreported).await,
            Owner::Unreported
        );
    });
}

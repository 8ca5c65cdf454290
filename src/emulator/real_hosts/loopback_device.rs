//! Brings up the loopback device of a new network namespace: one netlink message (rtnetlink(7)).

use std::io;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{connect, recv, send, socket_with};

// From Linux's `netlink.h`, `rtnetlink.h` and `if.h`.
const RTM_NEWLINK: u16 = 16;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const IFF_UP: u32 = 1;
const HEADER: usize = 16;
const REQUEST: usize = HEADER + 16;
/// Linux gives the loopback device this index in every network namespace (`net/flow.h`).
const LOOPBACK_DEVICE: i32 = 1;

/// Brings the device up. The kernel then adds 127.0.0.1 and `::1`.
pub(super) fn bring_up() -> io::Result<()> {
    // The default protocol of this family is `NETLINK_ROUTE`.
    let (kind, flags) = (SocketType::DGRAM, SocketFlags::CLOEXEC);
    let socket = socket_with(AddressFamily::NETLINK, kind, flags, None)?;
    connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    send(&socket, &request(), SendFlags::empty())?;
    // The kernel queues its reply before `send` returns.
    let mut reply = [0; 512];
    let (length, _) = recv(&socket, &mut reply, RecvFlags::DONTWAIT)?;
    match error_number(reply.get(..length).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(number.saturating_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn request() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(REQUEST);
    bytes.extend((REQUEST as u32).to_ne_bytes());
    bytes.extend(RTM_NEWLINK.to_ne_bytes());
    bytes.extend((NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
    // Sequence and port are zero.
    bytes.extend([0; 8]);
    // `ifinfomsg`: family and type are unspecified.
    bytes.extend([0; 4]);
    bytes.extend(LOOPBACK_DEVICE.to_ne_bytes());
    bytes.extend(IFF_UP.to_ne_bytes());
    bytes.extend(IFF_UP.to_ne_bytes());
    bytes
}

/// Returns the negative error number of an acknowledgement; zero is success.
fn error_number(reply: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(reply.get(4..6)?.try_into().ok()?);
    let number = i32::from_ne_bytes(reply.get(HEADER..HEADER + 4)?.try_into().ok()?);
    (kind == NLMSG_ERROR).then_some(number)
}

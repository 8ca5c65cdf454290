//! The emulator over real sockets, with a raw HTTP client and no code of the real client.

mod access;
mod apis;
mod authorize;
mod consents;
mod cors;
mod exchange;
mod faults;
mod front;
mod graph;
pub(in crate::emulator) mod harness;
mod identities;
mod journal;
mod limits;
mod mistakes;
mod old_clients;
mod personas;
mod platforms;
mod protocol_v1;
mod real_hosts;
mod server;
mod service;
mod tokens;
mod validity;
mod versions;

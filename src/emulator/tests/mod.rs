//! The emulator over real sockets, spoken to by hand: bytes in, bytes out, nothing of the client's.

mod access;
mod authorize;
mod exchange;
mod harness;
mod identities;
mod limits;
mod old_clients;
mod personas;
mod server;
mod service;
mod tokens;

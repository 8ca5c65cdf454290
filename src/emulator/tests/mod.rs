//! The emulator over real sockets, spoken to by hand: bytes in, bytes out, nothing of the client's.

mod access;
mod authorize;
mod doors;
mod exchange;
mod identities;
mod limits;
mod old_clients;
mod personas;
mod service;
mod tokens;
mod wire;

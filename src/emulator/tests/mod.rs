//! The emulator over real sockets, spoken to by hand: bytes in, bytes out, nothing of the client's.

mod authorize;
mod doors;
mod exchange;
mod tokens;
mod wire;

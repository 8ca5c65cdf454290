//! The whole command against the emulator, over real sockets.

mod contract_state;
mod map;
mod secret_service;

//! The whole command against the emulator, over real sockets.

mod map;
mod secret_service;

//! The whole command against the emulator, over real sockets.

mod secret_service;

//! The whole command against the emulator, over real sockets: one file a promise.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod bad_input;
mod cache;
mod concurrency;
mod contract_state;
mod elsewhere;
mod freshness;
mod full_disk;
mod get;
mod harness;
mod killed_writers;
mod map;
mod output;
mod secret_service;
mod sign_in;
mod stores;

//! The exchange service as a process, against the emulator over real sockets: one file a promise.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod audit;
mod bad_input;
mod database;
mod desktop;
mod exchange;
mod forms;
mod harness;
mod keys;
mod limits;
mod on_behalf_of;
mod operation;
mod outages;
mod program;
mod tls;
#[cfg(feature = "otlp")]
mod traces;
mod versions;

//! The documents: generated pages are current, JSON schemas describe what the commands print, links
//! lead to something, and shell blocks run.
//!
//! `UPDATE_DOCS=1 cargo test --test docs generated` rewrites the generated pages.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod book;
mod commands;
mod control;
mod emulator_parity;
mod errors;
mod faults;
mod files;
mod generated;
mod http;
mod json;
mod links;
mod markdown;
mod mentions;
mod model_steps;
mod outputs;
mod readme;
mod sandbox;
mod schema;
mod shell_blocks;
mod tables;
mod testing;

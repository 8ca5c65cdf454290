//! One file for each command: functions from arguments to an exit code, which print the result.
//!
//! Arguments and the input of the process go in. `cli` selects the function.

pub(super) mod access;
pub(super) mod account;
pub(super) mod api;
mod bulk;
mod child;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod doctor;
pub(super) mod emulator;
pub(super) mod exec;
pub(super) mod get;
#[cfg_attr(not(unix), path = "guard_elsewhere.rs")]
pub(super) mod guard;
pub(super) mod help;
pub(super) mod inspect;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod man;
pub(super) mod profile;
pub(super) mod serve;
pub(super) mod session;
pub(super) mod setup;
mod setup_questions;
pub(super) mod status;
pub(super) mod store;
#[cfg_attr(not(target_os = "linux"), path = "tied_elsewhere.rs")]
pub(super) mod tied;
pub(super) mod token;
pub(super) mod user;

//! `emulator` and the commands below it, as processes.

mod authority;
mod control;
mod env_file;
mod environment;
mod listen;
mod ports;
mod seed;
mod state;

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::Home;
use crate::harness::process::Process;

/// A home whose state folder is in it, for the real program too.
pub(crate) fn home() -> Home {
    let mut home = Home::new();
    let state = state_folder(&home).display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home
}

/// The state folder of a [`home`].
fn state_folder(home: &Home) -> PathBuf {
    home.path().join("state")
}

/// Starts an emulator on free ports with these options, and returns its line of JSON.
fn start<'h>(home: &'h Home, options: &[&str]) -> (Process<'h>, Value) {
    let words = ["emulator", "-o", "json", "--https-port=0", "--http-port=0"];
    let words = [&words[..], options].concat();
    let running = home.call(&words).plainly().spawn();
    let line = running.next_line();
    (
        running,
        serde_json::from_str(&line).expect("one line of JSON"),
    )
}

/// Stops an emulator, which ends with 0.
fn stop(running: Process<'_>) {
    running.signal("INT");
    running.end().assert_code(0);
}

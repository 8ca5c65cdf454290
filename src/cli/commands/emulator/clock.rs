//! `emulator clock`: shows and changes the clock of a running emulator.

use std::time::Duration;

use serde_json::{Value, json};

use super::remote::remote;
use crate::cli::args::EmulatorClock;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::Result;
use crate::time::{Timestamp, in_words};

pub(crate) fn run(change: &EmulatorClock, env: &Environment, output: &mut Output) -> Result<u8> {
    let remote = remote(env)?;
    let body = match change {
        EmulatorClock::Show => None,
        EmulatorClock::Freeze => Some(json!({"frozen": true})),
        EmulatorClock::Resume => Some(json!({"frozen": false})),
        EmulatorClock::Advance { by } => Some(json!({"advanceSeconds": by.as_secs()})),
        EmulatorClock::Set { to } => Some(json!({"now": to.to_string()})),
        EmulatorClock::Reset => Some(json!({"offsetSeconds": 0, "frozen": false})),
    };
    let clock = match &body {
        None => remote.get("/clock")?,
        Some(_) => remote.change("PUT", "/clock", body.as_ref())?,
    };
    output.print_result(&described(&clock, env), &clock)
}

/// Returns the clock for a reader: `18:24, 1 h ahead of this machine, stopped`.
fn described(clock: &Value, env: &Environment) -> String {
    let now = clock["now"].as_str().and_then(Timestamp::parse_rfc3339);
    let times = env.local_times(env.clock.now());
    let time = now.map(|now| times.clock_time(now)).unwrap_or_default();
    let offset = clock["offsetSeconds"].as_i64().unwrap_or_default();
    let by = in_words(Duration::from_secs(offset.unsigned_abs()));
    let mut text = match offset {
        0 => format!("{time}, as this machine"),
        1.. => format!("{time}, {by} ahead of this machine"),
        _ => format!("{time}, {by} behind this machine"),
    };
    if clock["frozen"] == true {
        text.push_str(", stopped");
    }
    text
}

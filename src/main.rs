//! Gathers the outside world, runs the command, ends with its exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use acspass::cli::{Folders, Outside, Stdin, run};
use acspass::time::SystemClock;
use etcetera::app_strategy::{AppStrategy, AppStrategyArgs, choose_native_strategy};

#[expect(clippy::disallowed_methods, reason = "the one door to the environment")]
fn main() -> ExitCode {
    acspass::hardening::begin();
    let variables: Vec<(String, OsString)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .collect();
    let outside = Outside {
        // A setting that is not text is refused by the code that reads it, and not ignored.
        environment: variables
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string_lossy().into_owned()))
            .collect(),
        raw_environment: variables
            .into_iter()
            .filter(|(_, value)| value.to_str().is_none())
            .collect(),
        folders: folders(),
        stdin: Stdin {
            is_terminal: io::stdin().is_terminal(),
            source: Box::new(io::stdin()),
        },
        stdout: Box::new(io::stdout()),
        stderr: Box::new(io::stderr()),
        stderr_is_terminal: io::stderr().is_terminal(),
        stderr_size: terminal_size::terminal_size_of(io::stderr())
            .map(|(width, height)| (width.0.into(), height.0.into())),
        clock: Arc::new(SystemClock),
        browser: None,
        listeners,
        program: std::env::current_exe().ok(),
    };
    ExitCode::from(run(std::env::args_os().collect(), outside))
}

fn folders() -> Option<Folders> {
    let strategy = choose_native_strategy(AppStrategyArgs {
        top_level_domain: "dev".to_owned(),
        author: "acspass".to_owned(),
        app_name: "acspass".to_owned(),
    })
    .ok()?;
    Some(Folders {
        config: strategy.config_dir(),
        state: strategy.state_dir().unwrap_or_else(|| strategy.data_dir()),
    })
}

/// What systemd handed over (sd_listen_fds(3)), if it was meant for this very process: the two
/// variables may also be left over from a parent's.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the one door to the environment")]
fn listeners() -> io::Result<Vec<TcpListener>> {
    let meant_for = std::env::var("LISTEN_PID").ok();
    if meant_for.and_then(|pid| pid.parse().ok()) != Some(std::process::id()) {
        return Ok(Vec::new());
    }
    let mut given = listenfd::ListenFd::from_env();
    (0..given.len())
        .filter_map(|place| given.take_tcp_listener(place).transpose())
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn listeners() -> io::Result<Vec<TcpListener>> {
    Ok(Vec::new())
}

//! Creates the environment of the process, runs the command, exits with its code.

use std::io::{self, IsTerminal};
use std::net::TcpListener;
use std::process::ExitCode;

use acspass::cli::{Environment, Folders, Input, run};
use etcetera::app_strategy::{AppStrategy, AppStrategyArgs, choose_native_strategy};

#[expect(clippy::disallowed_methods, reason = "reads the process's environment")]
fn main() -> ExitCode {
    // First: a parent that ends later is then noticed.
    let parent = parent();
    acspass::hardening::harden_process();
    let stdin = Input::new(io::stdin(), io::stdin().is_terminal());
    let mut env = Environment::new(std::env::vars_os(), stdin, io::stderr());
    env.folders = folders();
    env.stderr_is_terminal = io::stderr().is_terminal();
    env.stderr_size = terminal_size::terminal_size_of(io::stderr())
        .map(|(width, height)| (width.0.into(), height.0.into()));
    env.stdout_is_terminal = io::stdout().is_terminal();
    env.stdout_columns =
        terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
    env.time_zone = jiff::tz::TimeZone::system;
    env.listeners = listeners;
    env.parent = parent;
    env.program = std::env::current_exe().ok();
    ExitCode::from(run(std::env::args_os().collect(), env, io::stdout()))
}

/// Returns the id of the process that started this one.
#[cfg(unix)]
fn parent() -> Option<u32> {
    Some(std::os::unix::process::parent_id())
}

/// This system keeps no such id.
#[cfg(not(unix))]
fn parent() -> Option<u32> {
    None
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

/// Takes the sockets that systemd passed to this process (sd_listen_fds(3)). The variables can also
/// be left over from a parent process; then there are none.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "reads the process's environment")]
fn listeners() -> io::Result<Vec<TcpListener>> {
    let pid = std::env::var("LISTEN_PID").ok();
    if pid.and_then(|pid| pid.parse().ok()) != Some(std::process::id()) {
        return Ok(Vec::new());
    }
    let mut passed = listenfd::ListenFd::from_env();
    (0..passed.len())
        .filter_map(|index| passed.take_tcp_listener(index).transpose())
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn listeners() -> io::Result<Vec<TcpListener>> {
    Ok(Vec::new())
}

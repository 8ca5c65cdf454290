//! Gathers the outside world, runs the command, ends with its exit code.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use acspass::cli::{Folders, Outside, Stdin, run};
use acspass::time::SystemClock;
use etcetera::app_strategy::{AppStrategy, AppStrategyArgs, choose_native_strategy};

#[expect(clippy::disallowed_methods, reason = "the one door to the environment")]
fn main() -> ExitCode {
    let environment = std::env::vars_os()
        // What is not text is refused by what reads it, rather than taken for unset.
        .filter_map(|(name, value)| {
            Some((
                name.into_string().ok()?,
                value.to_string_lossy().into_owned(),
            ))
        })
        .collect();
    let outside = Outside {
        environment,
        folders: folders(),
        stdin: Stdin {
            is_terminal: std::io::stdin().is_terminal(),
            source: Box::new(std::io::stdin()),
        },
        stdout: Box::new(std::io::stdout()),
        stderr: Box::new(std::io::stderr()),
        stderr_is_terminal: std::io::stderr().is_terminal(),
        stderr_size: terminal_size::terminal_size_of(std::io::stderr())
            .map(|(width, height)| (width.0.into(), height.0.into())),
        clock: Arc::new(SystemClock),
        browser: None,
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

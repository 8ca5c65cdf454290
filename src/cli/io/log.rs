//! Prints the library's tracing events as lines on standard error, and shows its waits on a terminal.
//!
//! The level selects the events, and the warnings of the command. `-q` and `-v` set it, else
//! ACSPASS_LOG; the default is `info`. Events of other crates are never printed, because they can
//! contain secrets.

use std::fmt::{Debug, Write as _};

use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::Registry;

use crate::cli::env_vars::ACSPASS_LOG;
use crate::emulator::REQUESTS;
use crate::progress;
use crate::text::{quoted, without_secrets};

use super::messages::Messages;

/// The levels that ACSPASS_LOG may name, each with the events of those before it.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Determines the level: the flags, else the variable, else `info`. Returns a warning if the variable
/// names no level. It is only a warning, since the level changes no result.
pub(crate) fn level(quiet: bool, verbose: u8, log: Option<&str>) -> (LevelFilter, Option<String>) {
    let log = log.unwrap_or_default().trim();
    let name = log.strip_prefix("acspass=").unwrap_or(log);
    let mut known = LEVELS.into_iter();
    let named = known.find(|known| known.eq_ignore_ascii_case(name));
    let level = match (quiet, verbose, named) {
        (true, ..) => LevelFilter::ERROR,
        (_, 0, Some(named)) => named.parse().unwrap_or(LevelFilter::INFO),
        (_, 0, None) if log.is_empty() => LevelFilter::INFO,
        (_, 0, None) => {
            let warning = format!(
                "{ACSPASS_LOG} is {}, which is not a level and has no effect; the levels are {}",
                quoted(log),
                LEVELS.join(", ")
            );
            return (LevelFilter::INFO, Some(warning));
        }
        (_, 1, _) => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    (level, None)
}

/// Runs `work` while events of this crate become lines of `messages`. `time` returns the local time, which
/// the emulator's requests are printed with.
pub(crate) fn with_subscriber<T>(
    messages: &Messages,
    time: impl Fn() -> String + Send + Sync + 'static,
    work: impl FnOnce() -> T,
) -> T {
    let lines = Lines {
        messages: messages.clone(),
        time,
    };
    let subscriber = lines.with_subscriber(Registry::default());
    tracing::subscriber::with_default(subscriber, work)
}

struct Lines<F> {
    messages: Messages,
    time: F,
}

impl<S, F> Layer<S> for Lines<F>
where
    S: Subscriber,
    F: Fn() -> String + Send + Sync + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let target = metadata.target();
        if target == progress::TARGET {
            return self.messages.columns().is_some();
        }
        let is_ours = target == "acspass" || target.starts_with("acspass::");
        is_ours && *metadata.level() <= self.messages.level
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut text = String::new();
        attributes.record(&mut |_: &Field, value: &dyn Debug| {
            let _ = write!(text, "{value:?}");
        });
        self.messages
            .show_wait(id.into_u64(), &without_secrets(&text));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.messages.end_wait(id.into_u64());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = String::new();
        // The message is the first field.
        event.record(&mut |field: &Field, value: &dyn Debug| {
            let _ = match field.name() {
                "message" => write!(text, "{value:?}"),
                name => write!(text, ", {name} {value:?}"),
            };
        });
        let text = without_secrets(&text);
        let (messages, metadata) = (&self.messages, event.metadata());
        if metadata.target() == REQUESTS {
            return messages.print_always(&format!("{} {text}", (self.time)()));
        }
        match *metadata.level() {
            Level::WARN => messages.warn(&text),
            Level::ERROR | Level::INFO => messages.print_always(&text),
            _ => messages.log(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_beats_variable_beats_default() {
        for (quiet, verbose, log, expected) in [
            (false, 0, None, LevelFilter::INFO),
            (false, 0, Some(""), LevelFilter::INFO),
            (false, 0, Some("off"), LevelFilter::OFF),
            (false, 0, Some("error"), LevelFilter::ERROR),
            (false, 0, Some(" WARN\n"), LevelFilter::WARN),
            (false, 0, Some("info"), LevelFilter::INFO),
            (false, 0, Some("acspass=debug"), LevelFilter::DEBUG),
            (false, 0, Some("trace"), LevelFilter::TRACE),
            (true, 0, Some("trace"), LevelFilter::ERROR),
            (false, 1, Some("error"), LevelFilter::DEBUG),
            (false, 1, Some("trace"), LevelFilter::DEBUG),
            (false, 2, Some("off"), LevelFilter::TRACE),
        ] {
            let (level, warning) = level(quiet, verbose, log);
            assert_eq!(level, expected, "{quiet} {verbose} {log:?}");
            assert_eq!(warning, None, "{log:?}");
        }
    }

    #[test]
    fn unknown_level_is_named_with_the_known_ones_unless_a_flag_decides() {
        for log in ["loud", "3", "warning,acspass=debug", "hyper=debug"] {
            let (found, warning) = level(false, 0, Some(log));
            assert_eq!(found, LevelFilter::INFO);
            let warning = warning.expect("a warning");
            assert!(warning.contains(log), "{warning}");
            assert!(
                warning.contains("off, error, warn, info, debug, trace"),
                "{warning}"
            );
            assert_eq!(level(true, 0, Some(log)).1, None);
        }
    }
}

//! What the library tells the user while it works: its tracing events, as lines of our own.
//!
//! Warnings and notes are shown as they are; what is finer needs `-v`, `-vv` or `ACSPASS_LOG`, which names a level.
//! Events of other crates are never shown: nobody has checked them for secrets.

use std::fmt::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::Registry;

use super::output::{Loudness, Talk};
use crate::text::without_secrets;

/// Runs `work` while events of this crate become lines of `talk`.
pub(crate) fn listening<T>(talk: &Talk, log: Option<&str>, work: impl FnOnce() -> T) -> T {
    let most = match talk.loudness() {
        Loudness::Quiet => Level::ERROR,
        Loudness::Normal => Level::INFO,
        Loudness::Verbose => Level::DEBUG,
        Loudness::All => Level::TRACE,
    };
    let asked = log.and_then(|log| {
        let level = log
            .trim()
            .trim_start_matches("acspass=")
            .parse::<Level>()
            .ok();
        if level.is_none() {
            talk.warn("ACSPASS_LOG is none of error, warn, info, debug and trace: it is ignored");
        }
        level
    });
    let subscriber = Lines {
        talk: talk.clone(),
        most: asked.map_or(most, |asked| asked.max(most)),
    }
    .with_subscriber(Registry::default());
    tracing::subscriber::with_default(subscriber, work)
}

struct Lines {
    talk: Talk,
    most: Level,
}

impl Lines {
    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        (target == "acspass" || target.starts_with("acspass::")) && *metadata.level() <= self.most
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.shows(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = format!("{}{}", line.message, line.fields);
        let text = without_secrets(&text);
        match *event.metadata().level() {
            Level::ERROR => self.talk.insist(&text),
            Level::WARN => self.talk.warn(&text),
            Level::INFO => self.talk.say(&text),
            _ => self.talk.say(&format!("debug: {text}")),
        }
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

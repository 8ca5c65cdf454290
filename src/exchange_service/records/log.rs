//! Messages to the operator, as JSON lines. Events of other crates are never printed, because they can
//! contain secrets.

use std::fmt::{Debug, Write as _};

use serde_json::json;
use tracing::field::Field;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

use super::writer::Writer;
use crate::exchange_service::traces::Export;
use crate::text::without_secrets;
use crate::time::{Clock as _, SystemClock};

/// Prints the events of this crate, in all threads of the process, and exports its spans.
pub(in crate::exchange_service) fn log_to(writer: Writer, export: Option<&Export>) {
    let spans = export.map(|export| export.layer());
    let subscriber = Registry::default().with(spans).with(Lines(writer));
    // It fails if the process has a subscriber, which then gets the events.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

struct Lines(Writer);

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let target = metadata.target();
        let is_ours = target == "acspass" || target.starts_with("acspass::");
        is_ours && *metadata.level() <= Level::INFO
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = String::new();
        event.record(&mut |field: &Field, value: &dyn Debug| {
            let _ = match field.name() {
                "message" => write!(text, "{value:?}"),
                name => write!(text, ", {name} {value:?}"),
            };
        });
        let line = json!({
            "time": SystemClock.now().to_string(),
            "level": event.metadata().level().as_str().to_ascii_lowercase(),
            "message": without_secrets(&text),
        });
        self.0.message(format!("{line}\n").into_bytes());
    }
}

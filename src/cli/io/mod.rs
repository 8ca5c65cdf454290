//! Standard output and standard error: results, messages, log lines.
//!
//! Values go in, bytes for two streams come out. Control characters of foreign text are removed here.
//! Nothing is read here.

pub(super) mod indent;
pub(super) mod local_time;
pub(super) mod log;
pub(super) mod messages;
pub(super) mod output;
pub(super) mod qr;
pub(super) mod report;
pub(super) mod style;
pub(super) mod wrap;
